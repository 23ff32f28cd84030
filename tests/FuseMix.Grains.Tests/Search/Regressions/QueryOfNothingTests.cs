using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;

namespace FuseMix.Grains.Tests.Search.Regressions;

/// <summary>A query of nothing, or of odd size, got an answer.</summary>
public sealed class QueryOfNothingTests(BoatsCollection boats) : IClassFixture<BoatsCollection>
{
    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("\t\r\n")]
    [InlineData("\u0000")]
    [InlineData("\u200B")]
    [InlineData("\uFEFF")]
    [InlineData("\u3164")]
    [InlineData(" \u00AD\u2060\uFE0F ")]
    [InlineData("\U000E0FFF")]
    public async Task A_text_without_anything_to_encode_is_refused_whatever_its_part_in_the_query(string nothing)
    {
        var dog = new QueryTerm { Text = "a dog" };
        foreach (var terms in (QueryTerm[][])
            [[new() { Text = nothing }], [dog, new() { Text = nothing, Weight = -0.5f }], [dog, new() { Text = nothing, Weight = 0 }]])
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(() => Search(terms));
            Assert.Equal((FailureKind.Invalid, "A text of the query has nothing in it to encode."), (failure.Kind, failure.Message));
        }
    }

    [Theory]
    [InlineData(1e20f)]
    [InlineData(1e38f)]
    [InlineData(1e-20f)]
    [InlineData(float.Epsilon)]
    public async Task Only_the_ratios_of_weights_matter(float weight)
    {
        QueryTerm[] terms = [new() { Text = "a red lake" }, new() { ItemId = "img-02" }];
        AssertSame(await Search(terms), await Search([.. terms.Select(term => term with { Weight = weight })]));
    }

    [Fact]
    public async Task A_light_term_beside_a_heavy_one_counts_for_nothing() =>
        AssertSame(
            await Search([new() { Text = "a red lake" }]),
            await Search([new() { Text = "a red lake", Weight = 1e20f }, new() { Text = "a dog", Weight = 1e-20f }]));

    [Theory]
    [InlineData(1e-30f)]
    [InlineData(1e30f)]
    public async Task The_length_of_an_embedding_does_not_matter(float scale)
    {
        var embedding = boats.Home.Embeddings(PreparedHome.Model, Modality.Image)["img-03"];
        AssertSame(
            await Search([new() { Embedding = embedding }]),
            await Search([new() { Embedding = [.. embedding.Select(value => value * scale)] }]));
    }

    [Fact]
    public async Task Weights_that_are_all_zero_are_called_so()
    {
        QueryTerm[] terms = [new() { Text = "a dog", Weight = 0 }, new() { Text = "a lake", Weight = -0f }];
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Search(terms));
        Assert.Equal((FailureKind.Invalid, "The weights of query 0 are all zero."), (failure.Kind, failure.Message));
    }

    [Theory]
    [InlineData(Modality.Image)]
    [InlineData(Modality.Audio)]
    public async Task A_file_without_bytes_is_called_so_whatever_it_is_said_to_be(Modality modality)
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Search([new() { Content = [], Modality = modality }]));
        Assert.Equal((FailureKind.Invalid, "The content of a query term has no bytes."), (failure.Kind, failure.Message));
    }

    private static void AssertSame(Hit[] expected, Hit[] found)
    {
        Assert.Equal(expected.Select(hit => hit.Id), found.Select(hit => hit.Id));
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-5f));
    }

    private async Task<Hit[]> Search(QueryTerm[] terms) =>
        (await boats.Cluster.Search(new SearchRequest("boats", [new SearchQuery(terms)], Modality.Image, 5))).Results[0];
}
