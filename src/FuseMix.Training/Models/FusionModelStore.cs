using FuseMix.Storage;

namespace FuseMix.Training.Models;

/// <summary>The fusion models of a home folder: <c>models/&lt;name&gt;/&lt;fingerprint&gt;/</c> each, and which of them a name means
/// now.</summary>
/// <remarks>A model that was trained anew stays for the collections that were built with it, until <see cref="CollectGarbage"/> finds that
/// none is.</remarks>
/// <param name="home">The home folder.</param>
public sealed class FusionModelStore(FuseMixHome home)
{
    private readonly ContentFolders _models = new(home.Models, "fusion model", "Train the model again.");

    /// <summary>The names of the models, in ordinal order.</summary>
    public IReadOnlyList<string> Names() => _models.Names();

    /// <summary>Whether there is a model of a name.</summary>
    /// <exception cref="FuseMixException">What the name means cannot be read.</exception>
    public bool Contains(string name) => _models.Current(name) is not null;

    /// <summary>The fingerprint of the model that a name means now.</summary>
    /// <exception cref="FuseMixException">There is none; the nearest name is given.</exception>
    public Fingerprint Current(string name) => _models.Current(name) ?? throw FuseMixException.UnknownName("fusion model", name, Names());

    /// <summary>Where the files of the model lie that a name means now.</summary>
    /// <exception cref="FuseMixException">There is none; the nearest name is given.</exception>
    public string FolderOf(string name) => _models.FolderOf(new NamedContent(name, Current(name)));

    /// <summary>Reads the model that a name means now.</summary>
    /// <exception cref="FuseMixException">There is none (the nearest name is given), or it is damaged.</exception>
    public FusionModel Load(string name) => LoadCurrent(name, fingerprint => Load(name, fingerprint));

    /// <summary>Reads the model of a name and fingerprint, whatever the name means now.</summary>
    /// <exception cref="FuseMixException">It is not here any more, or it is damaged.</exception>
    public FusionModel Load(string name, Fingerprint fingerprint)
    {
        var folder = _models.FolderOf(new NamedContent(name, fingerprint));
        if (!Directory.Exists(folder))
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The fusion model '{name}' with the fingerprint {fingerprint.Short} is not here any more: '{folder}' is missing.",
                "Restore that folder from a copy; or train the model again, then build the collection again.");
        }

        var model = FusionModel.Load(folder, name);
        return model.Fingerprint == fingerprint ? model : throw new FuseMixException(
            FailureKind.Corrupt,
            $"'{folder}' holds a fusion model with the fingerprint {model.Fingerprint.Short}, not {fingerprint.Short}.",
            "Restore that folder from a copy; or remove it and train the model again.");
    }

    /// <summary>Loads what a name means now by its fingerprint, again where it was replaced and collected meanwhile.</summary>
    /// <param name="name">The name.</param>
    /// <param name="load">Loads the model of a fingerprint.</param>
    /// <exception cref="FuseMixException">There is none of that name (the nearest is given), or <paramref name="load"/> fails.</exception>
    public FusionModel LoadCurrent(string name, Func<Fingerprint, FusionModel> load)
    {
        while (true)
        {
            var current = Current(name);
            try
            {
                return load(current);
            }
            catch (FuseMixException) when (_models.Current(name) is { } now && now != current)
            {
                // What the name means now is there.
            }
        }
    }

    /// <summary>Stores a model; from then on its name means it. What the name meant before stays where it is.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="FuseMixException">The disk is full, or the folder cannot be written to.</exception>
    public void Save(string name, FusionModel model) => _models.Put(
        new NamedContent(name, model.Fingerprint),
        model.Save,
        IsSound,
        replace: true,
        model.Training.Job is { } job ? Signature(job) : null);

    /// <summary>Whether it was this job whose model was stored last under a name, even where another one had made the same
    /// before.</summary>
    /// <exception cref="FuseMixException">What the name means cannot be read.</exception>
    public bool IsBy(string name, TrainingJob job) => _models.By(name) == Signature(job);

    /// <summary>The encoders of every model that is here, whether its name still means it or not.</summary>
    /// <exception cref="FuseMixException">A model's description cannot be read.</exception>
    public IReadOnlySet<NamedContent> Encoders() =>
        _models.Folders().SelectMany(FusionModel.EncodersIn).Select(
            source => new NamedContent(source.Encoder, source.Fingerprint)).ToHashSet();

    /// <summary>Deletes models that were replaced and that no collection was built with, see
    /// <see cref="ContentFolders.CollectGarbage"/>.</summary>
    /// <param name="pinned">Models to keep.</param>
    /// <param name="now">The time.</param>
    /// <returns>The deleted folders.</returns>
    /// <exception cref="FuseMixException">What a name means cannot be read; nothing of that name was deleted.</exception>
    public IReadOnlyList<string> CollectGarbage(IReadOnlySet<NamedContent> pinned, DateTimeOffset now) =>
        _models.CollectGarbage(pinned, now);

    private static string Signature(TrainingJob job) => $"{job.Id} {job.SubmittedAt.UtcTicks}";

    private static bool IsSound(string folder)
    {
        try
        {
            return FusionModel.Load(folder).Fingerprint.Short == Path.GetFileName(folder);
        }
        catch (FuseMixException)
        {
            return false;
        }
    }
}
