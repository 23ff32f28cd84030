using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>The datasets of a home folder: <c>datasets/&lt;name&gt;/</c> with <c>dataset.json</c> and one JSON line per item, pair and failure.</summary>
public sealed class DatasetStore(FuseMixHome home)
{
    private const string ManifestFile = "dataset.json";
    private const string ItemsFile = "items.jsonl";
    private const string PairsFile = "pairs.jsonl";
    private const string FailuresFile = "failures.jsonl";
    private const int Format = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly string[] Files = [ItemsFile, PairsFile, FailuresFile];

    /// <summary>The statistics of every dataset, by name. Reads no items.</summary>
    public IReadOnlyList<DatasetStatistics> List() => [.. Names().Select(name =>
    {
        using var held = Lock(name);
        return ReadManifest(name).Statistics;
    })];

    /// <summary>The statistics of one dataset. Reads no items.</summary>
    /// <exception cref="FuseMixException">There is none of that name (the nearest one is named), or its manifest is damaged.</exception>
    public DatasetStatistics Describe(string name)
    {
        ResourceName.Require(name, "dataset");
        if (!Exists(name)) throw FuseMixException.UnknownName("dataset", name, Names());
        using var held = Lock(name);
        return ReadManifest(name).Statistics;
    }

    /// <summary>Whether there is a dataset of that name.</summary>
    public bool Exists(string name) => ResourceName.IsValid(name) && Names().Contains(name, StringComparer.Ordinal);

    /// <summary>Reads a dataset.</summary>
    /// <exception cref="FuseMixException">There is none of that name (the nearest one is named), or its files are damaged.</exception>
    public Dataset Load(string name)
    {
        ResourceName.Require(name, "dataset");
        if (!Exists(name)) throw FuseMixException.UnknownName("dataset", name, Names());
        using var held = Lock(name);
        var manifest = ReadManifest(name);
        var folder = FolderOf(name);
        foreach (var file in Files)
        {
            if (!manifest.Files.TryGetValue(file, out var checksum)) throw Damaged(name, $"'{ManifestFile}' does not list '{file}'");
            FileChecksum.Require(Path.Combine(folder, file), new Fingerprint(checksum), $"Import dataset '{name}' again.");
        }

        var about = manifest.Statistics;
        return new Dataset(
            home,
            name,
            about.Licence,
            about.About,
            ReadLines(Path.Combine(folder, ItemsFile), DatasetJson.Default.DatasetItem),
            ReadLines(Path.Combine(folder, PairsFile), DatasetJson.Default.DatasetPair),
            ReadLines(Path.Combine(folder, FailuresFile), DatasetJson.Default.ImportFailure),
            about.Notices);
    }

    /// <summary>Writes a dataset in place of any of the same name: whoever reads meanwhile sees the old one or the new one.</summary>
    public void Save(Dataset dataset)
    {
        using var held = Lock(dataset.Name);
        var folder = FolderOf(dataset.Name);
        var work = $"{HiddenFolderOf(dataset.Name)}.tmp";
        var old = OldOf(dataset.Name);
        RemoveFolder(work);
        WriteLines(Path.Combine(work, ItemsFile), dataset.Items, DatasetJson.Default.DatasetItem);
        WriteLines(Path.Combine(work, PairsFile), dataset.Pairs, DatasetJson.Default.DatasetPair);
        WriteLines(Path.Combine(work, FailuresFile), dataset.Failures, DatasetJson.Default.ImportFailure);
        var checksums = Files.ToDictionary(f => f, f => FileChecksum.Of(Path.Combine(work, f)).Hex);
        AtomicFile.WriteJson(
            Path.Combine(work, ManifestFile),
            new DatasetManifest(Format, dataset.Statistics(), checksums),
            DatasetJson.Default.DatasetManifest);

        if (Directory.Exists(folder)) Directory.Move(folder, old);
        Faults.Reach("old dataset moved away");
        Directory.Move(work, folder);
        AtomicFile.SyncFolder(home.Datasets);
        Faults.Reach("new dataset in place");
        RemoveFolder(old);
    }

    /// <summary>Removes a dataset; the files that its items point to stay.</summary>
    /// <exception cref="FuseMixException">There is none of that name.</exception>
    public void Remove(string name)
    {
        if (!Exists(name)) throw FuseMixException.UnknownName("dataset", name, Names());
        using var held = Lock(name);
        // Renamed first, so that a half-removed folder never passes for a dataset.
        var doomed = $"{HiddenFolderOf(name)}.tmp";
        RemoveFolder(doomed);
        Directory.Move(FolderOf(name), doomed);
        RemoveFolder(doomed);
        AtomicFile.SyncFolder(home.Datasets);
    }

    /// <summary>The names of all datasets, in order, damaged ones too.</summary>
    public IReadOnlyList<string> Names()
    {
        if (!Directory.Exists(home.Datasets)) return [];
        var replaced = Directory.EnumerateDirectories(home.Datasets, ".*.old").Select(p => Path.GetFileName(p)[1..^".old".Length]);
        return [.. Directory.EnumerateDirectories(home.Datasets).Select(p => Path.GetFileName(p)!).Concat(replaced)
            .Where(ResourceName.IsValid).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>Locks a dataset and finishes what a writer that died between its two renames had begun.</summary>
    private FileLock Lock(string name)
    {
        var held = FileLock.Acquire(Path.Combine(home.Datasets, ".locks", name), $"Dataset '{name}'", Patience);
        try
        {
            var old = OldOf(name);
            if (Directory.Exists(old))
            {
                if (Directory.Exists(FolderOf(name))) RemoveFolder(old);
                else Directory.Move(old, FolderOf(name));
            }

            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private string FolderOf(string name) => Path.Combine(home.Datasets, name);

    private string HiddenFolderOf(string name) => Path.Combine(home.Datasets, $".{name}");

    private string OldOf(string name) => $"{HiddenFolderOf(name)}.old";

    private DatasetManifest ReadManifest(string name)
    {
        var path = Path.Combine(FolderOf(name), ManifestFile);
        if (!File.Exists(path)) throw Damaged(name, $"'{ManifestFile}' is missing");
        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(path), DatasetJson.Default.DatasetManifest);
            if (manifest is null || manifest.Format != Format)
                throw Damaged(name, $"'{ManifestFile}' has a format that this version does not know");
            return manifest;
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

    private static void RemoveFolder(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }
}

/// <summary>What <c>dataset.json</c> holds.</summary>
internal sealed record DatasetManifest(int Format, DatasetStatistics Statistics, IReadOnlyDictionary<string, string> Files);

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
