using System.Collections.Concurrent;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Home;

/// <summary>The fusion models of a node, loaded at first use.</summary>
internal sealed class FusionModels(FusionModelStore store, TimeProvider clock)
{
    /// <summary>How long a model stays in memory that nobody uses: of one that is trained again and again, only the last few are in
    /// use.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<(string Name, Fingerprint Fingerprint), Loaded> _loaded = new();

    /// <summary>Names of the models on disk, in order.</summary>
    public IReadOnlyList<string> Names() => store.Names();

    /// <summary>Whether there is a model of that name.</summary>
    public bool Contains(string name) => store.Contains(name);

    /// <summary>The model that a name means now.</summary>
    /// <exception cref="FuseMixException">Unknown, or its files are damaged.</exception>
    public FusionModel Get(string name) => store.LoadCurrent(name, fingerprint => Get(name, fingerprint));

    /// <summary>The model of a name and fingerprint, whatever the name means now.</summary>
    /// <exception cref="FuseMixException">It is not there any more, or its files are damaged.</exception>
    public FusionModel Get(string name, Fingerprint fingerprint)
    {
        var now = clock.GetTimestamp();
        if (!_loaded.TryGetValue((name, fingerprint), out var loaded))
        {
            foreach (var (key, other) in _loaded)
            {
                if (clock.GetElapsedTime(other.UsedAt, now) > Kept) _loaded.TryRemove(key, out _);
            }

            // Whoever asks while it is read waits for that, rather than reading it too.
            loaded = _loaded.GetOrAdd((name, fingerprint), _ => new Loaded(new(() => store.Load(name, fingerprint))) { UsedAt = now });
        }

        loaded.UsedAt = now;
        try
        {
            return loaded.Model;
        }
        catch
        {
            // A failure is not kept: the model may be mended while the node runs.
            _loaded.TryRemove(KeyValuePair.Create((name, fingerprint), loaded));
            throw;
        }
    }

    /// <summary>How the model came to be that a name means now, without it being loaded; null where there is none of that name, or its
    /// files are damaged.</summary>
    public ModelOrigin? OriginOf(string name)
    {
        try
        {
            return store.Contains(name) ? FusionModel.ReadOrigin(store.FolderOf(name)) : null;
        }
        catch (FuseMixException unreadable) when (unreadable.Kind is FailureKind.Corrupt or FailureKind.Invalid or FailureKind.NotFound)
        {
            // Whoever asks makes it anew, which is the remedy.
            return null;
        }
    }

    /// <summary>Whether it was this job that made a name mean what it means now, be it that the same model was there before.</summary>
    public bool IsBy(string name, TrainingJob job) => store.IsBy(name, job);

    /// <summary>Stores a model; from then on its name means it.</summary>
    public void Save(string name, FusionModel model) => store.Save(name, model);

    private sealed class Loaded(Lazy<FusionModel> model)
    {
        private long _usedAt;

        public FusionModel Model => model.Value;

        public long UsedAt
        {
            get => Volatile.Read(ref _usedAt);
            set => Volatile.Write(ref _usedAt, value);
        }
    }
}
