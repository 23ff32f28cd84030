using System.Text;
using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>How strictly a latent set is opened.</summary>
[Flags]
public enum LatentReading
{
    /// <summary>Every shard must be there, and each is read through once in a process to verify its checksum.</summary>
    Default = 0,

    /// <summary>Only headers and ids are verified, not every byte: for a set that was verified before.</summary>
    SkipChecksums = 1,

    /// <summary>Those shards that are committed so far are enough.</summary>
    AllowPartial = 2,
}

/// <summary>The latents of one modality of a dataset by one encoder, read from their files as they are asked for.</summary>
/// <remarks>Rows stand in the order of the shards. Reading is thread-safe.</remarks>
public sealed class LatentReader : ILatentMatrix, IDisposable
{
    private readonly List<SafetensorsFile> _shards = [];
    private readonly List<SafetensorsTensor> _tensors = [];
    private readonly List<int> _starts = [];
    private readonly List<string> _ids = [];
    private readonly Dictionary<string, int> _rows = new(StringComparer.Ordinal);

    private LatentReader(LatentSetStatus status) => (Status, Dimension) = (status, status.Dimension);

    /// <inheritdoc/>
    public int Count => _ids.Count;

    /// <inheritdoc/>
    public int Dimension { get; }

    /// <summary>The item of every row.</summary>
    public IReadOnlyList<string> Ids => _ids;

    /// <summary>What was committed when the set was opened, with the items that have no latent and why.</summary>
    public LatentSetStatus Status { get; }

    /// <summary>The row of an item.</summary>
    /// <returns>False where it has no latent.</returns>
    public bool TryGetRow(string id, out int row) => _rows.TryGetValue(id, out row);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> rows, Span<float> destination)
    {
        if (destination.Length < (long)rows.Length * Dimension)
            throw new ArgumentException(
                $"{rows.Length} rows of {Dimension} values do not fit into {destination.Length}.",
                nameof(destination));
        var shard = 0;
        for (int i = 0, run; i < rows.Length; i += run)
        {
            var row = rows[i];
            if ((uint)row >= (uint)_ids.Count) throw new ArgumentOutOfRangeException(nameof(rows), row, $"There are {_ids.Count} rows.");
            // Neighbours are mostly in one shard.
            if (row < _starts[shard] || (shard + 1 < _starts.Count && row >= _starts[shard + 1])) shard = ShardOf(row);

            // Rows that follow one another are read at once.
            var end = shard + 1 < _starts.Count ? _starts[shard + 1] : _ids.Count;
            run = 1;
            while (i + run < rows.Length && rows[i + run] == row + run && row + run < end) run++;
            _shards[shard].Widen(
                _tensors[shard], (long)(row - _starts[shard]) * Dimension, destination.Slice(i * Dimension, run * Dimension));
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var shard in _shards) shard.Dispose();
    }

    internal static LatentReader Open(string folder, Fingerprint encoderFingerprint, LatentReading reading)
    {
        var plan = StoredPlan.Read(folder);
        var manifest = plan.Manifest;
        if (manifest.EncoderFingerprint != encoderFingerprint)
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{folder}' holds latents of the encoder {manifest.EncoderFingerprint}, not {encoderFingerprint}.",
                "Remove the latent set's folder and extract again.");

        // Also those whose file is damaged: it is named rather than left out.
        var committed = plan.Recorded();
        var reader = new LatentReader(LatentSetStatus.Of(plan, committed));
        if (!reader.Status.IsComplete && !reading.HasFlag(LatentReading.AllowPartial))
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The latents of dataset '{manifest.Dataset}' by encoder '{manifest.Encoder}' are not complete: {committed.Count} of "
                    + $"{reader.Status.Shards} shards are there.",
                $"Run 'fusemix extract {manifest.Dataset} {manifest.Encoder}', which goes on where it stopped.");
        }

        try
        {
            plan.VerifyIds();
            foreach (var (shard, ids) in plan.Shards())
                if (committed.TryGetValue(shard.Index, out var found)) reader.Add(plan, shard, found, ids, reading);
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    private void Add(StoredPlan plan, PlannedShard shard, CommittedShard committed, string[] planned, LatentReading reading)
    {
        var (manifest, path) = (plan.Manifest, plan.PathOf(shard, committed));
        if (!File.Exists(path)) throw new FuseMixException(FailureKind.Corrupt, $"The shard '{path}' is missing.", plan.LatentsRemedy);
        if (!reading.HasFlag(LatentReading.SkipChecksums))
            VerifiedFiles.Require(path, new Fingerprint(committed.Sha256), plan.LatentsRemedy);
        var file = SafetensorsFile.Open(path);
        _shards.Add(file);

        if (file.Metadata.GetValueOrDefault("itemsSha256") != shard.ItemsSha256
            || file.Metadata.GetValueOrDefault("encoderFingerprint") != manifest.EncoderFingerprint.Hex)
            throw Lies("it belongs to another latent set, or to another place in this one");
        if (!file.Tensors.TryGetValue(LatentSet.LatentsTensor, out var latents)
            || !file.Tensors.TryGetValue(LatentSet.IdsTensor, out var names))
            throw Lies($"it lacks the tensor '{LatentSet.LatentsTensor}' or '{LatentSet.IdsTensor}'");
        if (latents.Dtype.ToString() != manifest.Dtype.ToString()
            || latents.Shape is not [var rows, var dimension]
            || rows != committed.Rows
            || dimension != manifest.Dimension)
            throw Lies(
                $"it holds {latents.Dtype} [{string.Join(", ", latents.Shape)}], its commit {manifest.Dtype} [{committed.Rows}, "
                    + $"{manifest.Dimension}]");
        if (names.Dtype != SafetensorsDtype.U8) throw Lies($"its ids are {names.Dtype}");

        var failed = committed.Failures.Select(f => f.Id).ToHashSet(StringComparer.Ordinal);
        var ids = committed.Rows == 0 ? [] : Encoding.UTF8.GetString(file.Bytes(LatentSet.IdsTensor)).Split('\n');
        if (!ids.SequenceEqual(planned.Where(id => !failed.Contains(id)), StringComparer.Ordinal))
            throw Lies("its ids are not those that were planned");

        _tensors.Add(latents);
        _starts.Add(_ids.Count);
        foreach (var id in ids)
        {
            if (!_rows.TryAdd(id, _ids.Count)) throw Lies($"item '{id}' is in another shard too");
            _ids.Add(id);
        }

        FuseMixException Lies(string why) => new(
            FailureKind.Corrupt, $"The shard '{path}' is not what its commit says: {why}.", plan.LatentsRemedy);
    }

    private int ShardOf(int row)
    {
        var found = _starts.BinarySearch(row);
        if (found < 0) return ~found - 1;
        // Shards without rows start where the next one does.
        while (found + 1 < _starts.Count && _starts[found + 1] == row) found++;
        return found;
    }
}
