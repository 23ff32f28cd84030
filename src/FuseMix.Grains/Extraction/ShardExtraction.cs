using System.Collections.Concurrent;
using FuseMix.Contracts.Extraction;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Sessions;
using FuseMix.Grains.Home;

namespace FuseMix.Grains.Extraction;

/// <summary>How far a shard is; written by the extracting thread, read by the one that renews the lease.</summary>
internal sealed class ShardProgress
{
    private int _itemsDone;

    public int ItemsDone
    {
        get => Volatile.Read(ref _itemsDone);
        set => Volatile.Write(ref _itemsDone, value);
    }
}

/// <summary>Turns one leased shard of items into committed latents.</summary>
internal sealed class ShardExtraction(DatasetCache datasets, LatentStore latents, EncoderSessions encoders, ExtractionMetrics metrics)
{
    /// <summary>Items between two looks at the lease: few enough for a smooth progress bar, enough to keep every thread busy.</summary>
    private const int ItemsPerBatch = 64;

    private readonly ConcurrentDictionary<(ExtractionRequest Request, string Encoder), LatentSet> _sets = new();

    /// <summary>Encodes and commits; blocks the calling thread.</summary>
    /// <exception cref="OperationCanceledException">The lease was lost or the node stops; nothing was committed.</exception>
    /// <exception cref="FuseMixException">The shard as a whole cannot be made. An item that cannot be encoded does not fail its
    /// shard.</exception>
    public ShardOutcome Run(ExtractionRequest request, ShardLease lease, ShardProgress progress, CancellationToken cancellationToken)
    {
        var encoder = new Fingerprint(lease.EncoderFingerprint);
        var set = _sets.GetOrAdd((request, encoder.Hex), _ => latents.Open(request.Dataset, request.Encoder, encoder));
        var dataset = datasets.Get(request.Dataset);
        set.Require(lease.Shard, lease.ItemIds.Select(id => new LatentItem(id, dataset.Find(id)?.Sha256 ?? "")));

        // Whoever had it before may have got to the end of it, and not to its report.
        if (set.Committed(lease.Shard) is { } before)
            return new ShardOutcome(lease.Shard, lease.ItemIds.Length, before.Failures.Count, null);

        var session = encoders.Get(request.Encoder, encoder, EncoderAim.Throughput);
        var ids = new List<string>(lease.ItemIds.Length);
        var rows = new List<float>(lease.ItemIds.Length * session.Dimension);
        var failures = new List<LatentFailure>();
        foreach (var batch in lease.ItemIds.Chunk(ItemsPerBatch))
        {
            var (encoded, failed) = (ids.Count, failures.Count);
            Encode(dataset, session, batch, ids, rows, failures, cancellationToken);
            metrics.Items(session.Pack.Definition.Modality, ids.Count - encoded, failures.Count - failed);
            progress.ItemsDone += batch.Length;
        }

        cancellationToken.ThrowIfCancellationRequested();
        var commit = set.CommitShard(lease.Shard, ids, rows.ToArray(), failures);
        return new ShardOutcome(lease.Shard, lease.ItemIds.Length, commit.Failures.Count, null);
    }

    private static void Encode(
        Dataset dataset,
        EncoderSession session,
        string[] batch,
        List<string> ids,
        List<float> rows,
        List<LatentFailure> failures,
        CancellationToken cancellationToken)
    {
        var readable = new List<string>(batch.Length);
        var inputs = new List<EncoderInput>(batch.Length);
        foreach (var id in batch)
        {
            var item = dataset.Item(id);
            try
            {
                inputs.Add(item.Text is { } text ? EncoderInput.FromText(text) : EncoderInput.FromBytes(dataset.ReadBytes(item)));
                readable.Add(id);
            }
            catch (FuseMixException unreadable)
            {
                failures.Add(new LatentFailure(id, unreadable.Message));
            }
        }

        var encoded = session.EncodeBatch(inputs, cancellationToken);
        for (var i = 0; i < readable.Count; i++)
        {
            if (encoded.ErrorOf(i) is { } error)
            {
                failures.Add(new LatentFailure(readable[i], error));
            }
            else
            {
                ids.Add(readable[i]);
                rows.AddRange(encoded[i]);
            }
        }
    }
}
