using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FuseMix.Core.Evaluation;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>Items of several modalities, which of them belong together, and which part of the whole each is in.</summary>
/// <remarks>Immutable, and valid by construction: ids are unique, pairs name items, and no pair spans two splits.</remarks>
public sealed class Dataset
{
    private readonly Dictionary<string, DatasetItem> _byId;
    private readonly Dictionary<Modality, DatasetItem[]> _byModality;

    /// <summary>A dataset of the given content.</summary>
    /// <param name="home">What the items' relative paths are relative to.</param>
    /// <param name="name">A valid resource name.</param>
    /// <param name="licence">The terms under which its content may be used.</param>
    /// <param name="about">One or two sentences for a user.</param>
    /// <param name="items">Every item, in the order that stays.</param>
    /// <param name="pairs">Every pair.</param>
    /// <param name="failures">What was to be imported and was not.</param>
    /// <param name="notices">What the import found worth telling.</param>
    /// <exception cref="FuseMixException">The name or an id is not valid, an id appears twice, a pair names no item or spans two splits.</exception>
    public Dataset(
        FuseMixHome home,
        string name,
        string licence,
        string about,
        IReadOnlyList<DatasetItem> items,
        IReadOnlyList<DatasetPair> pairs,
        IReadOnlyList<ImportFailure> failures,
        IReadOnlyList<string> notices)
    {
        Home = home;
        Name = ResourceName.Require(name, "dataset");
        Licence = licence;
        About = about;
        Items = items;
        Pairs = pairs;
        Failures = failures;
        Notices = notices;
        _byId = new Dictionary<string, DatasetItem>(items.Count, StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (!DatasetItem.IsValidId(item.Id)) throw Invalid($"'{item.Id}' is not a valid item id");
            if ((item.Text is null) == (item.File is null)) throw Invalid($"item '{item.Id}' is not either a text or a file");
            if (item.Text is { } text && !DatasetItem.IsWellFormed(text)) throw Invalid($"the text of item '{item.Id}' has half of a surrogate pair");
            if (!_byId.TryAdd(item.Id, item)) throw Invalid($"item id '{item.Id}' appears twice");
        }

        foreach (var pair in pairs)
        {
            foreach (var id in (string[])[pair.First, pair.Second])
                if (!_byId.ContainsKey(id)) throw Invalid($"a pair names item '{id}', which does not exist");
            if (_byId[pair.First].Split != _byId[pair.Second].Split) throw Invalid($"the pair of '{pair.First}' and '{pair.Second}' spans two splits");
        }

        _byModality = items.GroupBy(i => i.Modality).ToDictionary(g => g.Key, g => g.ToArray());
        Fingerprint = FingerprintOf(items, pairs);
    }

    /// <summary>What relative paths are relative to.</summary>
    internal FuseMixHome Home { get; }

    /// <summary>The dataset's name.</summary>
    public string Name { get; }

    /// <summary>The terms under which its content may be used.</summary>
    public string Licence { get; }

    /// <summary>One or two sentences for a user.</summary>
    public string About { get; }

    /// <summary>Changes with any item's content, group, split or metadata, and with any pair; not with where files lie.</summary>
    public Fingerprint Fingerprint { get; }

    /// <summary>Every item, in stable order.</summary>
    public IReadOnlyList<DatasetItem> Items { get; }

    /// <summary>Every pair.</summary>
    public IReadOnlyList<DatasetPair> Pairs { get; }

    /// <summary>What was to be imported and was not.</summary>
    public IReadOnlyList<ImportFailure> Failures { get; }

    /// <summary>What the import found worth telling: merged groups, items without a caption, an empty split.</summary>
    public IReadOnlyList<string> Notices { get; }

    /// <summary>The items of one modality, in the order of <see cref="Items"/>; empty where there are none.</summary>
    public IReadOnlyList<DatasetItem> ItemsOf(Modality modality) => _byModality.GetValueOrDefault(modality, []);

    /// <summary>The pairs of a first and a second modality in one split, in the order of <see cref="Pairs"/>.</summary>
    /// <param name="first">Modality of the first items.</param>
    /// <param name="second">Modality of the second items.</param>
    /// <param name="split">Which part.</param>
    /// <param name="fold">
    /// Divides train and validation anew, by groups: this fold is validation, the others are train. A pair of two groups that come to lie in
    /// different splits is in neither. Null for the dataset's own splits.
    /// </param>
    public IReadOnlyList<DatasetPair> PairsOf(Modality first, Modality second, Split split, Fold? fold = null)
    {
        return [.. Pairs.Where(pair => IsOf(_byId[pair.First], first) && IsOf(_byId[pair.Second], second))];

        bool IsOf(DatasetItem item, Modality modality) => item.Modality == modality && SplitOf(item) == split;

        Split SplitOf(DatasetItem item) => fold is not { } held || item.Split == Split.Test ? item.Split : held.Holds(item.Group) ? Split.Validation : Split.Train;
    }

    /// <summary>One item.</summary>
    /// <exception cref="FuseMixException">There is none of that id.</exception>
    public DatasetItem Item(string id) => Find(id)
        ?? throw new FuseMixException(FailureKind.NotFound, $"Dataset '{Name}' has no item '{id}'.");

    /// <summary>One item, or null.</summary>
    public DatasetItem? Find(string id) => _byId.GetValueOrDefault(id);

    /// <summary>The content of an item: the bytes of its file as they were when it was imported, or its text in UTF-8.</summary>
    /// <exception cref="FuseMixException">The file is missing or was changed since; the message names it.</exception>
    public byte[] ReadBytes(DatasetItem item)
    {
        if (item.Text is not null) return Encoding.UTF8.GetBytes(item.Text);
        var path = PathOf(item)!;
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var what = e is FileNotFoundException or DirectoryNotFoundException ? "is missing" : $"cannot be read ({e.Message})";
            throw new FuseMixException(
                FailureKind.NotFound,
                $"The file '{path}' of item '{item.Id}' {what}.",
                "Put it back, or import the dataset again.",
                e);
        }

        if (content.Length != item.Size || Fingerprint.Of(content).Hex != item.Sha256)
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The file '{path}' of item '{item.Id}' was changed since it was imported.",
                "Import the dataset again.");
        return content;
    }

    /// <summary>The text of an item that is one.</summary>
    /// <exception cref="FuseMixException">It is a picture or a sound.</exception>
    public string ReadText(DatasetItem item) => item.Text
        ?? throw new FuseMixException(
            FailureKind.Invalid,
            $"Item '{item.Id}' of dataset '{Name}' is not a text but {item.Modality.Word()}.");

    /// <summary>Where an item's file lies now, absolute; null for a text.</summary>
    public string? PathOf(DatasetItem item) => item.File is null ? null : Home.Locate(item.File);

    /// <summary>Counts for a user.</summary>
    public DatasetStatistics Statistics() => new(
        Name,
        Licence,
        About,
        Fingerprint,
        [.. _byModality.OrderBy(m => m.Key).Select(m => new ItemCount(m.Key, m.Value.Length, m.Value.Sum(i => i.Size)))],
        [.. Pairs.GroupBy(p => (First: _byId[p.First].Modality, Second: _byId[p.Second].Modality, _byId[p.First].Split))
            .OrderBy(g => g.Key).Select(g => new PairCount(g.Key.First, g.Key.Second, g.Key.Split, g.Count()))],
        Items.Select(i => i.Group).Distinct(StringComparer.Ordinal).Count(),
        Failures.Count,
        Notices);

    private static Fingerprint FingerprintOf(IReadOnlyList<DatasetItem> items, IReadOnlyList<DatasetPair> pairs)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var item in items)
        {
            var content = item with { File = null, Text = null, Metadata = new SortedDictionary<string, string>(item.Metadata.ToDictionary(), StringComparer.Ordinal) };
            hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(content, DatasetJson.Default.DatasetItem));
        }

        foreach (var pair in pairs) hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(pair, DatasetJson.Default.DatasetPair));
        return new Fingerprint(Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private FuseMixException Invalid(string what) => new(FailureKind.Invalid, $"Dataset '{Name}' is not consistent: {what}.");
}
