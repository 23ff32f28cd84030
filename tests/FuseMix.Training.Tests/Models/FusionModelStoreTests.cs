using FuseMix.Storage;
using FuseMix.Testing;
using FuseMix.Testing.Training;
using FuseMix.Training.Baselines;
using FuseMix.Training.Models;

namespace FuseMix.Training.Tests.Models;

public sealed class FusionModelStoreTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly FusionModel First = CanonicalCorrelation.Fit(PlantedData.Create(), components: 6);
    private static readonly FusionModel Second = CanonicalCorrelation.Fit(PlantedData.Create(), components: 5);

    private readonly TemporaryFolder _folder = new();
    private readonly FusionModelStore _store;

    public FusionModelStoreTests() => _store = new FusionModelStore(new FuseMixHome(_folder.Path));

    public void Dispose()
    {
        Faults.OnStep = null;
        _folder.Dispose();
    }

    [Fact]
    public void A_saved_model_is_known_by_its_name_and_fingerprint()
    {
        Assert.Empty(_store.Names());
        _store.Save("mine", First);
        Assert.Equal(["mine"], _store.Names());
        Assert.True(_store.Contains("mine"));
        Assert.False(_store.Contains("../mine"));
        Assert.Equal((First.Fingerprint, "mine"), (_store.Load("mine").Fingerprint, _store.Load("mine").Name));
        Assert.Equal(First.Fingerprint, _store.Current("mine"));
        Assert.True(File.Exists(Path.Combine(_store.FolderOf("mine"), "model.json")));
    }

    [Fact]
    public void A_model_that_was_trained_anew_stays_beside_the_new_one_while_it_is_pinned()
    {
        _store.Save("mine", First);
        _store.Save("mine", Second);
        Assert.Equal(Second.Fingerprint, _store.Load("mine").Fingerprint);
        Assert.Equal(First.Fingerprint, _store.Load("mine", First.Fingerprint).Fingerprint);

        var pinned = new HashSet<NamedContent> { new("mine", First.Fingerprint) };
        _store.CollectGarbage(pinned, Now);
        Assert.Empty(_store.CollectGarbage(pinned, Now + ContentFolders.Grace));
        _store.CollectGarbage(new HashSet<NamedContent>(), Now);
        Assert.Single(_store.CollectGarbage(new HashSet<NamedContent>(), Now + ContentFolders.Grace));
        var gone = Assert.Throws<FuseMixException>(() => _store.Load("mine", First.Fingerprint));
        Assert.Equal(FailureKind.Corrupt, gone.Kind);
        Assert.Contains(First.Fingerprint.Short, gone.Message);
        Assert.Equal(Second.Fingerprint, _store.Load("mine").Fingerprint);
    }

    [Fact]
    public void A_model_that_is_collected_while_it_is_loaded_by_name_is_not_missed()
    {
        _store.Save("mine", First);
        var loaded = _store.LoadCurrent("mine", fingerprint =>
        {
            if (fingerprint == First.Fingerprint)
            {
                _store.Save("mine", Second);
                _store.CollectGarbage(new HashSet<NamedContent>(), Now);
                _store.CollectGarbage(new HashSet<NamedContent>(), Now + ContentFolders.Grace);
            }

            return _store.Load("mine", fingerprint);
        });
        Assert.Equal(Second.Fingerprint, loaded.Fingerprint);
    }

    [Fact]
    public async Task Whoever_loads_a_model_while_another_is_saved_finds_one_of_them()
    {
        _store.Save("mine", First);
        var saving = Task.Run(() =>
        {
            for (var i = 0; i < 30; i++) _store.Save("mine", i % 2 == 0 ? Second : First);
        }, TestContext.Current.CancellationToken);
        while (!saving.IsCompleted)
            Assert.Contains(_store.Load("mine").Fingerprint, (Fingerprint[])[First.Fingerprint, Second.Fingerprint]);
        await saving;
    }

    [Fact]
    public void A_crash_at_any_step_of_a_save_leaves_the_old_model_or_the_new_one()
    {
        var steps = 0;
        for (var stop = 0; ; stop++)
        {
            if (Directory.Exists(_folder["models"])) Directory.Delete(_folder["models"], recursive: true);
            _store.Save("mine", First);
            steps = 0;
            Faults.OnStep = step =>
            {
                if (steps++ == stop) throw new SimulatedCrash(step);
            };
            var crashed = Record.Exception(() => _store.Save("mine", Second));
            Faults.OnStep = null;
            var found = _store.Load("mine").Fingerprint;
            if (crashed is null) break;
            Assert.IsType<SimulatedCrash>(crashed);
            Assert.Contains(found, (Fingerprint[])[First.Fingerprint, Second.Fingerprint]);
            Assert.Equal(First.Fingerprint, _store.Load("mine", First.Fingerprint).Fingerprint);
            _store.Save("mine", Second);
            Assert.Equal(Second.Fingerprint, _store.Load("mine").Fingerprint);
        }

        // Two files a modality and the description in three steps each, the folder in two, the pointer in three.
        Assert.Equal(20, steps);
    }

    [Fact]
    public void A_damaged_model_is_mended_by_saving_it_again()
    {
        _store.Save("mine", First);
        File.WriteAllText(Path.Combine(_store.FolderOf("mine"), "model.json"), "{");
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => _store.Load("mine")).Kind);
        Assert.Throws<FuseMixException>(() => _store.Encoders());
        _store.Save("mine", First);
        Assert.Equal(First.Fingerprint, _store.Load("mine").Fingerprint);
    }

    [Fact]
    public void A_model_in_the_place_of_another_is_refused()
    {
        _store.Save("mine", First);
        _store.Save("yours", Second);
        var (mine, yours) = (_store.FolderOf("mine"), _store.FolderOf("yours"));
        Directory.Delete(mine, recursive: true);
        Directory.Move(yours, mine);
        var failure = Assert.Throws<FuseMixException>(() => _store.Load("mine"));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains(Second.Fingerprint.Short, failure.Message);
    }

    [Fact]
    public void The_encoders_of_all_models_are_told_of_replaced_ones_too()
    {
        _store.Save("mine", First);
        _store.Save("mine", Second);
        Assert.Equal(
            First.Modalities.Select(modality => new NamedContent(First.Source(modality).Encoder, First.EncoderFingerprint(modality)))
                .Order(ByName),
            _store.Encoders().Order(ByName));
    }

    [Fact]
    public void An_unknown_name_is_refused_with_the_nearest_one()
    {
        _store.Save("mine", First);
        var refused = Assert.Throws<FuseMixException>(() => _store.Load("mien"));
        Assert.Equal(FailureKind.NotFound, refused.Kind);
        Assert.Contains("'mine'", refused.Remedy);
    }

    private static readonly Comparer<NamedContent> ByName = Comparer<NamedContent>.Create((a, b) => string.CompareOrdinal(a.Name, b.Name));
}
