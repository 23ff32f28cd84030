using FuseMix.Grains.Home;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Retrieval.Generations;
using FuseMix.Storage;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using FuseMix.Training.Models;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Tests.Home;

public sealed class UnusedContentsTests : IDisposable
{
    private readonly TestHome _home;
    private readonly CollectionStore _collections;
    private readonly ManualTimeProvider _clock = new();
    private readonly LogBook _log = new();
    private readonly UnusedContents _unused;
    private readonly FusionModel _first;
    private readonly FusionModel _second;

    public UnusedContentsTests(PreparedHome prepared)
    {
        _home = prepared.Copy();
        _collections = new CollectionStore(_home.Home);
        using var logging = LoggerFactory.Create(builder => builder.AddProvider(_log));
        _unused = new UnusedContents(_collections, _home.Models, _home.Packs, _clock, logging.CreateLogger<UnusedContents>());
        (_first, _second) = (_home.Model(PreparedHome.Model), _home.Model(PreparedHome.OtherModel));
    }

    public void Dispose() => _home.Dispose();

    [Fact]
    public void A_model_goes_when_neither_its_name_nor_a_generation_needs_it_any_more()
    {
        _home.Models.Save("mine", _first);
        using var building = _collections.Begin("boats", Spec("mine", _first));
        _home.Models.Save("mine", _second);
        CollectAll();
        Assert.Equal(_first.Fingerprint, _home.Models.Load("mine", _first.Fingerprint).Fingerprint);

        building.Write(
            "text-00000",
            Modality.Text,
            [new("txt-00", _home.Embeddings(PreparedHome.Model, Modality.Text)["txt-00"], new Dictionary<string, string>())]);
        var made = building.Commit();
        Assert.Equal(
            _first.EncoderFingerprint(Modality.Text).Hex,
            made.Encoders.Single(encoder => encoder.Name == TestHome.TextEncoder).Fingerprint);
        CollectAll();
        Assert.Equal(_first.Fingerprint, _home.Models.Load("mine", _first.Fingerprint).Fingerprint);

        _collections.Drop("boats");
        CollectAll();
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _home.Models.Load("mine", _first.Fingerprint)).Kind);
        Assert.Equal(_second.Fingerprint, _home.Model("mine").Fingerprint);
        Assert.Contains(_first.Fingerprint.Short, _log.Lines(6101).Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_encoder_stays_while_a_model_needs_it_and_goes_when_none_does()
    {
        var needed = _home.Packs.Load(TestHome.TextEncoder);
        var unneeded = _home.ReplaceTextEncoder();
        _home.Install(folder => TestPacks.Text(folder, TestHome.TextEncoder, edit: pack => pack["about"] = "A third one."));
        CollectAll();
        Assert.Equal(needed.Fingerprint, _home.Packs.Load(TestHome.TextEncoder, needed.Fingerprint).Fingerprint);
        Assert.Throws<FuseMixException>(() => _home.Packs.Load(TestHome.TextEncoder, unneeded.Fingerprint));
    }

    [Fact]
    public void An_encoder_that_is_not_needed_goes_at_once_when_a_user_removes_it()
    {
        var needed = _home.Packs.Load(TestHome.TextEncoder);
        var unneeded = _home.ReplaceTextEncoder();
        _home.Packs.Remove(TestHome.TextEncoder);
        _unused.Collect(TestHome.TextEncoder);
        Assert.False(Directory.Exists(unneeded.Folder));
        Assert.Equal(needed.Fingerprint, _home.Packs.Load(TestHome.TextEncoder, needed.Fingerprint).Fingerprint);
    }

    [Fact]
    public void Where_it_cannot_be_read_what_is_needed_everything_stays()
    {
        _home.Models.Save("mine", _first);
        _home.Models.Save("mine", _second);
        using (_collections.Begin("boats", Spec("mine", _second)))
        {
        }

        var needs = Directory.EnumerateFiles(_home.Home.Collections, "needs.json", SearchOption.AllDirectories).Single();
        File.WriteAllText(needs, "{");
        CollectAll();
        Assert.Equal(_first.Fingerprint, _home.Models.Load("mine", _first.Fingerprint).Fingerprint);
        Assert.Equal(2, _log.Lines(6102).Length);
    }

    private static GenerationSpec Spec(string name, FusionModel model) => new(name, model.Fingerprint, model.SharedDimension, [])
    {
        Encoders =
        [
            .. model.Modalities.Select(
                modality => new PinnedEncoder(model.Source(modality).Encoder, model.EncoderFingerprint(modality).Hex))
        ],
    };

    /// <summary>What is unused is noted, and deleted when its time is over.</summary>
    private void CollectAll()
    {
        _unused.Collect();
        _clock.Advance(ContentFolders.Grace);
        _unused.Collect();
    }
}
