using System.Collections;
using System.Diagnostics;
using System.Globalization;
using FuseMix.Data.Latents;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Latents;

/// <summary>A latent set of ten million items in twenty thousand shards: what a commit costs must not grow with what is
/// committed.</summary>
public sealed class LargeSetTests : IDisposable
{
    private const int ShardSize = 500;
    private static readonly Fingerprint Encoder = Fingerprint.Of("encoder");

    // In memory where there is such a folder: what counts is what the store does, not how long a disk takes to flush.
    private readonly TemporaryFolder _folder = Directory.Exists("/dev/shm") ? new("/dev/shm") : new();
    private readonly LatentStore _store;

    public LargeSetTests() => _store = new LatentStore(new FuseMixHome(_folder.Path));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_commit_reads_no_more_in_a_large_set_than_in_a_small_one()
    {
        var set = _store.OpenOrCreate(Plan(2_000 * ShardSize, "small"));
        var (first, last) = (BytesOf(() => Commit(set, 0)), 0L);
        for (var shard = 1; shard < 2_000; shard++) last = BytesOf(() => Commit(set, shard));
        Assert.InRange(last, 0, first * 3 / 2);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Ten_million_items_are_planned_and_committed_in_bounded_memory()
    {
        const int Shards = 20_000;
        var started = Stopwatch.GetTimestamp();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var set = _store.OpenOrCreate(Plan(Shards * ShardSize, "large"));
        var planned = Stopwatch.GetElapsedTime(started);
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.InRange(held, long.MinValue, 64L << 20);

        started = Stopwatch.GetTimestamp();
        for (var shard = 0; shard < Shards; shard++) Commit(set, shard);
        var committed = Stopwatch.GetElapsedTime(started);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64L << 20);

        started = Stopwatch.GetTimestamp();
        var status = set.Status();
        var counted = Stopwatch.GetElapsedTime(started);
        Assert.Equal(
            (Shards * ShardSize, Shards * ShardSize, Shards, true), (status.Items, status.Rows, status.CommittedShards, status.IsComplete));

        started = Stopwatch.GetTimestamp();
        Assert.Empty(_store.OpenOrCreate(Plan((Shards * ShardSize) - 1, "grown")).Progress().Pending.SkipLast(1));
        var again = Stopwatch.GetElapsedTime(started);
        TestContext.Current.SendDiagnosticMessage(
            $"{Shards} shards: planned in {planned.TotalSeconds:F1} s, held {held >> 20} MiB, committed in {committed.TotalSeconds:F1} s "
            + $"({committed.TotalMicroseconds / Shards:F0} µs each), counted in {counted.TotalSeconds:F2} s, planned anew in "
                + $"{again.TotalSeconds:F1} s");
    }

    private static void Commit(LatentSet set, int shard)
    {
        var rows = new float[ShardSize];
        Array.Fill(rows, 1f);
        set.CommitShard(shard, [.. Enumerable.Range(shard * ShardSize, ShardSize).Select(place => Items.At(place).Id)], rows, []);
    }

    private static long BytesOf(Action work)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static LatentPlan Plan(int items, string version) => new()
    {
        Dataset = "large",
        DatasetFingerprint = Fingerprint.Of(version),
        Encoder = "use-lite",
        EncoderFingerprint = Encoder,
        Dimension = 1,
        ShardSize = ShardSize,
        Items = new Items(items),
    };

    /// <summary>Items that are made when they are asked for.</summary>
    private sealed class Items(int count) : IReadOnlyList<LatentItem>
    {
        public int Count => count;

        public LatentItem this[int index] => At(index);

        public static LatentItem At(int index) => new(string.Create(CultureInfo.InvariantCulture, $"item-{index:D8}"), "content");

        public IEnumerator<LatentItem> GetEnumerator() => Enumerable.Range(0, count).Select(index => this[index]).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
