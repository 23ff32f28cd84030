using System.Text;
using FuseMix.Contracts.Catalog;
using FuseMix.Core.Files;
using FuseMix.Data.Datasets;
using FuseMix.Data.Uploads;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Catalog;
using FuseMix.Retrieval.Generations;
using FuseMix.Storage;
using FuseMix.Training.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuseMix.Grains.Home;

/// <summary>The files of a home folder, for whoever has it: a node, or the command line on the same machine.</summary>
public sealed class HomeFiles(
    FuseMixHome home,
    EncoderPackStore packs,
    DatasetStore datasets,
    DatasetCache cache,
    UploadStore uploads,
    CollectionStore collections,
    UnusedContents unused) : IHomeFiles
{
    /// <summary>Where folders lie that <see cref="RegisterDataset"/> takes, under the home folder.</summary>
    public const string ImportsFolder = "imports";

    /// <summary>The files of a home folder of which nobody in this process has an idea yet.</summary>
    public static HomeFiles Of(FuseMixHome home)
    {
        var (packs, datasets, collections) = (new EncoderPackStore(home.Encoders), new DatasetStore(home), new CollectionStore(home));
        var unused = new UnusedContents(
            collections, new FusionModelStore(home), packs, TimeProvider.System, NullLogger<UnusedContents>.Instance);
        return new HomeFiles(home, packs, datasets, new DatasetCache(datasets), new UploadStore(home), collections, unused);
    }

    /// <inheritdoc/>
    public Task<ItemContent> Content(string dataset, string itemId, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            var loaded = cache.Get(dataset);
            var item = loaded.Find(itemId) ?? throw new FuseMixException(
                FailureKind.NotFound, $"Dataset '{dataset}' has no item '{itemId}'.", "Take the id of a hit.");
            if (item.Text is { } text) return new ItemContent(Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8", item.Sha256);
            var content = loaded.ReadBytes(item);
            return new ItemContent(content, MediaTypeOf(content), item.Sha256);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<EncoderSummary> PutEncoder(string name, string folder, bool replace = false, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            var pack = EncoderPack.Load(folder);
            if (pack.Name != name)
            {
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"The pack is of the encoder '{pack.Name}', not '{name}'.",
                    "Name it as 'name' in its encoder.json does.");
            }

            EncoderVerification.Verify(pack);
            cancellationToken.ThrowIfCancellationRequested();
            var added = packs.Add(folder, replace);
            unused.Collect();
            return Summaries.Of(added);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            if (!force && packs.Current(name) is { } current)
            {
                RequireUnused(
                    generation => generation.Encoders.Any(encoder => encoder.Name == name && encoder.Fingerprint == current.Hex),
                    $"searched with the encoder '{name}'",
                    "What is live goes on with its own copy of the pack then, but nothing is extracted with the encoder until it is "
                        + "installed again.");
            }

            packs.Remove(name);
            unused.Collect(removedEncoder: name);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> PutDataset(
        string name,
        DatasetSource source,
        IProgress<UploadProgress>? progress = null,
        CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            var folder = source.Format == DatasetFormat.Folder ? source.Path : Path.GetDirectoryName(Path.GetFullPath(source.Path))!;
            var settings = new ImportSettings(name)
            {
                Licence = source.Licence,
                About = source.About,
                Within = source.IsForeign ? folder : null,
                Omissions = source.Omissions,
            };
            var relay = progress is null ? null : new Relay(progress);
            var dataset = source.Format switch
            {
                DatasetFormat.Folder => FolderImporter.Import(home, source.Path, settings, relay, cancellationToken),
                DatasetFormat.JsonLines => TableImporter.ImportJsonLines(home, source.Path, settings, relay, cancellationToken),
                DatasetFormat.Csv => TableImporter.ImportCsv(home, source.Path, settings, relay, cancellationToken),
                _ => throw new ArgumentOutOfRangeException(nameof(source), source.Format, "No such format."),
            };

            // The same content in the same place need not be written again, so that whoever reads it meanwhile goes on.
            if (!IsStored(dataset)) datasets.Save(dataset);
            return Summaries.Of(dataset.Statistics());
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default)
    {
        var imports = Path.Combine(home.Root, ImportsFolder);
        var path = Path.Combine(imports, ResourceName.Require(folder, "folder"));
        if (!Directory.Exists(path)) throw FuseMixException.UnknownName($"folder in '{ImportsFolder}'", folder, Folders());
        if (FilePlace.RealPath(path) is { } real && FilePlace.RealPath(imports) is { } allowed && !FilePlace.IsWithin(real, allowed))
        {
            throw new FuseMixException(
                FailureKind.Invalid, $"The folder '{folder}' in '{ImportsFolder}' is a link that leads out of it.",
                $"Move, copy or mount the folder into '{ImportsFolder}'; links are followed only within it.");
        }

        return PutDataset(name, new DatasetSource(DatasetFormat.Folder, path) { IsForeign = true }, null, cancellationToken);
    }

    /// <inheritdoc/>
    public Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default) => Task.Run(
        () =>
        {
            if (!force && datasets.Exists(name))
            {
                RequireUnused(
                    generation => generation.Dataset == name,
                    $"made of the dataset '{name}'",
                    "What it finds is not shown any more then, and it cannot be built again until the dataset is imported again.");
            }

            // Nobody but the dataset knows the files that were uploaded for it; a user's own stay where they are.
            datasets.Remove(name);
            uploads.Remove(name);
        },
        cancellationToken);

    /// <summary>Fails where a collection stands on what is about to be removed, be it by a generation that is kept for going back
    /// to.</summary>
    private void RequireUnused(Func<GenerationManifest, bool> needs, string how, string otherwise)
    {
        string[] users =
        [
            .. collections.Collections().Where(
                collection => collections.List(collection).Any(generation => needs(collections.Manifest(collection, generation)))),
        ];
        if (users.Length == 0) return;
        var named = string.Join(", ", users.Select(user => $"'{user}'"));
        throw new FuseMixException(
            FailureKind.Conflict,
            $"{(users.Length == 1 ? "Collection" : "Collections")} {named} {(users.Length == 1 ? "is" : "are")} {how}. {otherwise}",
            $"Drop {(users.Length == 1 ? "it" : "them")} first "
                + $"({string.Join(", ", users.Select(user => $"'fusemix collections drop {user}'"))}), "
            + "or remove it all the same: --force, over HTTP ?force=true.");
    }

    private bool IsStored(Dataset dataset)
    {
        if (!datasets.Exists(dataset.Name)) return false;
        try
        {
            if (datasets.Describe(dataset.Name).Fingerprint != dataset.Fingerprint) return false;
            var stored = datasets.Load(dataset.Name);
            return stored.Failures.SequenceEqual(dataset.Failures) && stored.Items.Select(item => item.File).SequenceEqual(
                dataset.Items.Select(item => item.File))
                && (stored.Licence, stored.About) == (dataset.Licence, dataset.About);
        }
        catch (FuseMixException damaged) when (damaged.Kind == FailureKind.Corrupt)
        {
            return false;
        }
    }

    private IEnumerable<string> Folders()
    {
        var imports = Path.Combine(home.Root, ImportsFolder);
        return Directory.Exists(imports) ? Directory.EnumerateDirectories(imports).Select(path => Path.GetFileName(path)!)
            .Where(ResourceName.IsValid) : [];
    }

    /// <summary>Pictures are told by their first bytes. Whatever else a file may be is for saving: a browser must not run it.</summary>
    private static string MediaTypeOf(ReadOnlySpan<byte> content) => content switch
    {
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "image/gif",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "image/webp",
        _ => "application/octet-stream",
    };

    private sealed class Relay(IProgress<UploadProgress> progress) : IProgress<ImportProgress>
    {
        public void Report(ImportProgress value) => progress.Report(new UploadProgress(value.Done, value.Total));
    }
}
