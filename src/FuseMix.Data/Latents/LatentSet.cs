using System.Numerics.Tensors;
using System.Text;
using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>A shard that waits for its latents.</summary>
/// <param name="Index">Its number in the set.</param>
/// <param name="Ids">Its items, in the order of its rows.</param>
public sealed record PendingShard(int Index, IReadOnlyList<string> Ids);

/// <summary>What a commit came to.</summary>
/// <param name="Rows">Latents that the shard holds.</param>
/// <param name="Failures">Its items that have none, those among them whose values could not be used.</param>
/// <param name="AlreadyCommitted">Whether somebody had committed the shard before; then nothing was written.</param>
public sealed record ShardCommit(int Rows, IReadOnlyList<LatentFailure> Failures, bool AlreadyCommitted);

/// <summary>A latent set that is being filled, by any number of writers on any number of nodes that share the storage.</summary>
/// <remarks>
/// The durable steps of a commit: the shard under a temporary name, fsync, rename, fsync of the folder, then the
/// manifest the same way. Only what the manifest lists exists; a crash before its rename leaves the set as it was.
/// </remarks>
public sealed class LatentSet
{
    internal const string LatentsTensor = "latents";
    internal const string IdsTensor = "ids";

    private const string LockFile = ".lock";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly string _folder;
    private readonly Dictionary<int, string[]> _ids;
    private readonly Dictionary<int, string> _planned;
    private volatile LatentManifest _manifest;

    private LatentSet(string folder, LatentManifest manifest, string[] plan)
    {
        _folder = folder;
        _manifest = manifest;
        _planned = manifest.Shards.ToDictionary(s => s.Index, s => s.ItemsSha256);
        _ids = [];
        var first = 0;
        foreach (var shard in manifest.Shards)
        {
            _ids.Add(shard.Index, plan[first..(first + shard.Count)]);
            first += shard.Count;
        }
    }

    /// <summary>Values per latent.</summary>
    public int Dimension => _manifest.Dimension;

    /// <summary>How far the set is, as the manifest on disk says now.</summary>
    public LatentSetStatus Status() => LatentSetStatus.Of(Reread());

    /// <summary>Whether every shard is stored.</summary>
    public bool IsComplete => Reread().IsComplete;

    /// <summary>The shards that nobody has committed yet, in order.</summary>
    public IReadOnlyList<PendingShard> PendingShards() =>
        [.. Reread().Shards.Where(s => s.Committed is null && IsPlanned(s)).Select(s => new PendingShard(s.Index, _ids[s.Index]))];

    /// <summary>Stores the latents of one shard. Committing a shard again, or from two writers at once, is harmless: the first one stays.</summary>
    /// <param name="index">The shard's number.</param>
    /// <param name="ids">Those of its items that have a latent, in the shard's order.</param>
    /// <param name="rows">Their latents [ids.Count × dimension], row-major.</param>
    /// <param name="failures">Those of its items that have none.</param>
    /// <returns>
    /// What was stored. A row that is all zeros, or has a value that is not finite or beyond the range of the dtype, is not stored
    /// but becomes a failure of its item.
    /// </returns>
    /// <exception cref="FuseMixException">
    /// Ids and failures are not exactly the shard's items, the number of values is wrong, the set was planned anew meanwhile, or the
    /// disk is full.
    /// </exception>
    public ShardCommit CommitShard(int index, IReadOnlyList<string> ids, ReadOnlyMemory<float> rows, IReadOnlyList<LatentFailure> failures)
    {
        if (!_ids.TryGetValue(index, out var planned)) throw new FuseMixException(FailureKind.NotFound, $"{this} has no shard {index}.");
        RequireWhole(index, planned, ids, rows.Length, failures);
        var (keptIds, keptRows, allFailures) = LeaveOutUnusable(ids, rows, failures);

        using var held = FileLock.Acquire(Path.Combine(_folder, LockFile), ToString(), Patience);
        var manifest = LatentManifest.Read(_folder);
        var entry = manifest.Shards.FirstOrDefault(s => s.Index == index);
        if (entry is null || !IsPlanned(entry))
        {
            throw new FuseMixException(
                FailureKind.Conflict,
                $"{this} was planned anew while shard {index} was extracted: its items have changed.",
                "Start the extraction again; what others committed is kept.");
        }

        if (entry.Committed is { } before)
        {
            _manifest = manifest;
            return new ShardCommit(before.Rows, before.Failures, AlreadyCommitted: true);
        }

        var writer = new SafetensorsWriter()
            .AddMetadata("dataset", manifest.Dataset)
            .AddMetadata("encoder", manifest.Encoder)
            .AddMetadata("encoderFingerprint", manifest.EncoderFingerprint.Hex)
            .AddMetadata("shard", index.ToString(System.Globalization.CultureInfo.InvariantCulture))
            .AddMetadata("itemsSha256", entry.ItemsSha256);
        var text = Encoding.UTF8.GetBytes(string.Join('\n', keptIds));
        if (manifest.Dtype == LatentDtype.F16) writer.AddFloat16(LatentsTensor, keptRows, keptIds.Count, Dimension);
        else writer.AddFloat32(LatentsTensor, keptRows, keptIds.Count, Dimension);
        var checksum = writer.AddBytes(IdsTensor, text, text.Length).Save(Path.Combine(_folder, entry.FileName));

        var committed = entry with { Committed = new CommittedShard(keptIds.Count, checksum.Hex, allFailures) };
        manifest = manifest with { Shards = [.. manifest.Shards.Select(s => s.Index == index ? committed : s)] };
        manifest.Write(_folder);
        _manifest = manifest;
        return new ShardCommit(keptIds.Count, allFailures, AlreadyCommitted: false);
    }

    /// <summary>The set's dataset and encoder.</summary>
    public override string ToString() => $"The latent set of dataset '{_manifest.Dataset}' by encoder '{_manifest.Encoder}'";

    internal static LatentSet OpenOrCreate(string folder, LatentPlan plan)
    {
        using var held = FileLock.Acquire(
            Path.Combine(folder, LockFile),
            $"The latent set of dataset '{plan.Dataset}' by encoder '{plan.Encoder}'",
            Patience);
        LatentManifest? stored = null;
        if (File.Exists(Path.Combine(folder, LatentManifest.FileName)))
        {
            stored = LatentManifest.Read(folder);
            RequireSame(folder, stored, plan);
        }

        var (manifest, ids) = stored is null ? Renew(folder, null, [], plan) : Renew(folder, stored, ReadPlan(folder, stored), plan);
        LatentGarbage.Remove(folder, manifest);
        return new LatentSet(folder, manifest, ids);
    }

    /// <summary>The ids of all shards, one after the other.</summary>
    internal static string[] ReadPlan(string folder, LatentManifest manifest)
    {
        var path = Path.Combine(folder, manifest.PlanFile);
        const string Remedy = "Remove the latent set's folder and extract again.";
        FileChecksum.Require(path, new Fingerprint(manifest.PlanSha256), Remedy);
        var ids = File.ReadAllText(path).Split('\n');
        return ids.Length == manifest.Shards.Sum(s => s.Count)
            ? ids
            : throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{path}' has {ids.Length} items, its manifest {manifest.Shards.Sum(s => s.Count)}.",
                Remedy);
    }

    /// <summary>The stored plan where it still holds, else one that keeps every shard whose items are all unchanged.</summary>
    private static (LatentManifest Manifest, string[] Ids) Renew(string folder, LatentManifest? stored, string[] storedIds, LatentPlan plan)
    {
        var content = plan.Items.ToDictionary(i => i.Id, i => i.Content, StringComparer.Ordinal);
        var kept = new List<ShardEntry>();
        var ids = new List<string>(plan.Items.Count);
        var allKept = true;
        var first = 0;
        foreach (var shard in stored?.Shards ?? [])
        {
            var members = storedIds[first..(first += shard.Count)];
            var unchanged = members.All(content.ContainsKey) && LatentPlan.HashOf(members.Select(id => new LatentItem(id, content[id]))) == shard.ItemsSha256;
            allKept &= unchanged;
            if (!unchanged) continue;
            kept.Add(shard);
            ids.AddRange(members);
        }

        var known = ids.ToHashSet(StringComparer.Ordinal);
        var fresh = plan.Items.Where(i => !known.Contains(i.Id)).ToArray();
        if (stored is not null && allKept && fresh.Length == 0 && kept.Count == stored.Shards.Count)
        {
            if (stored.DatasetFingerprint == plan.DatasetFingerprint) return (stored, storedIds);
            stored = stored with { DatasetFingerprint = plan.DatasetFingerprint };
            stored.Write(folder);
            return (stored, storedIds);
        }

        var next = stored?.NextIndex ?? 0;
        foreach (var members in fresh.Chunk(plan.ShardSize))
        {
            kept.Add(new ShardEntry(next++, members.Length, LatentPlan.HashOf(members), null));
            ids.AddRange(members.Select(m => m.Id));
        }

        var text = string.Join('\n', ids);
        var hash = Fingerprint.Of(text);
        var planFile = $"plan-{hash.Short}.txt";
        AtomicFile.WriteText(Path.Combine(folder, planFile), text);
        var manifest = new LatentManifest(
            LatentManifest.CurrentFormat, plan.Dataset, plan.DatasetFingerprint, plan.Encoder, plan.EncoderFingerprint, plan.Dimension, plan.Dtype, planFile, hash.Hex, next, kept);
        manifest.Write(folder);
        return (manifest, [.. ids]);
    }

    private static void RequireSame(string folder, LatentManifest stored, LatentPlan plan)
    {
        if (stored.Dataset != plan.Dataset || stored.Encoder != plan.Encoder || stored.EncoderFingerprint != plan.EncoderFingerprint)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{folder}' holds latents of dataset '{stored.Dataset}' by encoder '{stored.Encoder}' ({stored.EncoderFingerprint}), not of '{plan.Dataset}' by '{plan.Encoder}' ({plan.EncoderFingerprint}).",
                "Move it away and extract again.");
        }

        if (stored.Dimension != plan.Dimension || stored.Dtype != plan.Dtype)
        {
            throw new FuseMixException(
                FailureKind.Conflict,
                $"The latents of dataset '{plan.Dataset}' by encoder '{plan.Encoder}' are stored as {stored.Dtype} × {stored.Dimension}, not {plan.Dtype} × {plan.Dimension}.",
                $"Keep to {stored.Dtype}, or remove '{folder}' and extract again.");
        }
    }

    /// <summary>Whether a shard is still what this writer planned it to be.</summary>
    private bool IsPlanned(ShardEntry shard) => _planned.TryGetValue(shard.Index, out var items) && items == shard.ItemsSha256;

    private LatentManifest Reread() => _manifest = LatentManifest.Read(_folder);

    private void RequireWhole(int index, string[] planned, IReadOnlyList<string> ids, int values, IReadOnlyList<LatentFailure> failures)
    {
        if (values != (long)ids.Count * Dimension)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Shard {index}: {ids.Count} latents of dimension {Dimension} have {(long)ids.Count * Dimension} values, not {values}.");
        var failed = failures.Select(f => f.Id).ToHashSet(StringComparer.Ordinal);
        var expected = planned.Where(id => !failed.Contains(id));
        if (failed.Count != failures.Count || ids.Count + failures.Count != planned.Length || !expected.SequenceEqual(ids, StringComparer.Ordinal))
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Shard {index} of {planned.Length} items was given {ids.Count} latents and {failures.Count} failures that are not exactly its items in its order.");
        }
    }

    private (IReadOnlyList<string> Ids, ReadOnlyMemory<float> Rows, IReadOnlyList<LatentFailure> Failures) LeaveOutUnusable(
        IReadOnlyList<string> ids, ReadOnlyMemory<float> rows, IReadOnlyList<LatentFailure> failures)
    {
        var limit = _manifest.Dtype == LatentDtype.F16 ? (float)Half.MaxValue : float.MaxValue;
        var unusable = new Dictionary<int, string>();
        for (var i = 0; i < ids.Count; i++)
            if (Complaint(rows.Span.Slice(i * Dimension, Dimension), limit) is { } complaint) unusable.Add(i, complaint);
        if (unusable.Count == 0) return (ids, rows, failures);

        var kept = Enumerable.Range(0, ids.Count).Where(i => !unusable.ContainsKey(i)).ToArray();
        var keptRows = new float[kept.Length * Dimension];
        for (var i = 0; i < kept.Length; i++) rows.Span.Slice(kept[i] * Dimension, Dimension).CopyTo(keptRows.AsSpan(i * Dimension));
        return ([.. kept.Select(i => ids[i])], keptRows, [.. failures, .. unusable.Select(u => new LatentFailure(ids[u.Key], u.Value))]);
    }

    private string? Complaint(ReadOnlySpan<float> row, float limit)
    {
        // MaxMagnitude passes NaN on.
        var largest = MathF.Abs(TensorPrimitives.MaxMagnitude(row));
        return float.IsNaN(largest) ? "its latent has a value that is not a number"
            : float.IsInfinity(largest) ? "its latent has an infinite value"
            : largest > limit ? $"its latent has a value of magnitude {largest}, which {_manifest.Dtype} cannot hold"
            : largest == 0 || (_manifest.Dtype == LatentDtype.F16 && (Half)largest == Half.Zero) ? "its latent is all zeros"
            : null;
    }
}
