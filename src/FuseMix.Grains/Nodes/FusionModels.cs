using System.Collections.Concurrent;
using FuseMix.Storage;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Nodes;

/// <summary>The fusion models of a node, loaded at first use and again when they were replaced on disk.</summary>
internal sealed class FusionModels(FuseMixHome home)
{
    private readonly ConcurrentDictionary<string, (DateTime Written, FusionModel Model)> _loaded = new();

    /// <summary>Names of the models on disk, in order.</summary>
    public IReadOnlyList<string> Names() => !Directory.Exists(home.Models) ? [] :
        [.. Directory.EnumerateDirectories(home.Models)
            .Where(folder => File.Exists(DescriptionIn(folder)))
            .Select(folder => Path.GetFileName(folder)!)
            .Where(name => ResourceName.IsValid(name))
            .Order(StringComparer.Ordinal)];

    /// <summary>Whether there is a model of that name.</summary>
    public bool Contains(string name) => ResourceName.IsValid(name) && File.Exists(DescriptionIn(FolderOf(name)));

    /// <summary>Folder of a model, whether it exists or not.</summary>
    public string FolderOf(string name) => Path.Combine(home.Models, ResourceName.Require(name, "fusion model"));

    /// <summary>The model of that name.</summary>
    /// <exception cref="FuseMixException">Unknown, or its files are damaged.</exception>
    public FusionModel Get(string name)
    {
        if (!Contains(name)) throw FuseMixException.UnknownName("fusion model", name, Names());
        var written = File.GetLastWriteTimeUtc(DescriptionIn(FolderOf(name)));
        if (_loaded.TryGetValue(name, out var loaded) && loaded.Written == written) return loaded.Model;

        var model = FusionModel.Load(FolderOf(name));
        _loaded[name] = (written, model);
        return model;
    }

    /// <summary>How a model came to be, without its weights being read; null where there is none of that name, or its description is damaged.</summary>
    public ModelOrigin? OriginOf(string name)
    {
        try
        {
            return Contains(name) ? FusionModel.ReadOrigin(FolderOf(name)) : null;
        }
        catch (FuseMixException unreadable) when (unreadable.Kind is FailureKind.Corrupt or FailureKind.Invalid or FailureKind.NotFound)
        {
            // Whoever asks makes it anew, which is the remedy.
            return null;
        }
    }

    private static string DescriptionIn(string folder) => Path.Combine(folder, "model.json");
}
