using FuseMix.Testing;
using Protocol = global::Onnx;

namespace FuseMix.Onnx.Tests;

public sealed class OnnxGraphTests
{
    [Fact]
    public void The_same_calls_give_the_same_bytes() => Assert.Equal(Sample().ToBytes(), Sample().ToBytes());

    [Fact]
    public void A_saved_model_parses_with_the_official_schema()
    {
        using var folder = new TemporaryFolder();
        Sample().Save(folder["model.onnx"]);

        var model = Protocol.ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder["model.onnx"]));

        Assert.Equal(7, model.IrVersion);
        Assert.Equal(13, model.OpsetImport.Single().Version);
        Assert.Equal("FuseMix.Cluster", model.ProducerName);
        Assert.Equal(["MatMul", "Split", "Add", "Softmax", "Identity"], model.Graph.Node.Select(n => n.OpType));
        Assert.Equal([2L, 4L], model.Graph.Initializer[0].Dims);
        Assert.Equal(32, model.Graph.Initializer[0].RawData.Length);
        Assert.Equal("n", model.Graph.Input.Single().Type.TensorType.Shape.Dim[0].DimParam);
        Assert.Equal(2, model.Graph.Input.Single().Type.TensorType.Shape.Dim[1].DimValue);
        Assert.Equal("latent", model.Graph.Output.Single().Name);
    }

    [Theory]
    [InlineData(13, 7)]
    [InlineData(17, 8)]
    [InlineData(19, 9)]
    [InlineData(21, 10)]
    public void The_format_version_is_the_oldest_that_knows_the_operator_set(int opset, int ir)
    {
        var graph = new OnnxGraph("g", opset);
        graph.Output(graph.Node("Relu", [graph.Input("x", OnnxElement.Float, 1)]), "y", OnnxElement.Float, 1);

        Assert.Equal(ir, Protocol.ModelProto.Parser.ParseFrom(graph.ToBytes()).IrVersion);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(23)]
    public void An_operator_set_that_is_not_known_is_refused(int opset) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new OnnxGraph("g", opset));

    [Fact]
    public void A_tensor_of_another_graph_is_refused()
    {
        var graph = new OnnxGraph("g");

        var e = Assert.Throws<ArgumentException>(() => graph.Node("Relu", [new OnnxValue("elsewhere")]));

        Assert.Contains("'elsewhere'", e.Message);
    }

    [Fact]
    public void A_name_is_used_once()
    {
        var graph = new OnnxGraph("g");
        graph.Initializer("w", [1f], 1);

        Assert.Contains("'w'", Assert.Throws<ArgumentException>(() => graph.Input("w", OnnxElement.Float)).Message);
    }

    [Fact]
    public void A_name_that_is_made_up_steps_aside_for_one_that_was_given()
    {
        var graph = new OnnxGraph("g");
        var x = graph.Input("Relu_0", OnnxElement.Float, 1);

        Assert.Equal("Relu_1", graph.Node("Relu", [x]).Name);
    }

    [Fact]
    public void Values_that_do_not_fill_the_shape_are_refused()
    {
        var graph = new OnnxGraph("g");

        Assert.Contains("[2, 3] holds 6", Assert.Throws<ArgumentException>(() => graph.Initializer("w", new float[5], 2, 3)).Message);
    }

    [Fact]
    public void A_graph_without_an_output_is_not_written()
    {
        using var folder = new TemporaryFolder();
        var graph = new OnnxGraph("g");

        Assert.Throws<InvalidOperationException>(() => graph.Save(folder["m.onnx"]));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void An_optional_input_can_be_left_out()
    {
        var graph = new OnnxGraph("g");
        var x = graph.Input("x", OnnxElement.Float, 1);
        graph.Output(graph.Node("Clip", [x, OnnxValue.None, graph.Scalar(6)]), "y", OnnxElement.Float, 1);

        Assert.Equal(["x", "", "scalar_0"], Protocol.ModelProto.Parser.ParseFrom(graph.ToBytes()).Graph.Node[0].Input);
    }

    private static OnnxGraph Sample()
    {
        var graph = new OnnxGraph("sample");
        var x = graph.Input("x", OnnxElement.Float, "n", 2);
        var w = graph.Initializer("w", [1f, 2, 3, 4, 5, 6, 7, 8], 2, 4);
        var h = graph.Node("MatMul", [x, w]);
        var parts = graph.Nodes("Split", 2, [h, graph.Longs(2, 2)], [OnnxAttribute.Int("axis", 1)]);
        var sum = graph.Node("Add", [parts[0], parts[1]]);
        var y = graph.Node("Softmax", [sum], [OnnxAttribute.Int("axis", -1)]);
        graph.Output(y, "latent", OnnxElement.Float, "n", 2);
        graph.Metadata("origin", "a test");
        return graph;
    }
}
