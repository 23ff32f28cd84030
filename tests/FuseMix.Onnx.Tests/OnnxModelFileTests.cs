using FuseMix.Testing;
using Google.Protobuf;
using Protocol = global::Onnx;

namespace FuseMix.Onnx.Tests;

public sealed class OnnxModelFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_tells_its_inputs_outputs_and_operators()
    {
        OnnxGraphTests.Sample().Save(_folder["m.onnx"]);

        var file = OnnxModelFile.Read(_folder["m.onnx"]);

        Assert.Equal("Float x [n, 2]", file.Inputs.Single().ToString());
        Assert.Equal("Float latent [n, 2]", file.Outputs.Single().ToString());
        Assert.Equal(["Add", "Identity", "MatMul", "Softmax", "Split"], file.Operators);
        Assert.Equal(13, file.Opsets[""]);
        Assert.Equal("FuseMix.Cluster", file.Producer);
        Assert.Equal("a test", file.Metadata["origin"]);
        Assert.Equal(10, file.ParameterCount);
        Assert.Empty(file.ExternalFiles);
        Assert.Equal(new FileInfo(_folder["m.onnx"]).Length, file.Length);
    }

    [Fact]
    public void An_input_with_a_constant_value_is_not_an_input()
    {
        var model = Model();
        model.Graph.Input.Add(new Protocol.ValueInfoProto { Name = "w" });

        Assert.Equal(["x"], Read(model).Inputs.Select(i => i.Name));
    }

    [Fact]
    public void A_dimension_may_be_unknown_and_a_shape_may_be_missing()
    {
        var model = Model();
        model.Graph.Input[0].Type.TensorType.Shape.Dim[1].DimValue = -1;
        model.Graph.Output[0].Type.TensorType.Shape = null;

        var file = Read(model);

        Assert.Equal("Float x [n, ?]", file.Inputs.Single().ToString());
        Assert.Null(file.Outputs.Single().Shape);
    }

    [Fact]
    public void A_model_cut_off_anywhere_is_refused_by_name()
    {
        // The operator set then comes last, so that no cut leaves a model that is whole in itself.
        var model = Model();
        model.MetadataProps.Clear();
        var whole = model.ToByteArray();
        for (var length = 0; length < whole.Length; length++)
        {
            var failure = ReadBytes(whole[..length]);
            Assert.NotNull(failure);
            Assert.Equal(FailureKind.Corrupt, failure.Kind);
            Assert.Contains("m.onnx", failure.Message);
        }
    }

    [Fact]
    public void A_file_of_anything_fails_only_in_words()
    {
        var random = new System.Random(5);
        var whole = OnnxGraphTests.Sample().ToBytes();
        for (var round = 0; round < 4000; round++)
        {
            byte[] bytes;
            if (round % 2 == 0)
            {
                bytes = new byte[random.Next(200)];
                random.NextBytes(bytes);
            }
            else
            {
                bytes = (byte[])whole.Clone();
                for (var i = random.Next(1, 5); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            ReadBytes(bytes);
        }
    }

    [Fact]
    public void A_missing_model_is_named()
    {
        var e = Assert.Throws<FuseMixException>(() => OnnxModelFile.Read(_folder["none.onnx"]));

        Assert.Equal(FailureKind.NotFound, e.Kind);
        Assert.Contains("none.onnx", e.Message);
    }

    [Fact]
    public void A_tensor_whose_bytes_do_not_fill_its_shape_is_named()
    {
        var model = Model();
        model.Graph.Initializer[0].Dims[0] = 3;

        var e = Assert.Throws<FuseMixException>(() => Read(model));

        Assert.Contains("'w' [3, 4] holds 32 bytes rather than 48", e.Message);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(1L << 40, 1L << 40)]
    [InlineData(long.MaxValue, long.MaxValue)]
    public void A_tensor_of_an_absurd_size_is_named(long rows, long columns)
    {
        var model = Model();
        model.Graph.Initializer[0].Dims.Clear();
        model.Graph.Initializer[0].Dims.Add([rows, columns]);

        Assert.Contains("'w' has the impossible shape", Assert.Throws<FuseMixException>(() => Read(model)).Message);
    }

    [Fact]
    public void External_weights_beside_the_model_are_listed()
    {
        File.WriteAllBytes(_folder["weights.bin"], new byte[40]);

        var file = Read(External("weights.bin", offset: "8"));

        Assert.Equal(["weights.bin"], file.ExternalFiles);
    }

    [Theory]
    [InlineData("../weights.bin")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../weights.bin")]
    [InlineData("..\\weights.bin")]
    [InlineData(".")]
    public void External_weights_outside_the_folder_are_refused(string location)
    {
        var e = Assert.Throws<FuseMixException>(() => Read(External(location)));

        Assert.Equal(FailureKind.Invalid, e.Kind);
        Assert.Contains("m.onnx", e.Message);
    }

    [Fact]
    public void A_link_out_of_the_folder_is_refused()
    {
        using var elsewhere = new TemporaryFolder();
        File.WriteAllBytes(elsewhere["secret"], new byte[32]);
        File.CreateSymbolicLink(_folder["weights.bin"], elsewhere["secret"]);

        Assert.Contains("leads out", Assert.Throws<FuseMixException>(() => Read(External("weights.bin"))).Message);
    }

    [Fact]
    public void A_linked_folder_that_leads_out_is_refused()
    {
        using var elsewhere = new TemporaryFolder();
        File.WriteAllBytes(elsewhere["secret"], new byte[32]);
        Directory.CreateSymbolicLink(_folder["inner"], elsewhere.Path);

        Assert.Contains("leads out", Assert.Throws<FuseMixException>(() => Read(External("inner/secret"))).Message);
    }

    [Fact]
    public void External_weights_that_are_missing_or_too_short_are_named()
    {
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => Read(External("weights.bin"))).Kind);
        File.WriteAllBytes(_folder["weights.bin"], new byte[31]);
        Assert.Contains("weights.bin", Assert.Throws<FuseMixException>(() => Read(External("weights.bin"))).Message);
        File.WriteAllBytes(_folder["weights.bin"], new byte[32]);
        Assert.Throws<FuseMixException>(() => Read(External("weights.bin", offset: "9223372036854775807")));
        Assert.Throws<FuseMixException>(() => Read(External("weights.bin", offset: "-1")));
        Read(External("weights.bin"));
    }

    [Fact]
    public void Weights_of_a_nested_graph_are_checked_too()
    {
        var inner = External("../x").Graph;
        var model = Model();
        model.Graph.Node[0].Attribute.Add(new Protocol.AttributeProto { Name = "body", G = inner });

        Assert.Throws<FuseMixException>(() => Read(model));
    }

    [Fact]
    public void Graphs_nested_without_end_are_refused()
    {
        var bytes = Model().Graph.ToByteString();
        for (var i = 0; i < 5000; i++)
        {
            var attribute = Field(Protocol.AttributeProto.GFieldNumber, bytes);
            var node = Field(Protocol.NodeProto.AttributeFieldNumber, attribute);
            bytes = Field(Protocol.GraphProto.NodeFieldNumber, node);
        }

        var failure = ReadBytes(Field(Protocol.ModelProto.GraphFieldNumber, bytes).ToByteArray());

        Assert.Contains("nested", failure!.Message);
    }

    private static ByteString Field(int number, ByteString content)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(number, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(content);
        }

        return ByteString.CopyFrom(stream.ToArray());
    }

    private static Protocol.ModelProto Model() => Protocol.ModelProto.Parser.ParseFrom(OnnxGraphTests.Sample().ToBytes());

    private static Protocol.ModelProto External(string location, string? offset = null)
    {
        var model = Model();
        var tensor = model.Graph.Initializer[0];
        tensor.ClearRawData();
        tensor.DataLocation = Protocol.TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new Protocol.StringStringEntryProto { Key = "location", Value = location });
        if (offset is not null) tensor.ExternalData.Add(new Protocol.StringStringEntryProto { Key = "offset", Value = offset });
        return model;
    }

    private OnnxModelFile Read(Protocol.ModelProto model)
    {
        File.WriteAllBytes(_folder["m.onnx"], model.ToByteArray());
        return OnnxModelFile.Read(_folder["m.onnx"]);
    }

    private FuseMixException? ReadBytes(byte[] bytes)
    {
        File.WriteAllBytes(_folder["m.onnx"], bytes);
        try
        {
            OnnxModelFile.Read(_folder["m.onnx"]);
            return null;
        }
        catch (FuseMixException e)
        {
            return e;
        }
    }
}
