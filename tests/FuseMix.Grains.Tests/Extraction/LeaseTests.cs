using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;
using FuseMix.Data.Latents;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Extraction;

/// <summary>The tests are the extractors here: no node of these clusters extracts.</summary>
public sealed class LeaseTests : IAsyncLifetime
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(30);

    private readonly TestHome _home = TestHome.Create();
    private readonly ManualTimeProvider _clock = new();
    private TestCluster _cluster = null!;

    private IExtractionJobGrain Job => _cluster.Extraction(TestHome.TextEncoder);

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(
            _home, ["gateway@front"], new ToldTime(_clock), options => options.LeaseDuration = Duration);
        await _cluster.Start(TestHome.TextEncoder);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task Each_shard_is_leased_to_one_extractor_in_the_order_of_the_items()
    {
        var leases = new List<ShardLease?>();
        for (var i = 0; i < 5; i++) leases.Add(await Job.Lease($"extractor-{i}"));

        Assert.Equal([0, 1, 2, 3], leases.OfType<ShardLease>().Select(lease => lease.Shard));
        Assert.Null(leases[4]);
        Assert.Equal([8, 8, 8, 1], leases.OfType<ShardLease>().Select(lease => lease.ItemIds.Length));
        Assert.Equal(
            _home.Items().Where(item => item.Modality == Modality.Text).Select(item => item.Id),
            leases.OfType<ShardLease>().SelectMany(lease => lease.ItemIds));
        var fingerprint = _home.Packs.Load(TestHome.TextEncoder).Fingerprint.Hex;
        Assert.All(leases.OfType<ShardLease>(), lease => Assert.Equal((Duration, fingerprint), (lease.Duration, lease.EncoderFingerprint)));
    }

    [Fact]
    public async Task Asking_again_gives_the_shard_that_one_holds_already()
    {
        var first = await Job.Lease("me");
        await Job.Lease("other");
        Assert.Equal(first!.Shard, (await Job.Lease("me"))!.Shard);
    }

    [Fact]
    public async Task A_silent_extractor_loses_its_shard_to_the_next_one_that_asks()
    {
        Assert.Equal(0, (await Job.Lease("silent"))!.Shard);
        _clock.Advance(Duration);
        Assert.Equal(1, (await Job.Lease("early"))!.Shard);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, (await Job.Lease("next"))!.Shard);

        Assert.False(await Job.Renew("silent", 0, 5));
        Assert.True(await Job.Renew("next", 0, 5));
        Assert.Contains("silent", Assert.Single(_cluster.Log.Lines(1004)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_extractor_that_renews_keeps_its_shard_for_as_long_as_it_takes()
    {
        await Job.Lease("busy");
        for (var i = 1; i <= 5; i++)
        {
            _clock.Advance(Duration * 0.9);
            Assert.True(await Job.Renew("busy", 0, i));
        }

        Assert.Equal(1, (await Job.Lease("other"))!.Shard);
    }

    [Fact]
    public async Task Items_under_work_count_as_done_until_their_lease_is_lost()
    {
        await Job.Lease("busy");
        await Job.Renew("busy", 0, 5);
        Assert.Equal(5, (await Job.Status()).ItemsDone);
        _clock.Advance(Duration + TimeSpan.FromMilliseconds(1));
        await Job.Lease("next");
        Assert.Equal(0, (await Job.Status()).ItemsDone);
    }

    [Fact]
    public async Task Only_the_holder_of_a_shard_can_renew_it()
    {
        await Job.Lease("holder");
        Assert.False(await Job.Renew("stranger", 0, 1));
        Assert.False(await Job.Renew("holder", 1, 1));
        Assert.False(await Job.Renew("holder", 99, 1));
    }

    [Fact]
    public async Task A_shard_that_is_given_back_goes_to_the_next_one_at_once_and_was_no_attempt()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(0, (await Job.Lease($"leaving-{i}"))!.Shard);
            await Job.Renew($"leaving-{i}", 0, 5);
            await Job.Release("stranger", 0);
            Assert.True(await Job.Renew($"leaving-{i}", 0, 5));
            await Job.Release($"leaving-{i}", 0);
            Assert.False(await Job.Renew($"leaving-{i}", 0, 6));
            Assert.Equal(0, (await Job.Status()).ItemsDone);
        }

        for (var attempt = 1; attempt <= 2; attempt++)
        {
            await Job.Lease("failing");
            await Job.Report("failing", new ShardOutcome(0, 8, 0, "a reason"));
        }

        Assert.Equal(JobState.Running, (await Job.Status()).State);
    }

    [Fact]
    public async Task After_a_cancel_nothing_is_leased_and_every_lease_is_lost()
    {
        await Job.Lease("holder");
        await Job.Renew("holder", 0, 5);
        var status = await Job.Cancel();
        Assert.Equal((JobState.Cancelled, 0), (status.State, status.ItemsDone));
        Assert.False(await Job.Renew("holder", 0, 6));
        Assert.Null(await Job.Lease("holder"));
        Assert.Null(await Job.Lease("other"));
    }

    [Fact]
    public async Task After_a_restart_the_leases_of_before_are_lost()
    {
        await Job.Lease("holder");
        await Job.Cancel();
        await _cluster.Start(TestHome.TextEncoder);
        Assert.False(await Job.Renew("holder", 0, 1));
        Assert.Equal(0, (await Job.Lease("other"))!.Shard);
    }

    [Fact]
    public async Task A_report_without_a_commit_in_the_store_counts_for_nothing()
    {
        await Job.Lease("liar");
        await Job.Report("liar", new ShardOutcome(0, 8, 0, null));
        var status = await Job.Status();
        Assert.Equal((JobState.Running, 0, 0), (status.State, status.ShardsDone, status.ItemsDone));
        Assert.Equal(0, (await Job.Lease("next"))!.Shard);
    }

    [Fact]
    public async Task A_shard_that_was_committed_after_its_lease_was_lost_counts_all_the_same()
    {
        var lease = (await Job.Lease("slow"))!;
        _clock.Advance(Duration + TimeSpan.FromMilliseconds(1));
        await Job.Lease("next");
        Commit(lease);
        await Job.Report("slow", new ShardOutcome(0, 8, 0, null));
        Assert.Equal((1, 8), await Done());
        Assert.Equal(1, (await Job.Lease("third"))!.Shard);

        // The one that has the shard now makes it again, in vain and without harm.
        Assert.True(Commit(lease).AlreadyCommitted);
        await Job.Report("next", new ShardOutcome(0, 8, 0, null));
        Assert.Equal((1, 8), await Done());
    }

    [Fact]
    public async Task A_shard_that_is_committed_while_the_job_is_cancelled_shows_in_its_status()
    {
        var lease = (await Job.Lease("holder"))!;
        await Job.Cancel();
        Commit(lease);
        await Job.Report("holder", new ShardOutcome(0, 8, 0, null));
        Assert.Equal((1, 8), await Done());
        Assert.Equal(JobState.Cancelled, (await Job.Status()).State);
    }

    [Fact]
    public async Task The_last_commit_ends_the_job()
    {
        for (var shard = 0; shard < 4; shard++)
        {
            var lease = (await Job.Lease("me"))!;
            Assert.Equal(shard, lease.Shard);
            Commit(lease);
            await Job.Report("me", new ShardOutcome(shard, lease.ItemIds.Length, 0, null));
        }

        Assert.Equal(JobState.Completed, (await Job.Status()).State);
        Assert.Null(await Job.Lease("me"));
    }

    [Fact]
    public async Task A_shard_is_tried_three_times_before_the_job_fails_with_the_reason()
    {
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Assert.Equal(JobState.Running, (await Job.Status()).State);
            Assert.Equal(0, (await Job.Lease($"extractor-{attempt}"))!.Shard);
            await Job.Report($"extractor-{attempt}", new ShardOutcome(0, 8, 0, $"reason {attempt}"));
        }

        var status = await Job.Status();
        Assert.Equal((JobState.Failed, "Shard 0 failed 3 times: reason 3"), (status.State, status.Error));
        Assert.Equal(status, Assert.Single(await Patience.Read(Job.Watch())));

        var again = await _cluster.Start(TestHome.TextEncoder);
        Assert.Equal((JobState.Running, null), (again.State, again.Error));
    }

    [Fact]
    public async Task The_rate_and_the_time_are_of_this_run()
    {
        Commit((await Job.Lease("me"))!);
        await Job.Report("me", new ShardOutcome(0, 8, 0, null));
        _clock.Advance(TimeSpan.FromSeconds(4));
        var status = await Job.Status();
        Assert.Equal((TimeSpan.FromSeconds(4), 2.0), (status.Elapsed, status.ItemsPerSecond));

        await Job.Cancel();
        _clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(4), (await Job.Status()).Elapsed);
        var again = await _cluster.Start(TestHome.TextEncoder);
        Assert.Equal((TimeSpan.Zero, 0.0, 8), (again.Elapsed, again.ItemsPerSecond, again.ItemsFound));
    }

    private async Task<(int Shards, int Items)> Done()
    {
        var status = await Job.Status();
        return (status.ShardsDone, status.ItemsDone);
    }

    private ShardCommit Commit(ShardLease lease)
    {
        var pack = _home.Packs.Load(TestHome.TextEncoder);
        var plan = LatentPlan.Of(
            _home.Datasets.Load(TestHome.Dataset), Modality.Text, pack.Name, pack.Fingerprint, pack.Definition.Latent.Dimension);
        var rows = Enumerable.Repeat(1f, lease.ItemIds.Length * pack.Definition.Latent.Dimension).ToArray();
        return _home.Latents.OpenOrCreate(plan with { ShardSize = 8 }).CommitShard(lease.Shard, lease.ItemIds, rows, []);
    }
}
