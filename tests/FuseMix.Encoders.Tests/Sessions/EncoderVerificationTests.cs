using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Encoders.Tests.Sessions;

public sealed class EncoderVerificationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static EncoderVerificationReport Verify(string folder, Fingerprint? expected = null) =>
        EncoderVerification.Verify(
            EncoderPack.Load(folder), expected, new EncoderSessionOptions { Threads = 2, Device = EncoderDevice.Cpu });

    private static string Refused(string folder, Fingerprint? expected = null)
    {
        var refused = Assert.Throws<FuseMixException>(() => Verify(folder, expected));
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        return refused.Advice;
    }

    [Fact]
    public void An_honest_text_pack_passes()
    {
        var pack = EncoderPack.Load(TestPacks.Text(_folder["p"]));
        var report = Verify(pack.Folder, pack.Fingerprint);
        Assert.Equal(("tiny-text", 4, pack.Fingerprint), (report.Name, report.Dimension, report.Fingerprint));
        Assert.Contains("input ids Int64 [?, ?]", report.Signature);
        Assert.True(report.ItemTime > TimeSpan.Zero);
    }

    [Fact]
    public void An_honest_image_pack_passes() => Assert.Equal(3, Verify(TestPacks.Image(_folder["p"])).Dimension);

    [Fact]
    public void Another_fingerprint_is_another_encoder() =>
        Assert.Contains("another encoder", Refused(TestPacks.Text(_folder["p"]), Fingerprint.Of("something else")));

    [Fact]
    public void A_latent_that_depends_on_its_neighbours_is_refused() =>
        Assert.Contains("depends on the others", Refused(TestPacks.Text(_folder["p"], tensor: "unmasked")));

    [Fact]
    public void A_latent_that_does_not_depend_on_its_item_is_refused() =>
        Assert.Contains("does not depend on the item", Refused(TestPacks.Text(_folder["p"], tensor: "constant")));

    [Fact]
    public void A_wrong_dimension_is_refused() =>
        Assert.Contains("latent.dimension", Refused(TestPacks.Text(_folder["p"], tensor: "dynamic", claimedDimension: 7)));

    [Fact]
    public void A_latent_that_is_not_finite_is_refused() =>
        Assert.Contains(
            "not finite", Refused(TestPacks.Image(_folder["p"], tensor: "root", edit: json => json["image"]!["scale"] = 0.0001)));
}
