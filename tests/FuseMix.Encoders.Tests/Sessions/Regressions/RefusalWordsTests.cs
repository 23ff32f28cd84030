using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Google.Protobuf;
using Protocol = global::Onnx;

namespace FuseMix.Encoders.Tests.Sessions.Regressions;

/// <summary>The kind "words that are wrong or missing": a model is refused for what is wrong with it.</summary>
public sealed class RefusalWordsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_that_is_quantised_dynamically_is_not_told_of_a_mask()
    {
        Edit(TestPacks.Text(_folder["p"]), model =>
        {
            // As a quantiser does it: through eight bits, by the range of all texts of the call.
            var graph = model.Graph;
            var node = graph.Node.Single(n => n.Output.Contains("latent"));
            node.Output[node.Output.IndexOf("latent")] = "exact";
            graph.Node.Add(new Protocol.NodeProto { OpType = "DynamicQuantizeLinear", Input = { "exact" }, Output = { "codes", "scale", "zero" } });
            graph.Node.Add(new Protocol.NodeProto { OpType = "DequantizeLinear", Input = { "codes", "scale", "zero" }, Output = { "latent" } });
        });
        var refused = Refused();
        Assert.Contains("is quantised dynamically", refused, StringComparison.Ordinal);
        Assert.Contains("quantised statically", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("mask", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_a_version_to_come_is_not_called_a_part_of_a_file()
    {
        Edit(TestPacks.Image(_folder["p"]), model => model.OpsetImport.Single(set => set.Domain.Length == 0).Version = 99);
        var refused = Refused();
        Assert.Contains("its opset or IR version is newer than this ONNX Runtime knows", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("whole", refused, StringComparison.Ordinal);
    }

    private static void Edit(string folder, Action<Protocol.ModelProto> edit)
    {
        var path = Path.Combine(folder, "model.onnx");
        var model = Protocol.ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        edit(model);
        File.WriteAllBytes(path, model.ToByteArray());
    }

    private string Refused() => Assert.Throws<FuseMixException>(
        () => EncoderVerification.Verify(EncoderPack.Load(_folder["p"]), options: new EncoderSessionOptions { Threads = 2, Device = EncoderDevice.Cpu })).Advice;
}
