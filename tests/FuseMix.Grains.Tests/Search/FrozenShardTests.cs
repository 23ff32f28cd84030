using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Search;

/// <summary>Searches while a shard neither answers nor fails.</summary>
public sealed class FrozenShardTests(PreparedHome prepared) : IAsyncLifetime
{
    private readonly TestHome _home = prepared.Copy();
    private readonly ShardGate _gate = new();
    private readonly TaskCompletionSource _thaw = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TestCluster _cluster = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(_home, [TestCluster.Everything], configure: _gate.Configure);
        foreach (var name in (string[])["boats", "ships"])
            await _cluster.Build(name, new CollectionBuild(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 10));
    }

    public async ValueTask DisposeAsync()
    {
        _thaw.TrySetResult();
        await _cluster.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task Searches_that_wait_for_it_hold_up_no_search_of_another_collection()
    {
        Freeze("boats", "image-00001");
        var request = Request("boats", SearchQuery.OfText("two red boats")) with { Deadline = TimeSpan.FromMinutes(1) };
        var waiting = Enumerable.Range(0, (4 * Environment.ProcessorCount) + 10).Select(_ => _cluster.Search(request, Stop)).ToArray();
        await Patience.Until(() => Task.FromResult(_gate.Searching), searching => searching >= Environment.ProcessorCount);

        var other = await _cluster.Search(Request("ships", SearchQuery.OfText("two red boats")), Stop).WaitAsync(Patience.Long / 4, Stop);
        Assert.True(other.Complete);
        Assert.Equal(25, other.Results[0].Length);
        Assert.DoesNotContain(waiting, search => search.IsCompleted);

        _thaw.SetResult();
        foreach (var answer in await Task.WhenAll(waiting)) Assert.Equal((true, 25), (answer.Complete, answer.Results[0].Length));
    }

    [Fact]
    public async Task A_searcher_that_goes_ends_its_search_in_the_cluster_too()
    {
        Freeze("boats", "image-00001");
        using var gone = new CancellationTokenSource();
        var request = Request("boats", SearchQuery.OfText("two red boats")) with { Deadline = TimeSpan.FromMinutes(1) };
        var waiting = Enumerable.Range(0, 20).Select(_ => _cluster.Search(request, gone.Token)).ToArray();
        await Patience.Until(() => Task.FromResult(_gate.Searching), searching => searching == waiting.Length);
        await gone.CancelAsync();
        foreach (var search in waiting) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => search);

        // Long before their deadline.
        await Patience.Until(() => Task.FromResult(_gate.Searching), searching => searching == 0).WaitAsync(Patience.Long / 4, Stop);
    }

    [Fact]
    public async Task The_others_answer_at_the_deadline_and_it_is_named()
    {
        Freeze("boats", "image-00001");
        foreach (var k in (int[])[10, 10_000])
        {
            var request = Request("boats", SearchQuery.OfText("two red boats"), k) with { Deadline = TimeSpan.FromSeconds(2) };
            var answer = await _cluster.Search(request, Stop);
            Assert.Equal("image-00001: no answer within the deadline", Assert.Single(answer.MissingShards));
            Assert.Equal((false, Math.Min(k, 15)), (answer.Complete, answer.Results[0].Length));
            Assert.All(answer.Results[0], hit => Assert.Contains("caption", hit.Metadata.Keys));
        }
    }

    [Fact]
    public async Task An_item_of_another_shard_is_found_without_waiting_for_it()
    {
        Freeze("boats", "text-00000");
        var request = Request("boats", SearchQuery.OfItem("img-05")) with { Deadline = TimeSpan.FromMinutes(1) };
        var answer = await _cluster.Search(request, Stop).WaitAsync(Patience.Long / 4, Stop);
        Assert.Equal((true, 24), (answer.Complete, answer.Results[0].Length));
    }

    [Fact]
    public async Task A_wrong_question_is_refused_without_waiting_for_it()
    {
        Freeze("boats", "image-00001");
        var request = Request("boats", SearchQuery.OfText("two red boats")) with
        {
            Filter = new() { ["kinds"] = ["animal"] },
            Deadline = TimeSpan.FromMinutes(1),
        };
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => _cluster.Search(request, Stop).WaitAsync(Patience.Long / 4, Stop));
        Assert.Contains("'kinds'", failure.Message, StringComparison.Ordinal);
    }

    private static SearchRequest Request(string collection, SearchQuery query, int k = 100) => new(collection, [query], Modality.Image, k);

    private void Freeze(string collection, string shard) =>
        _gate.Before = call => call.Shard.Collection == collection && call.Shard.Shard == shard ? _thaw.Task : Task.CompletedTask;
}
