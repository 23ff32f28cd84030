using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using FuseMix.Core.Evaluation;
using FuseMix.Core.Files;
using FuseMix.Core.Texts;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>How far an import has come.</summary>
/// <param name="Done">Records that were read.</param>
/// <param name="Total">Records that there are; 0 while that is not known.</param>
/// <param name="Failures">Records that could not be imported.</param>
public readonly record struct ImportProgress(int Done, int Total, int Failures);

/// <summary>Gathers what an importer finds, then makes groups, splits and leakage checks of it, the same way for every source.</summary>
/// <param name="home">The home folder.</param>
/// <param name="splitName">With the name of each group, decides its split: of a dataset that is always the same. Null where the content
/// decides.</param>
/// <param name="ratios">The shares of the splits.</param>
/// <param name="within">The folder that no file may lie outside of; null for any.</param>
/// <param name="cancellation">Stops reading.</param>
internal sealed class DatasetBuilder(
    FuseMixHome home, string? splitName, SplitRatios ratios, string? within = null, CancellationToken cancellation = default)
{
    private const int HashedAtOnce = 1 << 20;
    private readonly string? _within =
        within is null ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(within)) + Path.DirectorySeparatorChar;
    private readonly string? _realWithin = within is null ? null : FilePlace.RealPath(within) ?? Path.GetFullPath(within);
    private int _systemFiles;
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
    public void Fail(string source, string reason) =>
        _failures.Add(new ImportFailure(Visible(source), _within is null ? reason : reason.Replace(_within, "", StringComparison.Ordinal)));

    /// <summary>Records what was left out of the source; what belongs to the system is counted and no failure.</summary>
    public void Omit(IReadOnlyList<FolderOmission> omissions)
    {
        foreach (var omission in omissions)
        {
            if (omission.IsSystemFile) _systemFiles++;
            else Fail(omission.Name, omission.Reason);
        }
    }

    /// <summary>Adds a picture or sound, or finds it where the same id was added before.</summary>
    /// <returns>Its id, or null where it cannot be imported, which is then recorded.</returns>
    public string? AddFile(
        string source,
        string id,
        Modality modality,
        string path,
        string? group,
        Split? split,
        IReadOnlyDictionary<string, string>? metadata = null)
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
            if (metadata is not null) AddMetadata(source, known, metadata);
            return id;
        }

        var leavesInWords = _within is not null && !Path.GetFullPath(path).StartsWith(_within, StringComparison.Ordinal);
        if (leavesInWords || (_realWithin is not null && FilePlace.RealPath(path) is { } real && !FilePlace.IsWithin(real, _realWithin)))
        {
            Fail(source, "the file lies outside of the dataset's folder");
            return null;
        }

        // Whoever opens a pipe waits until somebody writes to it.
        var kind = FilePlace.KindOf(path);
        if (kind is FileKind.Other or FileKind.Folder)
        {
            Fail(source, kind == FileKind.Folder ? $"'{path}' is a folder" : $"'{path}' is no file but a pipe, a socket or a device");
            return null;
        }

        if (!DatasetItem.IsValidId(id))
        {
            Fail(
                source,
                $"'{id}' is not a valid item id: 1 to {DatasetItem.MaxIdLength} characters, no control characters, no white space at "
                    + "either end");
            return null;
        }

        long size;
        string hash;
        try
        {
            using var stream = File.OpenRead(path);
            size = stream.Length;
            hash = HashOf(stream);
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

    private void AddMetadata(string source, Draft known, IReadOnlyDictionary<string, string> more)
    {
        var all = new Dictionary<string, string>(known.Item.Metadata, StringComparer.Ordinal);
        foreach (var (key, value) in more)
        {
            if (all.TryAdd(key, value) || all[key] == value) continue;
            Fail(source, $"its metadata '{key}' of '{known.Item.Id}' is '{value}', and a row before said '{all[key]}', which stays");
        }

        known.Item = known.Item with { Metadata = all };
    }

    /// <summary>Adds a caption, or finds the one that reads the same.</summary>
    /// <returns>Its id, or null where it cannot be imported, which is then recorded.</returns>
    public string? AddCaption(
        string source,
        string text,
        string group,
        Split? split,
        string? id = null,
        IReadOnlyDictionary<string, string>? metadata = null)
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
            var first = _failures.Count == 0
                ? "The source is empty."
                : $"The first of {_failures.Count} failures: {_failures[0].Source}: {_failures[0].Reason}.";
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

        var splits = splitName is null ? ByContent(given)
            : _drafts.Select(d => _groups.Root(d.Item.Group)).Distinct().ToDictionary(
                root => root, root => given.TryGetValue(root, out var split) ? split : ratios.Of(splitName, root));
        var items = _drafts.Select(
            d => d.Item with { Group = _groups.Root(d.Item.Group), Split = splits[_groups.Root(d.Item.Group)] }).ToList();
        var dataset = new Dataset(home, name, licence, about, items, _orderedPairs, _failures, []);
        return new Dataset(home, name, licence, about, items, _orderedPairs, _failures, [.. Notices(dataset, torn)]);
    }

    /// <summary>The split of every group: what was given, else what follows from its content, whatever the dataset and its files are
    /// called. Of three groups and more, each split that is to have a share has one.</summary>
    private Dictionary<string, Split> ByContent(Dictionary<string, Split> given)
    {
        // Captions are mended more often than pictures are.
        var keys = _drafts.GroupBy(d => _groups.Root(d.Item.Group), StringComparer.Ordinal).ToDictionary(
            group => group.Key,
            group => group.OrderBy(d => d.Item.Modality == Modality.Text).ThenBy(
                d => d.Item.Sha256, StringComparer.Ordinal).First().Item.Sha256,
            StringComparer.Ordinal);
        var splits = keys.ToDictionary(
            key => key.Key, key => given.TryGetValue(key.Key, out var split) ? split : ratios.Of(key.Value), StringComparer.Ordinal);

        // What is in no pair is neither learnt from nor measured on.
        var paired = _orderedPairs.Select(pair => _groups.Root(_byId[pair.First].Item.Group)).ToHashSet(StringComparer.Ordinal);
        string[] counted = [.. (paired.Count > 0 ? paired : keys.Keys.AsEnumerable()).OrderBy(root => keys[root], StringComparer.Ordinal)];
        if (counted.Length < Enum.GetValues<Split>().Length) return splits;
        foreach (var empty in Enum.GetValues<Split>().Where(split => ratios.Of(split) > 0 && !counted.Any(root => splits[root] == split)))
        {
            var donor = counted.GroupBy(root => splits[root]).Where(
                split => split.Count() > 1 && split.Any(root => !given.ContainsKey(root)))
                .OrderByDescending(split => split.Count()).ThenBy(split => split.Key).FirstOrDefault();
            if (donor is not null) splits[donor.First(root => !given.ContainsKey(root))] = empty;
        }

        return splits;
    }

    /// <summary>A caption as it is compared: case and the amount of white space do not count.</summary>
    internal static string Normalise(string text) =>
        string.Join(' ', text.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>A name as it can be shown: some have a line's end in them.</summary>
    private static string Visible(string name)
    {
        const char controlPictures = '\u2400';
        return name.Any(c => c < ' ') ? string.Concat(name.Select(c => c < ' ' ? (char)(controlPictures + c) : c)) : name;
    }

    private string HashOf(FileStream stream)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(HashedAtOnce);
        try
        {
            while (stream.Read(buffer) is > 0 and var read)
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private IEnumerable<string> Notices(Dataset dataset, HashSet<string> torn)
    {
        if (_systemFiles > 0)
        {
            yield return $"{_systemFiles} {(_systemFiles == 1 ? "file or folder" : "files and folders")} of systems (.DS_Store, "
                + "Thumbs.db, .git and the like) left alone.";
        }
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
        {
            var name = split.ToString().ToLowerInvariant();
            if (statistics.PairsIn(split) == 0) yield return $"The {name} split has no pairs.";
            else if (PairCaution.OfSplit(name, statistics.PairsIn(split)) is { } few) yield return few;
        }

        var withCaption = dataset.Pairs.Where(pair => dataset.Item(pair.Second).Text is not null).ToList();
        if (PairCaution.OfCaptions(withCaption.Select(pair => pair.Second).Distinct().Count(), withCaption.Count) is { } alike)
            yield return alike;
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
        public DatasetItem Item { get; set; } = item;

        public Split? Given { get; set; }
    }

    /// <summary>Counts merges of one kind and remembers the first for an example.</summary>
    private sealed class MergeCount(string because)
    {
        private int _count;
        private string? _example;

        public string? Notice => _count == 0 ? null
            : $"{_count} {(_count == 1 ? "merge" : "merges")} of groups that {because}, so that no split knows another's items: for "
                + $"example {_example}.";

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
