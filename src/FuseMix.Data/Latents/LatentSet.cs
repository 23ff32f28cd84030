using System.Collections;
using System.Numerics.Tensors;
using System.Text;
using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>What a commit came to.</summary>
/// <param name="Rows">Latents that the shard holds.</param>
/// <param name="Failures">Its items that have none, those among them whose values could not be used.</param>
/// <param name="AlreadyCommitted">Whether somebody had committed the shard before; then nothing was written.</param>
public sealed record ShardCommit(int Rows, IReadOnlyList<LatentFailure> Failures, bool AlreadyCommitted);

/// <summary>How far a latent set is, and what is missing.</summary>
/// <param name="Status">How far it is.</param>
/// <param name="Pending">The shards that nobody has committed yet, in order.</param>
public sealed record LatentProgress(LatentSetStatus Status, IReadOnlyList<int> Pending);

/// <summary>A latent set that is being filled, by any number of writers on any number of nodes that share the storage.</summary>
/// <remarks>
/// The durable steps of a commit: the latents under a name that tells their content, then a small file that says that they are the shard's.
/// Both
/// are written under a temporary name, flushed and named at once, and never change. The first commit of a shard stays; whoever is late
/// removes what
/// it has written. Nobody waits for anybody but those who plan.
/// </remarks>
public sealed class LatentSet
{
    internal const string LatentsTensor = "latents";
    internal const string IdsTensor = "ids";

    private const string LockFile = ".lock";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly string _folder;
    private volatile StoredPlan _plan;

    private LatentSet(string folder, StoredPlan plan) => (_folder, _plan) = (folder, plan);

    /// <summary>Values per latent.</summary>
    public int Dimension => _plan.Manifest.Dimension;

    /// <summary>How far the set is. Reads every commit.</summary>
    public LatentSetStatus Status() => Progress().Status;

    /// <summary>Whether every shard is stored. Reads every commit.</summary>
    public bool IsComplete => Status().IsComplete;

    /// <summary>How far the set is, and what is missing. Reads every commit.</summary>
    public LatentProgress Progress()
    {
        var plan = Current();
        var committed = plan.Committed();
        return new LatentProgress(
            LatentSetStatus.Of(plan, committed),
            [.. plan.Table.Shards.Select(shard => shard.Index).Where(index => !committed.ContainsKey(index))]);
    }

    /// <summary>The items of a shard, in its order, as they were when the set was last looked at. Reads no more than them.</summary>
    /// <exception cref="FuseMixException">There is no such shard, or its plan is damaged or gone.</exception>
    public IReadOnlyList<string> ItemIds(int index)
    {
        var plan = _plan;
        return plan.IdsOf(Find(plan, index));
    }

    /// <summary>Fails unless a shard is planned to hold exactly these items with these contents.</summary>
    /// <exception cref="FuseMixException">The dataset has changed since, or the set was planned anew.</exception>
    public void Require(int index, IEnumerable<LatentItem> items)
    {
        if (Find(Current(), index).ItemsSha256 != LatentPlan.HashOf(items)) throw PlannedAnew(index);
    }

    /// <summary>What stands in the store of a shard; null where nobody has committed it, or it is not planned. Reads one small
    /// file.</summary>
    public ShardCommit? Committed(int index)
    {
        var plan = _plan;
        return plan.Find(index) is { } shard && plan.Committed(shard) is { } committed ? Of(committed) : null;
    }

    /// <summary>Stores the latents of one shard. Committing a shard again, or from two writers at once, is harmless: the first one
    /// stays.</summary>
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
        var plan = Current();
        var shard = Find(plan, index);
        RequireWhole(index, plan.IdsOf(shard), ids, rows.Length, failures);
        if (plan.Committed(shard) is { } before) return Of(before);

        var (keptIds, keptRows, allFailures) = LeaveOutUnusable(ids, rows, failures);
        var manifest = plan.Manifest;
        var writer = new SafetensorsWriter()
            .AddMetadata("dataset", manifest.Dataset)
            .AddMetadata("encoder", manifest.Encoder)
            .AddMetadata("encoderFingerprint", manifest.EncoderFingerprint.Hex)
            .AddMetadata("shard", index.ToString(System.Globalization.CultureInfo.InvariantCulture))
            .AddMetadata("itemsSha256", shard.ItemsSha256);
        var text = Encoding.UTF8.GetBytes(string.Join('\n', keptIds));
        if (manifest.Dtype == LatentDtype.F16) writer.AddFloat16(LatentsTensor, keptRows, keptIds.Count, Dimension);
        else writer.AddFloat32(LatentsTensor, keptRows, keptIds.Count, Dimension);
        writer.AddBytes(IdsTensor, text, text.Length);
        var checksum = writer.Checksum().Hex;
        var latents = CommittedShard.LatentsFile(index, checksum);
        writer.Save(Path.Combine(_folder, latents));

        var commit = new CommittedShard(
            shard.ItemsSha256, keptIds.Count, checksum, allFailures, new FileInfo(Path.Combine(_folder, latents)).Length);
        if (AtomicFile.TryCreateJson(Path.Combine(_folder, CommittedShard.FileName(index)), commit, ShardJson.Default.CommittedShard))
            return new ShardCommit(keptIds.Count, allFailures, AlreadyCommitted: false);

        var first = plan.Committed(shard) ?? throw PlannedAnew(index);
        if (CommittedShard.LatentsFile(index, first.Sha256) != latents) File.Delete(Path.Combine(_folder, latents));
        return Of(first);
    }

    /// <summary>The set's dataset and encoder.</summary>
    public override string ToString() => $"The latent set of dataset '{_plan.Manifest.Dataset}' by encoder '{_plan.Manifest.Encoder}'";

    internal static LatentSet Open(string folder) => new(folder, StoredPlan.Read(folder));

    internal static LatentSet OpenOrCreate(string folder, LatentPlan plan, CancellationToken cancellation)
    {
        // All of it is read before anybody has to wait, and remembered.
        if (File.Exists(Path.Combine(folder, LatentManifest.FileName)))
        {
            foreach (var _ in StoredPlan.Read(folder).Examine(afresh: true)) cancellation.ThrowIfCancellationRequested();
        }

        using var planning = FileLock.Acquire(
            Path.Combine(folder, LockFile),
            $"The latent set of dataset '{plan.Dataset}' by encoder '{plan.Encoder}'",
            Patience,
            cancellation);
        StoredPlan? stored = null;
        if (File.Exists(Path.Combine(folder, LatentManifest.FileName)))
        {
            stored = StoredPlan.Read(folder);
            RequireSame(folder, stored.Manifest, plan);
            stored.VerifyIds();
        }

        // The fingerprint is over every item's id, content and place.
        if (stored?.Manifest.DatasetFingerprint != plan.DatasetFingerprint)
        {
            Renew(folder, stored, plan, cancellation).Write(folder);
            stored = StoredPlan.Read(folder);
        }

        TakeBackDamaged(stored, cancellation);
        stored.RemoveGarbage(stored.Committed());
        return new LatentSet(folder, stored);
    }

    /// <summary>What is damaged is planned again, as if nobody had made it.</summary>
    private static void TakeBackDamaged(StoredPlan stored, CancellationToken cancellation)
    {
        foreach (var (shard, damage) in stored.Examine(afresh: false).ToArray())
        {
            cancellation.ThrowIfCancellationRequested();
            if (damage is not null) stored.TakeBack(shard);
        }
    }

    /// <summary>The stored plan where it still holds, else one that keeps every shard whose items are all unchanged.</summary>
    private static LatentManifest Renew(string folder, StoredPlan? stored, LatentPlan plan, CancellationToken cancellation)
    {
        var kept = new List<(int Index, int Count, string ItemsSha256)>();
        var known = new BitArray(plan.Items.Count);
        if (stored is not null)
        {
            var index = new ItemIndex(plan.Items);
            foreach (var (shard, ids) in stored.Shards())
            {
                cancellation.ThrowIfCancellationRequested();
                int[] places = [.. ids.Select(id => index.Find(id) ?? -1)];
                if (places.Contains(-1) || LatentPlan.HashOf(places.Select(place => plan.Items[place])) != shard.ItemsSha256) continue;
                kept.Add((shard.Index, shard.Count, shard.ItemsSha256));
                foreach (var place in places) known[place] = true;
            }

            if (kept.Count == stored.Table.Shards.Count && known.HasAllSet())
                return stored.Manifest with { DatasetFingerprint = plan.DatasetFingerprint };
        }

        var next = stored?.Manifest.NextIndex ?? 0;
        var shards = kept.ToList();
        foreach (var fresh in Fresh()) shards.Add((next++, fresh.Length, LatentPlan.HashOf(fresh)));
        var manifest = new LatentManifest(
            LatentManifest.CurrentFormat,
            plan.Dataset,
            plan.DatasetFingerprint,
            plan.Encoder,
            plan.EncoderFingerprint,
            plan.Dimension,
            plan.Dtype,
            "",
            "",
            next);
        var members = kept.Select(shard => stored!.IdsOf(stored.Find(shard.Index)!)).Concat(
            Fresh().Select(fresh => fresh.Select(item => item.Id).ToArray()));
        return StoredPlan.Write(folder, manifest, shards, members);

        IEnumerable<LatentItem[]> Fresh()
        {
            var unknown = Enumerable.Range(0, plan.Items.Count).Where(place => !known[place]).Select(place => plan.Items[place]);
            foreach (var members in unknown.Chunk(plan.ShardSize))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return members;
            }
        }
    }

    private static void RequireSame(string folder, LatentManifest stored, LatentPlan plan)
    {
        if (stored.Dataset != plan.Dataset || stored.Encoder != plan.Encoder || stored.EncoderFingerprint != plan.EncoderFingerprint)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{folder}' holds latents of dataset '{stored.Dataset}' by encoder '{stored.Encoder}' ({stored.EncoderFingerprint}), "
                    + $"not of '{plan.Dataset}' by '{plan.Encoder}' ({plan.EncoderFingerprint}).",
                "Move it away and extract again.");
        }

        if (stored.Dimension != plan.Dimension || stored.Dtype != plan.Dtype)
        {
            throw new FuseMixException(
                FailureKind.Conflict,
                $"The latents of dataset '{plan.Dataset}' by encoder '{plan.Encoder}' are stored as {stored.Dtype} × "
                    + $"{stored.Dimension}, not {plan.Dtype} × {plan.Dimension}.",
                $"Keep to {stored.Dtype}, or remove '{folder}' and extract again.");
        }
    }

    private static ShardCommit Of(CommittedShard committed) => new(committed.Rows, committed.Failures, AlreadyCommitted: true);

    private StoredPlan Current() => _plan = _plan.Current();

    private PlannedShard Find(StoredPlan plan, int index) => plan.Find(index) ?? throw (index >= 0 && index < plan.Manifest.NextIndex
        ? PlannedAnew(index)
        : new FuseMixException(FailureKind.NotFound, $"{this} has no shard {index}."));

    private FuseMixException PlannedAnew(int index) => new(
        FailureKind.Conflict,
        $"{this} was planned anew while shard {index} was extracted, or the dataset has changed since: its items are others now.",
        "Start the extraction again; what others committed is kept.");

    private void RequireWhole(int index, string[] planned, IReadOnlyList<string> ids, int values, IReadOnlyList<LatentFailure> failures)
    {
        if (values != (long)ids.Count * Dimension)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Shard {index}: {ids.Count} latents of dimension {Dimension} have {(long)ids.Count * Dimension} values, not {values}.");
        var failed = failures.Select(f => f.Id).ToHashSet(StringComparer.Ordinal);
        var expected = planned.Where(id => !failed.Contains(id));
        if (failed.Count != failures.Count
            || ids.Count + failures.Count != planned.Length
            || !expected.SequenceEqual(ids, StringComparer.Ordinal))
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Shard {index} of {planned.Length} items was given {ids.Count} latents and {failures.Count} failures that are not "
                    + "exactly its items in its order.");
        }
    }

    private (IReadOnlyList<string> Ids, ReadOnlyMemory<float> Rows, IReadOnlyList<LatentFailure> Failures) LeaveOutUnusable(
        IReadOnlyList<string> ids, ReadOnlyMemory<float> rows, IReadOnlyList<LatentFailure> failures)
    {
        var limit = _plan.Manifest.Dtype == LatentDtype.F16 ? (float)Half.MaxValue : float.MaxValue;
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
            : largest > limit ? $"its latent has a value of magnitude {largest}, which {_plan.Manifest.Dtype} cannot hold"
            : largest == 0 || (_plan.Manifest.Dtype == LatentDtype.F16 && (Half)largest == Half.Zero) ? "its latent is all zeros"
            : null;
    }
}
