using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Data.Datasets;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Search;

/// <summary>One cluster with one collection, which no test changes.</summary>
public sealed class BoatsCollection(PreparedHome prepared) : IAsyncLifetime
{
    internal TestHome Home { get; } = prepared.Copy();

    internal TestCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await TestCluster.StartAsync(Home, ["gateway@front", "index@left", "index@right"]);
        await Cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 10));
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        Home.Dispose();
    }
}

public sealed class SearchGrainTests(BoatsCollection boats) : IClassFixture<BoatsCollection>
{
    private const float Tolerance = 1e-4f;

    [Theory]
    [InlineData(Modality.Image)]
    [InlineData(Modality.Text)]
    [InlineData(null)]
    public async Task A_text_finds_what_comparing_it_with_every_item_finds(Modality? target)
    {
        var answer = await Search(SearchQuery.OfText("two red boats"), target, 12);
        AssertBest(answer.Results[0], EmbeddingOf("two red boats"), target, 12);
        Assert.Equal("boats", answer.Collection);
        Assert.True(answer.Elapsed > TimeSpan.Zero);
    }

    [Theory]
    [InlineData(Modality.Image)]
    [InlineData(Modality.Text)]
    public async Task A_picture_finds_what_comparing_it_with_every_item_finds(Modality target)
    {
        var picture = PngFile.Rgb(8, (_, _) => (200, 40, 90));
        var answer = await Search(SearchQuery.OfContent(Modality.Image, picture), target, 12);
        var latent = boats.Home.Encode(TestHome.ImageEncoder, EncoderInput.FromBytes(picture));
        AssertBest(answer.Results[0], boats.Home.Model(PreparedHome.Model).Embed(Modality.Image, latent, 1), target, 12);
    }

    [Fact]
    public async Task An_item_finds_its_like_and_never_itself()
    {
        var answer = await Search(SearchQuery.OfItem("img-20"), Modality.Image, 100);
        Assert.Equal(24, answer.Results[0].Length);
        Assert.DoesNotContain("img-20", Ids(answer));
        Assert.Equal("img-20-copy", answer.Results[0][0].Id);
        Assert.Equal(1, answer.Results[0][0].Score, Tolerance);
        AssertBest(answer.Results[0], Items(Modality.Image)["img-20"], Modality.Image, 100, without: "img-20");
    }

    [Fact]
    public async Task An_item_finds_items_of_the_other_modality()
    {
        var answer = await Search(SearchQuery.OfItem("img-05"), Modality.Text, 5);
        AssertBest(answer.Results[0], Items(Modality.Image)["img-05"], Modality.Text, 5);
    }

    [Fact]
    public async Task A_latent_and_an_embedding_are_queries_too()
    {
        var latent = boats.Home.Encode(TestHome.TextEncoder, EncoderInput.FromText("the red lake"));
        var embedding = EmbeddingOf("the red lake");
        var byText = await Search(SearchQuery.OfText("the red lake"), Modality.Image, 5);
        var byLatent = await Search(new SearchQuery([new QueryTerm { Latent = latent, Modality = Modality.Text }]), Modality.Image, 5);
        var byEmbedding = await Search(new SearchQuery([new QueryTerm { Embedding = [.. embedding.Select(value => value * 7)] }]), Modality.Image, 5);
        Assert.Equal(Ids(byText), Ids(byLatent));
        Assert.Equal(Ids(byText), Ids(byEmbedding));
        Assert.All(byText.Results[0].Zip(byEmbedding.Results[0]), pair => Assert.Equal(pair.First.Score, pair.Second.Score, Tolerance));
    }

    [Fact]
    public async Task A_query_is_the_weighted_sum_of_its_terms()
    {
        var query = new SearchQuery(
        [
            new QueryTerm { ItemId = "img-02", Weight = 1 },
            new QueryTerm { Text = "red lake", Weight = 0.5f },
            new QueryTerm { Text = "dog", Weight = -0.75f },
        ]);
        var answer = await Search(query, Modality.Image, 100);

        var (item, plus, minus) = (Items(Modality.Image)["img-02"], EmbeddingOf("red lake"), EmbeddingOf("dog"));
        var sum = item.Select((value, i) => value + (0.5f * plus[i]) - (0.75f * minus[i])).ToArray();
        var length = MathF.Sqrt(sum.Sum(value => value * value));
        AssertBest(answer.Results[0], [.. sum.Select(value => value / length)], Modality.Image, 100, without: "img-02");
    }

    [Fact]
    public async Task A_batch_of_queries_gives_each_ones_own_answer_in_order()
    {
        SearchQuery[] queries =
        [
            SearchQuery.OfText("a dog"),
            SearchQuery.OfItem("img-07"),
            SearchQuery.OfText("the lake"),
            SearchQuery.OfContent(Modality.Image, TestHome.Picture(9)),
        ];
        var batch = await boats.Cluster.Search(new SearchRequest("boats", queries, Modality.Text, 5));
        Assert.Equal(4, batch.Results.Length);
        for (var i = 0; i < queries.Length; i++)
        {
            var alone = await Search(queries[i], Modality.Text, 5);
            Assert.Equal(Ids(alone), batch.Results[i].Select(hit => hit.Id));
        }
    }

    [Fact]
    public async Task In_a_batch_the_item_of_one_query_may_answer_another()
    {
        var batch = await boats.Cluster.Search(
            new SearchRequest("boats", [SearchQuery.OfItem("img-20"), SearchQuery.OfItem("img-20-copy")], Modality.Image, 2));
        Assert.Contains("img-20-copy", batch.Results[0].Select(hit => hit.Id));
        Assert.Contains("img-20", batch.Results[1].Select(hit => hit.Id));
    }

    [Fact]
    public async Task Hits_carry_what_is_known_of_the_item()
    {
        var answer = await Search(SearchQuery.OfItem("img-20"), null, 100);
        var image = answer.Results[0].Single(hit => hit.Id == "img-20-copy");
        Assert.Equal(Modality.Image, image.Modality);
        Assert.Equal(
            [("caption", TestHome.Caption(20)), ("flag", "false"), ("group", "group-20"), ("split", "test")],
            image.Metadata.Where(entry => entry.Key != "kind").Select(entry => (entry.Key, entry.Value)).Order());
        var text = answer.Results[0].Single(hit => hit.Id == "txt-21-second");
        Assert.Equal((Modality.Text, $"a {TestHome.Caption(21)}"), (text.Modality, text.Metadata["caption"]));
    }

    [Fact]
    public async Task A_filter_lets_through_what_has_one_of_the_values_of_every_key()
    {
        var request = Request(SearchQuery.OfText("red boats"), null, 100) with
        {
            Filter = new() { ["flag"] = ["true"], ["split"] = ["train", "test"] },
        };
        var answer = await boats.Cluster.Search(request);
        var expected = boats.Home.Items().Where(item => item.Metadata["flag"] == "true" && item.Split is Split.Train or Split.Test)
            .Where(item => item.Metadata["flag"] == "true");
        Assert.Equal(expected.Select(item => item.Id).Order(), Ids(answer).Order());
        Assert.NotEmpty(Ids(answer));
    }

    [Fact]
    public async Task A_filter_that_nothing_passes_gives_a_complete_and_empty_answer()
    {
        var answer = await boats.Cluster.Search(Request(SearchQuery.OfText("red boats"), null) with { Filter = new() { ["kind"] = ["plant"] } });
        Assert.True(answer.Complete);
        Assert.Empty(answer.Results[0]);
    }

    [Fact]
    public async Task An_unknown_key_of_a_filter_is_refused_by_name()
    {
        var failure = await Refusal(Request(SearchQuery.OfText("red boats"), null) with { Filter = new() { ["kinds"] = ["animal"] } });
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains("kinds", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_least_score_cuts_the_answer_there()
    {
        var all = (await Search(SearchQuery.OfText("red boats"), null, 100)).Results[0];
        var least = (all[9].Score + all[10].Score) / 2;
        var answer = await boats.Cluster.Search(Request(SearchQuery.OfText("red boats"), null, 100) with { MinScore = least });
        Assert.Equal(all.Where(hit => hit.Score >= least).Select(hit => hit.Id), Ids(answer));
    }

    [Fact]
    public async Task Excluded_items_are_left_out_and_others_take_their_place()
    {
        var best = Ids(await Search(SearchQuery.OfText("red boats"), Modality.Image, 5));
        var answer = await boats.Cluster.Search(
            Request(SearchQuery.OfText("red boats"), Modality.Image, 5) with { Exclude = [best[0], best[2], "no-such-item"] });
        Assert.Equal(5, answer.Results[0].Length);
        Assert.Equal([best[1], best[3], best[4]], Ids(answer)[..3]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(50, 50)]
    [InlineData(10_000, 50)]
    public async Task K_bounds_the_answer(int k, int expected) =>
        Assert.Equal(expected, (await Search(SearchQuery.OfText("red boats"), null, k)).Results[0].Length);

    public static TheoryData<string, SearchRequest, string> Invalid => new()
    {
        { "no hits", Request(SearchQuery.OfText("a"), null, 0), "K is 0; it must be 1 to 10000" },
        { "too many hits", Request(SearchQuery.OfText("a"), null, 10_001), "K is 10001" },
        { "no queries", new SearchRequest("boats", [], null), "1 to 1024 queries" },
        { "null for queries", new SearchRequest("boats", null!, null), "1 to 1024 queries" },
        { "null for a query", new SearchRequest("boats", [null!], null), "1 to 64 terms" },
        { "too many queries", new SearchRequest("boats", [.. Enumerable.Repeat(SearchQuery.OfText("a"), 1025)], null), "1 to 1024 queries" },
        { "no terms", Request(new SearchQuery([]), null), "1 to 64 terms" },
        { "too many terms", Request(new SearchQuery([.. Enumerable.Repeat(new QueryTerm { Text = "a" }, 65)]), null), "1 to 64 terms" },
        { "an empty term", Request(new SearchQuery([new QueryTerm()]), null), "exactly one of" },
        { "null for a term", Request(new SearchQuery([null!]), null), "exactly one of" },
        { "a term of two kinds", Request(new SearchQuery([new QueryTerm { Text = "a", ItemId = "img-01" }]), null), "exactly one of" },
        { "content of no modality", Request(new SearchQuery([new QueryTerm { Content = [1] }]), null), "need their modality" },
        { "a latent of no modality", Request(new SearchQuery([new QueryTerm { Latent = [1, 2, 3] }]), null), "need their modality" },
        { "a weight that is no number", Request(new SearchQuery([new QueryTerm { Text = "a", Weight = float.NaN }]), null), "finite" },
        { "a short embedding", Request(new SearchQuery([new QueryTerm { Embedding = [1, 2] }]), null), "vector of 8 values" },
        { "an embedding of zeros", Request(new SearchQuery([new QueryTerm { Embedding = new float[8] }]), null), "vector of 8 values" },
        { "an embedding that is not finite", Of(new QueryTerm { Embedding = [1, 2, 3, 4, 5, 6, 7, float.PositiveInfinity] }), "vector of 8 values" },
        { "a short latent", Of(new QueryTerm { Latent = [1], Modality = Modality.Text }), "'tiny-text' makes 4" },
        { "a latent of zeros", Of(new QueryTerm { Latent = new float[4], Modality = Modality.Text }), "all zeros" },
        { "a latent that is not finite", Of(new QueryTerm { Latent = [1, 2, 3, float.NaN], Modality = Modality.Text }), "not a finite number" },
        { "a modality that the model does not know", Request(SearchQuery.OfContent(Modality.Audio, [1, 2, 3]), null), "no adapter for audio" },
        { "bytes that are no picture", Request(SearchQuery.OfContent(Modality.Image, [1, 2, 3]), null), "cannot be encoded" },
        { "no bytes", Request(SearchQuery.OfContent(Modality.Image, []), null), "has no bytes" },
        { "a picture for a text", Request(SearchQuery.OfContent(Modality.Text, TestHome.Picture(1)), null), "cannot be encoded" },
        { "a text that the encoder cannot take", Request(SearchQuery.OfText("beyond"), null), "cannot be encoded" },
        { "terms that cancel out", Of(new QueryTerm { Text = "a dog" }, new QueryTerm { Text = "a dog", Weight = -1 }), "cancel" },
        { "a weight of nothing", Of(new QueryTerm { Text = "a dog", Weight = 0 }), "all zero" },
        { "a least score that is no number", Request(SearchQuery.OfText("a dog"), null) with { MinScore = float.NaN }, "not a number" },
        { "a deadline in the past", Sound with { Deadline = TimeSpan.FromSeconds(-1) }, "The deadline is" },
        { "too many hits in all", new SearchRequest("boats", [.. Enumerable.Repeat(SearchQuery.OfText("a"), 26)], null, 10_000), "26 queries with k = 10000" },
        { "a deadline of more than a minute", Sound with { Deadline = TimeSpan.FromSeconds(60.001) }, "it must be 0 to 00:01:00" },
        { "a deadline without end", Sound with { Deadline = TimeSpan.MaxValue }, "The deadline is" },
        { "a name that is a path", Sound with { Collection = "../boats" }, "not a valid collection name" },
        { "no name", Sound with { Collection = null! }, "not a valid collection name" },
    };

    [Theory]
    [MemberData(nameof(Invalid), DisableDiscoveryEnumeration = true)]
    public async Task What_makes_no_sense_is_refused_in_words(string what, SearchRequest request, string message)
    {
        var failure = await Refusal(request);
        Assert.True(failure.Kind == FailureKind.Invalid, $"{what}: {failure.Kind} {failure.Message}");
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_collection_is_answered_with_the_nearest_one()
    {
        var failure = await Refusal(Request(SearchQuery.OfText("a dog"), null) with { Collection = "boat" });
        Assert.Equal((FailureKind.NotFound, "Did you mean 'boats'?"), (failure.Kind, failure.Remedy));
    }

    [Fact]
    public async Task An_unknown_item_is_named()
    {
        var failure = await Refusal(Request(SearchQuery.OfItem("img-99"), null));
        Assert.Equal((FailureKind.NotFound, "Collection 'boats' has no item 'img-99'."), (failure.Kind, failure.Message));
    }

    [Fact]
    public async Task A_target_that_the_collection_does_not_hold_is_named()
    {
        var failure = await Refusal(Request(SearchQuery.OfText("a dog"), Modality.Audio));
        Assert.Equal((FailureKind.NotFound, "Collection 'boats' holds no audio items."), (failure.Kind, failure.Message));
    }

    [Fact]
    public async Task Past_its_deadline_the_answer_goes_out_without_the_shards_and_names_them()
    {
        foreach (var (query, why) in ((SearchQuery, string)[])
        [
            (new SearchQuery([new QueryTerm { Embedding = EmbeddingOf("a dog") }]), "no answer within the deadline"),
            (SearchQuery.OfText("a dog"), "the query was not encoded within the deadline"),
        ])
        {
            var answer = await boats.Cluster.Search(Request(query, Modality.Image) with { Deadline = TimeSpan.Zero });
            Assert.False(answer.Complete);
            Assert.Equal([$"image-00000: {why}", $"image-00001: {why}", $"image-00002: {why}"], answer.MissingShards);
            Assert.Empty(answer.Results[0]);
        }
    }

    [Fact]
    public async Task A_search_that_is_cancelled_ends_at_once()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => boats.Cluster.Search(Request(SearchQuery.OfText("a dog"), null), cancelled.Token));
    }

    [Fact]
    public async Task Many_searches_at_once_give_each_ones_own_answer()
    {
        var alone = Ids(await Search(SearchQuery.OfText(TestHome.Caption(3)), Modality.Image, 5));
        var all = await Task.WhenAll(Enumerable.Range(0, 60)
            .Select(i => Search(SearchQuery.OfText(TestHome.Caption(i % TestHome.Groups)), Modality.Image, 5)));
        Assert.All(all, answer => Assert.True(answer.Complete));
        Assert.Equal(alone, Ids(all[3]));
        Assert.Equal(alone, Ids(all[3 + TestHome.Groups]));
    }

    private static SearchRequest Sound => Request(SearchQuery.OfText("a dog"), null);

    private static SearchRequest Of(params QueryTerm[] terms) => Request(new SearchQuery(terms), null);

    private static SearchRequest Request(SearchQuery query, Modality? target, int k = 10) => new("boats", [query], target, k);

    private static string[] Ids(SearchResponse response) => [.. response.Results[0].Select(hit => hit.Id)];

    private Task<FuseMixException> Refusal(SearchRequest request) => Assert.ThrowsAsync<FuseMixException>(() => boats.Cluster.Search(request));

    private async Task<SearchResponse> Search(SearchQuery query, Modality? target, int k)
    {
        var answer = await boats.Cluster.Search(Request(query, target, k));
        Assert.True(answer.Complete, string.Join("; ", answer.MissingShards));
        Assert.Empty(answer.MissingShards);
        return answer;
    }

    private float[] EmbeddingOf(string text) =>
        boats.Home.Model(PreparedHome.Model).Embed(Modality.Text, boats.Home.Encode(TestHome.TextEncoder, EncoderInput.FromText(text)), 1);

    private Dictionary<string, float[]> Items(Modality modality) => boats.Home.Embeddings(PreparedHome.Model, modality);

    /// <summary>The hits are those of a full scan, in its order; where two scores are closer than rounding, either may come first.</summary>
    private void AssertBest(Hit[] hits, float[] query, Modality? target, int k, string? without = null)
    {
        var scores = ((Modality[])[Modality.Image, Modality.Text]).Where(modality => target is null || modality == target)
            .SelectMany(Items).Where(item => item.Key != without)
            .ToDictionary(item => item.Key, item => item.Value.Zip(query, (a, b) => a * b).Sum());
        var best = scores.Values.OrderDescending().Take(k).ToArray();
        Assert.Equal(best.Length, hits.Length);
        Assert.Equal(hits.Length, hits.DistinctBy(hit => hit.Id).Count());
        for (var i = 0; i < hits.Length; i++)
        {
            Assert.Equal(best[i], hits[i].Score, Tolerance);
            Assert.Equal(scores[hits[i].Id], hits[i].Score, Tolerance);
        }
    }
}
