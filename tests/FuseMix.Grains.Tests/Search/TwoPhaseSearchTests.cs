using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.Search;

/// <summary>Searches that find so much that shards tell rows and scores first, and what they know of the winners afterwards.</summary>
public sealed class TwoPhaseSearchTests(PreparedHome prepared) : IAsyncLifetime
{
    /// <summary>More than any of these collections describes at once.</summary>
    private const int ManyQueries = 200;

    private readonly TestHome _home = prepared.Copy();
    private readonly ShardGate _gate = new();
    private TestCluster _cluster = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(_home, ["gateway@front", "index@left", "index@right"], configure: _gate.Configure);
        foreach (var (name, rows) in ((string, int)[])[("one", 1000), ("many", 3)])
            await _cluster.Build(name, new CollectionBuild(PreparedHome.Model, TestHome.Dataset, rows));
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _home.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(50)]
    public async Task The_answer_is_the_same_however_many_shards_and_phases_it_takes(int k)
    {
        SearchQuery[] queries = [.. Items(Modality.Image).Concat(Items(Modality.Text)).Select(Query)];
        var inOneShard = await Search("one", queries, k, target: Modality.Image);
        AssertSame(inOneShard, await Search("many", [.. queries, .. queries], k, target: Modality.Image));
        for (var i = 0; i < queries.Length; i++)
        {
            var alone = await Search("many", [queries[i]], k);
            var among = await Search("many", [.. Enumerable.Repeat(queries[i], ManyQueries)], k);
            Assert.All(among.Results, hits => AssertSame(alone.Results[0], hits));
        }

        Assert.Contains(_gate.Calls, call => call.Method == nameof(IIndexShardGrain.Describe));
    }

    [Fact]
    public async Task Only_of_winners_is_anything_asked()
    {
        var query = Query(Items(Modality.Image).First(item => item.Key == "img-05"));
        _gate.Calls.Clear();
        var answer = await Search("many", [.. Enumerable.Repeat(query, ManyQueries)], k: 2);
        Assert.All(_gate.Calls.Select(call => call.Argument).OfType<ShardQuery>(), asked => Assert.False(asked.Describe));
        Assert.Equal(2, _gate.Calls.Select(call => call.Argument).OfType<int[]>().Sum(rows => rows.Length));
        Assert.Equal(ManyQueries, answer.Results.Length);

        _gate.Calls.Clear();
        await Search("many", [query], k: 2);
        Assert.DoesNotContain(_gate.Calls, call => call.Method == nameof(IIndexShardGrain.Describe));
    }

    [Fact]
    public async Task Of_two_items_alike_in_two_shards_the_lesser_id_wins()
    {
        var query = Query(Items(Modality.Image).First(item => item.Key == "img-20-copy"));
        foreach (var count in (int[])[1, ManyQueries])
        {
            var answer = await Search("many", [.. Enumerable.Repeat(query, count)], k: 1);
            Assert.All(answer.Results, hits => Assert.Equal("img-20", Assert.Single(hits).Id));
        }

        Assert.Contains(_gate.Calls, call => call.Method == nameof(IIndexShardGrain.Describe));
    }

    [Theory]
    [InlineData("hangs")]
    [InlineData("dies")]
    public async Task A_replica_that_is_lost_after_it_found_something_is_replaced_by_another(string how)
    {
        var whole = await Search("many", Queries(), k: 5);
        var lost = new HashSet<IndexShardKey>();
        var never = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _gate.Calls.Clear();
        _gate.Before = call =>
        {
            if (call.Method != nameof(IIndexShardGrain.Describe)) return Task.CompletedTask;
            lock (lost)
            {
                // The first replica of each shard that is asked.
                if (!lost.Add(call.Shard with { Replica = 0 })) return Task.CompletedTask;
            }

            return how == "hangs" ? never.Task : Task.FromException(new SiloUnavailableException("It has just died."));
        };
        AssertSame(whole, await Search("many", Queries(), k: 5));
        Assert.NotEmpty(lost);
        Assert.All(
            _gate.Calls.Where(call => call.Method == nameof(IIndexShardGrain.Describe)).GroupBy(call => call.Shard.Shard),
            calls => Assert.Equal(2, calls.Select(call => call.Node).Distinct().Count()));
        never.SetResult();
    }

    [Fact]
    public async Task A_shard_that_does_not_tell_what_it_found_is_named_and_the_others_next_best_take_its_place()
    {
        var best = (await Search("many", Queries(), k: 5)).Results[0][0];
        var lost = (await _cluster.Collection("many").Status()).Shards.Single(
            shard => shard.Name == $"image-{int.Parse(best.Id[4..6]) / 3:D5}").Name;
        _gate.Before = call =>
            call.Shard.Shard == lost ? Task.FromException(new FuseMixException(FailureKind.Corrupt, "It is damaged.")) : Task.CompletedTask;
        var without = await _cluster.Search(Request("many", Queries(), 5, Modality.Image), Stop);
        Assert.Equal($"{lost}: It is damaged.", Assert.Single(without.MissingShards));

        var before = _gate.Before;
        _gate.Before = call => call.Method == nameof(IIndexShardGrain.Describe) ? before(call) : Task.CompletedTask;
        var answer = await _cluster.Search(Request("many", Queries(), 5, Modality.Image), Stop);
        Assert.False(answer.Complete);
        Assert.Equal($"{lost}: It is damaged.", Assert.Single(answer.MissingShards));
        AssertSame(without, answer);
        Assert.DoesNotContain(best.Id, answer.Results[0].Select(hit => hit.Id));
    }

    [Fact]
    public async Task A_row_that_a_shard_does_not_have_is_refused()
    {
        var key = new IndexShardKey("one", (await _cluster.Collection("one").Status()).Generation, "image-00000");
        var shard = _cluster.Grains.GetGrain<IIndexShardGrain>(key.ToString());
        Assert.Equal([3, 0], (await shard.Describe([3, 0])).Select(item => item.Row));
        foreach (var row in (int[])[-1, 25])
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(() => shard.Describe([0, row]));
            Assert.Equal((FailureKind.Invalid, $"Shard 'image-00000' has no row {row}."), (failure.Kind, failure.Message));
        }
    }

    private static SearchQuery Query(KeyValuePair<string, float[]> item) => new([new QueryTerm { Embedding = item.Value }]);

    private static SearchRequest Request(string collection, SearchQuery[] queries, int k, Modality? target) =>
        new(collection, queries, target, k) { Deadline = TimeSpan.FromMinutes(1) };

    private static void AssertSame(SearchResponse expected, SearchResponse actual)
    {
        for (var i = 0; i < actual.Results.Length; i++) AssertSame(expected.Results[i % expected.Results.Length], actual.Results[i]);
    }

    private static void AssertSame(Hit[] expected, Hit[] actual)
    {
        Assert.Equal(expected.Select(hit => (hit.Id, hit.Modality, hit.Score)), actual.Select(hit => (hit.Id, hit.Modality, hit.Score)));
        foreach (var (one, other) in expected.Zip(actual)) Assert.Equal(one.Metadata, other.Metadata);
    }

    private Dictionary<string, float[]> Items(Modality modality) => _home.Embeddings(PreparedHome.Model, modality);

    private SearchQuery[] Queries() => [.. Enumerable.Repeat(Items(Modality.Image).Select(Query), 5).SelectMany(queries => queries)];

    private async Task<SearchResponse> Search(string collection, SearchQuery[] queries, int k, Modality? target = Modality.Image)
    {
        var answer = await _cluster.Search(Request(collection, queries, k, target), Stop);
        Assert.True(answer.Complete, string.Join("; ", answer.MissingShards));
        return answer;
    }
}
