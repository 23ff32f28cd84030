using System.Text;
using System.Text.Json;
using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>The plan of a latent set as it stands in its folder, and what of it is committed.</summary>
/// <remarks>In memory it is some hundred bytes a shard, whatever the number of items: ids are read shard by shard.</remarks>
internal sealed class StoredPlan
{
    private const string Remedy = "Remove the latent set's folder and extract again.";
    private readonly string _folder;
    private readonly long[] _starts;
    private readonly Dictionary<int, int> _places;

    private StoredPlan(string folder, LatentManifest manifest, ShardTable table)
    {
        (_folder, Manifest, Table) = (folder, manifest, table);
        _starts = new long[table.Shards.Count + 1];
        _places = new Dictionary<int, int>(table.Shards.Count);
        for (var place = 0; place < table.Shards.Count; place++)
        {
            var shard = table.Shards[place];
            _starts[place + 1] = _starts[place] + shard.IdBytes;
            Items += shard.Count;
            var why = shard.Index < 0
                || shard.Index >= manifest.NextIndex
                || shard.Count < 1
                || shard.IdBytes < 1 ? "its counts contradict each other"
                : !_places.TryAdd(shard.Index, place) ? "it lists a shard twice"
                : null;
            if (why is not null) throw new FuseMixException(FailureKind.Corrupt, $"The plan '{ShardsFile}' is damaged: {why}.", Remedy);
        }
    }

    public LatentManifest Manifest { get; }

    public ShardTable Table { get; }

    public int Items { get; }

    private string ShardsFile => Path.Combine(_folder, $"{Manifest.Plan}.json");

    private string IdsFile => Path.Combine(_folder, $"{Manifest.Plan}.txt");

    /// <exception cref="FuseMixException">There is no set, or its plan is damaged.</exception>
    public static StoredPlan Read(string folder)
    {
        for (var manifest = LatentManifest.Read(folder); ;)
        {
            try
            {
                return Read(folder, manifest);
            }
            catch (FuseMixException)
            {
                // Where the set was planned anew in between, the files of the plan before are gone.
                var now = LatentManifest.Read(folder);
                if (now == manifest) throw;
                manifest = now;
            }
        }
    }

    /// <summary>Writes the files of a plan; a manifest that points to them must follow.</summary>
    /// <returns>The manifest, which is not yet written.</returns>
    public static LatentManifest Write(
        string folder,
        LatentManifest manifest,
        IReadOnlyList<(int Index, int Count, string ItemsSha256)> shards,
        IEnumerable<string[]> ids)
    {
        var name =
            $"plan-{Fingerprint.Of(string.Join('\n', shards.Select(shard => $"{shard.Index} {shard.Count} {shard.ItemsSha256}"))).Short}";
        var planned = new List<PlannedShard>(shards.Count);
        using var hash = new HashingStream();
        AtomicFile.Write(Path.Combine(folder, $"{name}.txt"), file =>
        {
            var stream = hash.Over(file);
            foreach (var members in ids)
            {
                var text = Encoding.UTF8.GetBytes(string.Join('\n', members) + '\n');
                stream.Write(text);
                var shard = shards[planned.Count];
                planned.Add(new PlannedShard(shard.Index, shard.Count, text.Length, shard.ItemsSha256));
            }
        });
        var table = JsonSerializer.SerializeToUtf8Bytes(new ShardTable(hash.Fingerprint().Hex, planned), ShardJson.Default.ShardTable);
        AtomicFile.WriteBytes(Path.Combine(folder, $"{name}.json"), table);
        return manifest with { Plan = name, PlanSha256 = Fingerprint.Of(table).Hex };
    }

    /// <summary>This plan, or the one that has taken its place.</summary>
    public StoredPlan Current()
    {
        var now = LatentManifest.Read(_folder);
        return now == Manifest ? this : now.PlanSha256 == Manifest.PlanSha256 ? new StoredPlan(_folder, now, Table) : Read(_folder);
    }

    public PlannedShard? Find(int index) => _places.TryGetValue(index, out var place) ? Table.Shards[place] : null;

    /// <summary>Fails unless the file of the ids is as it was written.</summary>
    public void VerifyIds() => VerifiedFiles.Require(IdsFile, new Fingerprint(Table.IdsSha256), Remedy);

    /// <summary>The items of one shard, in its order.</summary>
    public string[] IdsOf(PlannedShard shard)
    {
        using var stream = OpenIds();
        stream.Position = _starts[_places[shard.Index]];
        return ReadIds(stream, shard);
    }

    /// <summary>Every shard with its items.</summary>
    public IEnumerable<(PlannedShard Shard, string[] Ids)> Shards()
    {
        using var stream = OpenIds();
        foreach (var shard in Table.Shards) yield return (shard, ReadIds(stream, shard));
    }

    /// <summary>What was stored for a planned shard; null where nobody has committed it, or its file is missing or has another size by
    /// now.</summary>
    public CommittedShard? Committed(PlannedShard shard) => Recorded(shard) is { } commit && HasItsSize(shard, commit) ? commit : null;

    /// <summary>What was stored, by the number of the shard.</summary>
    public Dictionary<int, CommittedShard> Committed() =>
        Recorded().Where(commit => HasItsSize(Find(commit.Key)!, commit.Value)).ToDictionary();

    /// <summary>What was recorded as stored, by the number of the shard, whatever has become of its file.</summary>
    public Dictionary<int, CommittedShard> Recorded()
    {
        var commits = new Dictionary<int, CommittedShard>();
        foreach (var shard in WithCommit())
        {
            if (Recorded(shard) is { } commit) commits[shard.Index] = commit;
        }

        return commits;
    }

    /// <summary>Every shard that was committed with what is wrong with its commit or its latents; null where both are whole.</summary>
    /// <param name="afresh">Read every file, whatever is known of it.</param>
    public IEnumerable<(PlannedShard Shard, FuseMixException? Damage)> Examine(bool afresh)
    {
        foreach (var shard in WithCommit())
        {
            FuseMixException? damage = null;
            try
            {
                if (Recorded(shard) is { } commit)
                    VerifiedFiles.Require(PathOf(shard, commit), new Fingerprint(commit.Sha256), LatentsRemedy, afresh);
            }
            catch (FuseMixException found)
            {
                damage = found;
            }

            yield return (shard, damage);
        }
    }

    /// <summary>The way out where the file of a shard is damaged.</summary>
    public string LatentsRemedy => $"Run 'fusemix extract {Manifest.Dataset} {Manifest.Encoder}', which makes again what is damaged.";

    /// <summary>The file with a shard's latents.</summary>
    public string PathOf(PlannedShard shard, CommittedShard commit) =>
        Path.Combine(_folder, CommittedShard.LatentsFile(shard.Index, commit.Sha256));

    /// <summary>Takes a commit back that is damaged, or whose latents are: nobody has committed the shard then. The caller keeps others
    /// from planning meanwhile.</summary>
    public void TakeBack(PlannedShard shard)
    {
        // Its latents stay until it is committed again: somebody may be writing them anew just now.
        File.Delete(Path.Combine(_folder, CommittedShard.FileName(shard.Index)));
        AtomicFile.SyncFolder(_folder);
    }

    private IEnumerable<PlannedShard> WithCommit() => Directory.EnumerateFiles(_folder, "shard-*.json")
        .Select(path => CommittedShard.IndexOf(Path.GetFileName(path.AsSpan())) is { } index ? Find(index) : null).OfType<PlannedShard>();

    private bool HasItsSize(PlannedShard shard, CommittedShard commit)
    {
        var file = new FileInfo(PathOf(shard, commit));
        return file.Exists && (commit.Bytes is null || commit.Bytes == file.Length);
    }

    private CommittedShard? Recorded(PlannedShard shard)
    {
        var path = Path.Combine(_folder, CommittedShard.FileName(shard.Index));
        try
        {
            var committed = JsonSerializer.Deserialize(File.ReadAllBytes(path), ShardJson.Default.CommittedShard);
            var why = committed is null ? "it is empty"
                : committed.ItemsSha256 != shard.ItemsSha256 ? "it is of other items than were planned"
                : committed.Rows < 0 || committed.Rows + committed.Failures.Count != shard.Count ? "its counts contradict its plan"
                : committed.Sha256.Length != 64 ? "its checksum is none"
                : null;
            return why is null ? committed : throw Damaged(why);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw Damaged(e.Message, e);
        }

        FuseMixException Damaged(string why, Exception? inner = null) =>
            new(FailureKind.Corrupt, $"The commit '{path}' is damaged: {why}.", LatentsRemedy, inner);
    }

    /// <summary>Clears the folder of what nobody will ever ask for again. The caller keeps others from planning meanwhile.</summary>
    public void RemoveGarbage(Dictionary<int, CommittedShard> committed)
    {
        AtomicFile.RemoveLeftovers(_folder);
        foreach (var path in Directory.EnumerateFiles(_folder, "plan-*").ToArray())
            if (Path.GetFileNameWithoutExtension(path) != Manifest.Plan) File.Delete(path);
        foreach (var path in Directory.EnumerateFiles(_folder, "shard-*").ToArray())
        {
            var name = Path.GetFileName(path);
            if (CommittedShard.IndexOf(name) is not { } index) continue;

            // What somebody has written of a shard that waits may be about to be committed.
            var isWanted = committed.TryGetValue(index, out var commit)
                ? name == CommittedShard.FileName(index) || name == CommittedShard.LatentsFile(index, commit.Sha256)
                : Find(index) is not null;
            if (!isWanted) File.Delete(path);
        }
    }

    private static StoredPlan Read(string folder, LatentManifest manifest)
    {
        var path = Path.Combine(folder, $"{manifest.Plan}.json");
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"The plan '{path}' is missing.", Remedy, e);
        }

        if (Fingerprint.Of(content).Hex != manifest.PlanSha256)
            throw new FuseMixException(FailureKind.Corrupt, $"The plan '{path}' was altered.", Remedy);
        try
        {
            return new StoredPlan(
                folder,
                manifest,
                JsonSerializer.Deserialize(content, ShardJson.Default.ShardTable) ?? throw new JsonException("it is empty"));
        }
        catch (JsonException e)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"The plan '{path}' is damaged: {e.Message}", Remedy, e);
        }
    }

    private FileStream OpenIds()
    {
        try
        {
            return new FileStream(IdsFile, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"The plan '{IdsFile}' is missing.", Remedy, e);
        }
    }

    private string[] ReadIds(FileStream stream, PlannedShard shard)
    {
        var bytes = new byte[shard.IdBytes];
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw Torn();
        var ids = Encoding.UTF8.GetString(bytes).Split('\n');
        return ids.Length == shard.Count + 1 && ids[^1].Length == 0 ? ids[..^1] : throw Torn();

        FuseMixException Torn() =>
            new(FailureKind.Corrupt, $"'{IdsFile}' does not hold the {shard.Count} items of shard {shard.Index}.", Remedy);
    }
}
