using System.Security.Cryptography;
using System.Text;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>How far an import has come.</summary>
/// <param name="Done">Records that were read.</param>
/// <param name="Total">Records that there are; 0 while that is not known.</param>
/// <param name="Failures">Records that could not be imported.</param>
public readonly record struct ImportProgress(int Done, int Total, int Failures);

/// <summary>Gathers what an importer finds, then makes groups, splits and leakage checks of it, the same way for every source.</summary>
internal sealed class DatasetBuilder(FuseMixHome home, string splitName, SplitRatios ratios, string? within = null)
{
    private readonly string? _within = within is null ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(within)) + Path.DirectorySeparatorChar;
    private readonly List<Draft> _drafts = [];
    private readonly Dictionary<string, Draft> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Draft> _byCaption = new(StringComparer.Ordinal);
    private readonly HashSet<DatasetPair> _pairs = [];
    private readonly List<DatasetPair> _orderedPairs = [];
    private readonly List<ImportFailure> _failures = [];
    private readonly GroupUnion _groups = new();
    private readonly Dictionary<string, string> _groupOfContent = new(StringComparer.Ordinal);
    private readonly MergeCount _sameBytes = new("share identical files");
    private readonly MergeCount _sameCaption = new("share a caption");

    public int FailureCount => _failures.Count;

    /// <summary>Records something that could not be imported.</summary>
    public void Fail(string source, string reason) => _failures.Add(new ImportFailure(source, _within is null ? reason : reason.Replace(_within, "", StringComparison.Ordinal)));

    /// <summary>Adds a picture or sound, or finds it where the same id was added before.</summary>
    /// <returns>Its id, or null where it cannot be imported, which is then recorded.</returns>
    public string? AddFile(
        string source,
        string id,
        Modality modality,
        string path,
        string? group,
        Split? split,
        IReadOnlyDictionary<string,
        string>? metadata = null)
    {
        if (_byId.TryGetValue(id, out var known))
        {
            if (known.Item.File != home.Portable(path))
            {
                Fail(source, $"item id '{id}' is taken by another file");
                return null;
            }

            if (group is not null) _groups.Union(known.Item.Group, group);
            known.Given = Strictest(known.Given, split);
            return id;
        }

        if (_within is not null && !Path.GetFullPath(path).StartsWith(_within, StringComparison.Ordinal))
        {
            Fail(source, "the file lies outside of the dataset's folder");
            return null;
        }

        if (!DatasetItem.IsValidId(id))
        {
            Fail(
                source,
                $"'{id}' is not a valid item id: 1 to {DatasetItem.MaxIdLength} characters, no control characters, no white space at either end");
            return null;
        }

        long size;
        string hash;
        try
        {
            using var stream = File.OpenRead(path);
            size = stream.Length;
            hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(source, e is FileNotFoundException or DirectoryNotFoundException ? $"there is no file '{path}'" : e.Message);
            return null;
        }

        if (size == 0)
        {
            Fail(source, $"the file '{path}' is empty");
            return null;
        }

        var item = new DatasetItem
        {
            Id = id,
            Modality = modality,
            Group = group ?? id,
            Split = default,
            File = home.Portable(path),
            Size = size,
            Sha256 = hash,
            Metadata = metadata ?? new Dictionary<string, string>(),
        };
        Add(item, split);
        if (_groupOfContent.TryAdd(hash, item.Group)) return id;
        if (_groups.Union(_groupOfContent[hash], item.Group)) _sameBytes.Add(_groupOfContent[hash], item.Group);
        return id;
    }

    /// <summary>Adds a caption, or finds the one that reads the same.</summary>
    /// <returns>Its id, or null where it cannot be imported, which is then recorded.</returns>
    public string? AddCaption(
        string source,
        string text,
        string group,
        Split? split,
        string? id = null,
        IReadOnlyDictionary<string,
        string>? metadata = null)
    {
        var normalised = Normalise(text);
        if (BlankText.Is(text) || !DatasetItem.IsWellFormed(text))
        {
            Fail(source, BlankText.Is(text) ? "the caption is empty" : "the caption has half of a surrogate pair");
            return null;
        }

        if (_byCaption.TryGetValue(normalised, out var known))
        {
            if (_groups.Union(known.Item.Group, group)) _sameCaption.Add(known.Item.Group, group);
            known.Given = Strictest(known.Given, split);
            return known.Item.Id;
        }

        var trimmed = text.Trim();
        var bytes = Encoding.UTF8.GetBytes(trimmed);
        // Named after its content, so that it keeps its latent wherever it moves in the source.
        id ??= $"caption-{Fingerprint.Of(normalised).Short}";
        var draft = Add(
            new DatasetItem
            {
                Id = id,
                Modality = Modality.Text,
                Group = group,
                Split = default,
                Text = trimmed,
                Size = bytes.Length,
                Sha256 = Fingerprint.Of(bytes).Hex,
                Metadata = metadata ?? new Dictionary<string, string>(),
            },
            split);
        _byCaption.Add(normalised, draft);
        return id;
    }

    /// <summary>Adds a pair of two items that were added before, once.</summary>
    public void AddPair(string first, string second)
    {
        var pair = new DatasetPair(first, second);
        if (!_pairs.Add(pair)) return;
        _orderedPairs.Add(pair);
        _groups.Union(_byId[first].Item.Group, _byId[second].Item.Group);
    }

    /// <summary>Makes one group of two that the importer knows to depict the same.</summary>
    public void Join(string group, string other) => _groups.Union(group, other);

    /// <summary>The dataset of all that was added.</summary>
    /// <exception cref="FuseMixException">Nothing could be imported.</exception>
    public Dataset Build(string name, string licence, string about)
    {
        if (_drafts.Count == 0)
        {
            var first = _failures.Count == 0 ? "The source is empty." : $"The first of {_failures.Count} failures: {_failures[0].Source}: {_failures[0].Reason}.";
            throw new FuseMixException(FailureKind.Invalid, $"Nothing could be imported into dataset '{name}'.", first);
        }

        var given = new Dictionary<string, Split>(StringComparer.Ordinal);
        var torn = new HashSet<string>(StringComparer.Ordinal);
        foreach (var draft in _drafts.Where(d => d.Given is not null))
        {
            var root = _groups.Root(draft.Item.Group);
            if (given.TryGetValue(root, out var other) && other != draft.Given) torn.Add(root);
            given[root] = Strictest(draft.Given, given.TryGetValue(root, out var before) ? before : null)!.Value;
        }

        var items = _drafts.Select(d =>
        {
            var root = _groups.Root(d.Item.Group);
            return d.Item with { Group = root, Split = given.TryGetValue(root, out var split) ? split : ratios.Of(splitName, root) };
        }).ToList();
        var dataset = new Dataset(home, name, licence, about, items, _orderedPairs, _failures, []);
        return new Dataset(home, name, licence, about, items, _orderedPairs, _failures, [.. Notices(dataset, torn)]);
    }

    /// <summary>A caption as it is compared: case and the amount of white space do not count.</summary>
    internal static string Normalise(string text) =>
        string.Join(' ', text.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private IEnumerable<string> Notices(Dataset dataset, HashSet<string> torn)
    {
        if (_sameBytes.Notice is { } files) yield return files;
        if (_sameCaption.Notice is { } captions) yield return captions;
        if (torn.Count > 0)
        {
            yield return $"{torn.Count} groups were given to several splits; each went to the strictest of them "
                + $"(test before validation before train), for example '{torn.Order(StringComparer.Ordinal).First()}'.";
        }

        var paired = dataset.Pairs.SelectMany(p => (string[])[p.First, p.Second]).ToHashSet(StringComparer.Ordinal);
        var single = dataset.Items.Count(i => !paired.Contains(i.Id));
        if (single > 0) yield return $"{single} items are in no pair: they can be searched but not learnt from.";
        if (dataset.Pairs.Count == 0) yield break;

        var statistics = dataset.Statistics();
        foreach (var split in Enum.GetValues<Split>())
            if (statistics.PairsIn(split) == 0) yield return $"The {split.ToString().ToLowerInvariant()} split has no pairs.";
        var largest = dataset.Items.GroupBy(i => i.Group, StringComparer.Ordinal).MaxBy(g => g.Count())!;
        if (statistics.Groups > 1 && largest.Count() > dataset.Items.Count / 4)
            yield return $"Group '{largest.Key}' holds {largest.Count()} of {dataset.Items.Count} items, which no split can share.";
    }

    private Draft Add(DatasetItem item, Split? split)
    {
        var draft = new Draft(item) { Given = split };
        _byId.Add(item.Id, draft);
        _drafts.Add(draft);
        _groups.Add(item.Group);
        return draft;
    }

    /// <summary>What may leak goes where it does the least harm: an item of the test split must never be learnt from.</summary>
    private static Split? Strictest(Split? a, Split? b) => a is null ? b : b is null ? a : (Split)Math.Max((int)a, (int)b);

    private sealed class Draft(DatasetItem item)
    {
        public DatasetItem Item { get; } = item;

        public Split? Given { get; set; }
    }

    /// <summary>Counts merges of one kind and remembers the first for an example.</summary>
    private sealed class MergeCount(string because)
    {
        private int _count;
        private string? _example;

        public string? Notice => _count == 0 ? null
            : $"{_count} {(_count == 1 ? "merge" : "merges")} of groups that {because}, so that no split knows another's items: for example {_example}.";

        public void Add(string a, string b)
        {
            _count++;
            _example ??= $"'{a}' and '{b}'";
        }
    }
}

/// <summary>Groups that turn out to be one; the first name in ordinal order stands for all, whatever the order of merging.</summary>
internal sealed class GroupUnion
{
    private readonly Dictionary<string, string> _parents = new(StringComparer.Ordinal);

    public void Add(string group) => _parents.TryAdd(group, group);

    public string Root(string group)
    {
        Add(group);
        var root = group;
        while (_parents[root] != root) root = _parents[root];
        while (_parents[group] != root) (group, _parents[group]) = (_parents[group], root);
        return root;
    }

    /// <summary>Whether they were two before.</summary>
    public bool Union(string a, string b)
    {
        var (first, second) = (Root(a), Root(b));
        if (first == second) return false;
        if (string.CompareOrdinal(first, second) > 0) (first, second) = (second, first);
        _parents[second] = first;
        return true;
    }
}
