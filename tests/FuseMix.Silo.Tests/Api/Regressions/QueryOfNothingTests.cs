using System.Text.Json;

namespace FuseMix.Silo.Tests.Api.Regressions;

/// <summary>A query of nothing, or of odd size, got an answer.</summary>
public sealed class QueryOfNothingTests(ServedHome served)
{
    private const string Search = "/api/v1/collections/boats/search";
    private const string Refused = "A text of the query has nothing in it to encode.";

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("\u0000")]
    [InlineData("\u200B")]
    [InlineData("\uFEFF")]
    public async Task A_text_without_anything_to_encode_is_refused_in_the_same_words_wherever_it_stands(string nothing)
    {
        var (escaped, text) = (Uri.EscapeDataString(nothing), JsonEncodedText.Encode(nothing));
        string[] queries =
            nothing.Length == 0 ? ["q=", "q=&minus=dog"] : [$"q={escaped}", $"q=dog&minus={escaped}", $"q={escaped}&item=img-20"];
        foreach (var query in queries)
        {
            using var got = await served.Client.GetAsync($"{Search}?{query}");
            await ServedHome.AssertProblem(got, 400, "invalid", Refused);
        }

        foreach (var terms in (string[])[$$"""{"text":"{{text}}"}""", $$"""{"text":"dog"},{"text":"{{text}}","weight":-0.5}"""])
        {
            using var posted = await served.Client.PostAsync(Search, ServedHome.Json($$"""{"queries":[{"terms":[{{terms}}]}]}"""));
            await ServedHome.AssertProblem(posted, 400, "invalid", Refused);
        }
    }

    [Fact]
    public async Task What_a_form_left_empty_counts_as_left_out()
    {
        var like = await served.Get($"{Search}?item=img-20&k=3");
        Assert.Equal(like["results"]!.ToJsonString(), (await served.Get($"{Search}?q=&item=img-20&minus=&k=3"))["results"]!.ToJsonString());
    }

    [Theory]
    [InlineData("1e20")]
    [InlineData("1e-20")]
    public async Task The_size_of_a_weight_changes_nothing_where_there_is_one(string weight)
    {
        var usual = await served.Post(Search, """{"queries":[{"terms":[{"text":"dog"}]}]}""");
        var odd = await served.Post(Search, $$"""{"queries":[{"terms":[{"text":"dog","weight":{{weight}}}]}]}""");
        Assert.Equal(usual["results"]!.ToJsonString(), odd["results"]!.ToJsonString());
    }
}
