using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Google.Protobuf;
using Protocol = global::Onnx;

namespace FuseMix.Encoders.Tests.Sessions;

public sealed class DamagedModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_cut_off_anywhere_is_refused_by_name()
    {
        var model = Path.Combine(TestPacks.Image(_folder["p"]), "model.onnx");
        var whole = File.ReadAllBytes(model);
        for (var length = 0; length < whole.Length; length += 7)
        {
            File.WriteAllBytes(model, whole[..length]);
            Refused("cannot be opened");
        }
    }

    [Theory]
    [InlineData("weights", false)]
    [InlineData("../weights", true)]
    [InlineData("none", true)]
    [InlineData("link", true)]
    [InlineData("/etc/passwd", true)]
    public void Weights_are_taken_from_the_pack_alone(string location, bool refused)
    {
        var path = Path.Combine(TestPacks.Text(_folder["p"]), "model.onnx");
        var model = Protocol.ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        var table = model.Graph.Initializer.Single(tensor => tensor.Name == "table");
        File.WriteAllBytes(_folder["weights"], table.RawData.ToByteArray());
        File.WriteAllBytes(_folder["p/weights"], table.RawData.ToByteArray());
        File.CreateSymbolicLink(_folder["p/link"], _folder["weights"]);
        table.ClearRawData();
        table.DataLocation = Protocol.TensorProto.Types.DataLocation.External;
        table.ExternalData.Add(new Protocol.StringStringEntryProto { Key = "location", Value = location });
        File.WriteAllBytes(path, model.ToByteArray());

        if (refused) Refused("External data path");
        else Open().Dispose();
    }

    private EncoderSession Open() =>
        EncoderSession.Open(EncoderPack.Load(_folder["p"]), new EncoderSessionOptions { Threads = 1, Device = EncoderDevice.Cpu });

    private void Refused(string why)
    {
        var refused = Assert.Throws<FuseMixException>(() => Open().Dispose());
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        Assert.Contains("tiny-", refused.Message);
        Assert.Contains(why, refused.Message);
    }
}
