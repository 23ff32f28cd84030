using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>The datasets of a home folder: <c>datasets/&lt;name&gt;/</c> with <c>dataset.json</c> and one JSON line per item, pair and
/// failure.</summary>
/// <remarks>
/// The files with the lines never change: each version has its own, and <c>dataset.json</c> says which one counts. Who reads waits for
/// nobody and
/// sees one version, whole.
/// </remarks>
public sealed class DatasetStore(FuseMixHome home)
{
    private const string ManifestFile = "dataset.json";
    private const string Items = "items";
    private const string Pairs = "pairs";
    private const string Failures = "failures";
    private const int Format = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly string[] Kinds = [Items, Pairs, Failures];

    /// <summary>The statistics of every dataset, by name. Reads no items.</summary>
    public IReadOnlyList<DatasetStatistics> List() => [.. Names().Select(name => ReadManifest(name).Statistics)];

    /// <summary>The statistics of one dataset. Reads no items.</summary>
    /// <exception cref="FuseMixException">There is none of that name (the nearest one is named), or its manifest is damaged.</exception>
    public DatasetStatistics Describe(string name) => ReadManifest(ResourceName.Require(name, "dataset")).Statistics;

    /// <summary>Whether there is a dataset of that name.</summary>
    public bool Exists(string name) => ResourceName.IsValid(name) && File.Exists(Path.Combine(FolderOf(name), ManifestFile));

    /// <summary>Reads a dataset.</summary>
    /// <exception cref="FuseMixException">There is none of that name (the nearest one is named), or its files are damaged.</exception>
    public Dataset Load(string name)
    {
        for (var manifest = ReadManifest(ResourceName.Require(name, "dataset")); ;)
        {
            try
            {
                return Load(name, manifest);
            }
            catch (Exception e) when (e is FuseMixException or FileNotFoundException or DirectoryNotFoundException)
            {
                // Where another version has taken its place in between, its files are gone.
                var now = ReadManifest(name);
                if (now.Version == manifest.Version) throw;
                manifest = now;
            }
        }
    }

    /// <summary>Writes a dataset in place of any of the same name: whoever reads meanwhile sees the old one or the new one.</summary>
    public void Save(Dataset dataset)
    {
        using var held = Lock(dataset.Name);
        var folder = FolderOf(dataset.Name);
        var version = Guid.NewGuid().ToString("N");
        WriteLines(FileOf(folder, Items, version), dataset.Items, DatasetJson.Default.DatasetItem);
        WriteLines(FileOf(folder, Pairs, version), dataset.Pairs, DatasetJson.Default.DatasetPair);
        WriteLines(FileOf(folder, Failures, version), dataset.Failures, DatasetJson.Default.ImportFailure);
        var checksums = Kinds.ToDictionary(kind => kind, kind => FileChecksum.Of(FileOf(folder, kind, version)).Hex);
        AtomicFile.WriteJson(
            Path.Combine(folder, ManifestFile),
            new DatasetManifest(Format, version, dataset.Statistics(), checksums),
            DatasetJson.Default.DatasetManifest);

        // Those of the version before, and of whoever died while saving.
        AtomicFile.RemoveLeftovers(folder);
        foreach (var path in Directory.EnumerateFiles(folder, "*.jsonl").ToArray())
            if (!path.EndsWith(FileOf("", "", version), StringComparison.Ordinal)) File.Delete(path);
    }

    /// <summary>Removes a dataset; the files that its items point to stay.</summary>
    /// <exception cref="FuseMixException">There is none of that name.</exception>
    public void Remove(string name)
    {
        if (!Exists(name)) throw FuseMixException.UnknownName("dataset", name, Names());
        using var held = Lock(name);
        File.Delete(Path.Combine(FolderOf(name), ManifestFile));
        AtomicFile.SyncFolder(FolderOf(name));
        Directory.Delete(FolderOf(name), recursive: true);
        AtomicFile.SyncFolder(home.Datasets);
    }

    /// <summary>The names of all datasets, in order, damaged ones too.</summary>
    public IReadOnlyList<string> Names() => Directory.Exists(home.Datasets)
        ? [.. Directory.EnumerateDirectories(home.Datasets).Select(path => Path.GetFileName(path)!).Where(Exists).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Keeps out others who write.</summary>
    private FileLock Lock(string name) => FileLock.Acquire(Path.Combine(home.Datasets, ".locks", name), $"Dataset '{name}'", Patience);

    private string FolderOf(string name) => Path.Combine(home.Datasets, name);

    private static string FileOf(string folder, string kind, string version) => Path.Combine(folder, $"{kind}-{version}.jsonl");

    private Dataset Load(string name, DatasetManifest manifest)
    {
        var folder = FolderOf(name);
        foreach (var kind in Kinds)
        {
            if (!manifest.Files.TryGetValue(kind, out var checksum)) throw Damaged(name, $"'{ManifestFile}' does not list its {kind}");
            FileChecksum.Require(FileOf(folder, kind, manifest.Version), new Fingerprint(checksum), $"Import dataset '{name}' again.");
        }

        var about = manifest.Statistics;
        return new Dataset(
            home,
            name,
            about.Licence,
            about.About,
            ReadLines(FileOf(folder, Items, manifest.Version), DatasetJson.Default.DatasetItem),
            ReadLines(FileOf(folder, Pairs, manifest.Version), DatasetJson.Default.DatasetPair),
            ReadLines(FileOf(folder, Failures, manifest.Version), DatasetJson.Default.ImportFailure),
            about.Notices);
    }

    private DatasetManifest ReadManifest(string name)
    {
        var path = Path.Combine(FolderOf(name), ManifestFile);
        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(path), DatasetJson.Default.DatasetManifest);
            if (manifest is not { Format: Format, Version: not null, Files: not null, Statistics: not null })
                throw Damaged(name, $"'{ManifestFile}' has a format that this version does not know");
            return manifest.Version == Path.GetFileName(manifest.Version) ? manifest : throw Damaged(
                name, $"'{ManifestFile}' points to another folder");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw FuseMixException.UnknownName("dataset", name, Names());
        }
        catch (JsonException e)
        {
            throw Damaged(name, $"'{ManifestFile}' cannot be read ({e.Message})", e);
        }
    }

    private static void WriteLines<T>(string path, IEnumerable<T> values, JsonTypeInfo<T> type) => AtomicFile.Write(path, stream =>
    {
        foreach (var value in values)
        {
            JsonSerializer.Serialize(stream, value, type);
            stream.WriteByte((byte)'\n');
        }
    });

    private static List<T> ReadLines<T>(string path, JsonTypeInfo<T> type)
    {
        var values = new List<T>();
        foreach (var line in File.ReadLines(path))
        {
            try
            {
                values.Add(JsonSerializer.Deserialize(line, type) ?? throw new JsonException("null"));
            }
            catch (JsonException e)
            {
                throw new FuseMixException(
                    FailureKind.Corrupt,
                    $"Line {values.Count + 1} of '{path}' cannot be read: {e.Message}",
                    "Import the dataset again.",
                    e);
            }
        }

        return values;
    }

    private static FuseMixException Damaged(string name, string what, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"Dataset '{name}' is damaged: {what}.", $"Import dataset '{name}' again.", inner);
}

/// <summary>What <c>dataset.json</c> holds.</summary>
internal sealed record DatasetManifest(int Format, string Version, DatasetStatistics Statistics, IReadOnlyDictionary<string, string> Files);

internal sealed class CamelCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase) where T : struct, Enum;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(FingerprintJson), typeof(CamelCaseEnum<Modality>), typeof(CamelCaseEnum<Split>)])]
[JsonSerializable(typeof(DatasetManifest))]
[JsonSerializable(typeof(DatasetItem))]
[JsonSerializable(typeof(DatasetPair))]
[JsonSerializable(typeof(ImportFailure))]
internal sealed partial class DatasetJson : JsonSerializerContext;
