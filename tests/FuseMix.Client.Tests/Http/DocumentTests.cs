using System.Collections;
using System.Text.Json;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Http;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Client.Tests.Http;

/// <summary>What a client writes a node reads, and the other way round, with nothing lost.</summary>
public sealed class DocumentTests
{
    [Fact]
    public void A_search_arrives_with_all_that_it_asks()
    {
        var asked = new SearchRequest(
            "boats",
            [new SearchQuery([new QueryTerm { Text = "größe", Content = [1, 2], ItemId = "a/b", Latent = [0.5f], Embedding = [0.25f], Modality = Modality.Audio, Weight = -0.5f }])],
            Modality.Audio,
            3)
        {
            MinScore = 0.125f,
            Filter = new() { ["vendor"] = ["google"] },
            Exclude = ["y"],
            Deadline = TimeSpan.FromMilliseconds(750),
        };
        RequireAllSet(asked);
        RequireAllSet(asked.Queries[0].Terms[0]);
        var sent = JsonSerializer.SerializeToUtf8Bytes(SearchBody.Of(asked), ApiJson.Client.SearchBody);
        AssertSame(asked, JsonSerializer.Deserialize(sent, ApiJson.Default.SearchBody)!.ToRequest("boats"));
    }

    [Fact]
    public void What_a_search_does_not_say_arrives_as_usual()
    {
        var asked = new SearchRequest("boats", [SearchQuery.OfText("dog")], null);
        var sent = JsonSerializer.SerializeToUtf8Bytes(SearchBody.Of(asked), ApiJson.Client.SearchBody);
        AssertSame(asked, JsonSerializer.Deserialize(sent, ApiJson.Default.SearchBody)!.ToRequest("boats"));
        var usual = JsonSerializer.Deserialize("""{ "queries": [ { "terms": [ { "text": "dog" } ] } ] }""", ApiJson.Default.SearchBody)!;
        AssertSame(asked with { Target = SearchRequest.DefaultTarget }, usual.ToRequest("boats"));
    }

    [Fact]
    public void An_answer_arrives_with_all_that_was_found()
    {
        var found = new SearchResponse(
            "boats", "g1", true, ["s: late"], [[new Hit("a", Modality.Audio, 0.75f, new() { ["caption"] = "größe" })]], TimeSpan.FromMilliseconds(12.5));
        RequireAllSet(found);
        RequireAllSet(found.Results[0][0]);
        var sent = JsonSerializer.SerializeToUtf8Bytes(SearchAnswer.Of(found), ApiJson.Answers.SearchAnswer);
        AssertSame(found, JsonSerializer.Deserialize(sent, ApiJson.Client.SearchAnswer)!.ToResponse());
    }

    [Fact]
    public void A_training_arrives_with_all_that_it_asks()
    {
        var asked = new TrainingRequest("j", "m", "d", new() { [Modality.Audio] = "a+b" }, """{"preset":"image-text"}""", 7, "2/5");
        RequireAllSet(asked);
        var sent = JsonSerializer.SerializeToUtf8Bytes(TrainingBody.Of(asked), ApiJson.Client.TrainingBody);
        AssertSame(asked, JsonSerializer.Deserialize(sent, ApiJson.Default.TrainingBody)!.ToRequest("j"));
    }

    [Fact]
    public void A_build_arrives_with_all_that_it_asks()
    {
        var asked = new CollectionBuild("m", "d", 12, Replace: false);
        var sent = JsonSerializer.SerializeToUtf8Bytes(BuildBody.Of(asked), ApiJson.Client.BuildBody);
        Assert.Equal(asked, JsonSerializer.Deserialize(sent, ApiJson.Default.BuildBody)!.ToRequest());
        Assert.Equal(new CollectionBuild("m", "d"), new BuildBody("m", "d").ToRequest());
    }

    [Fact]
    public void A_node_refuses_a_key_that_it_does_not_know_and_a_client_skips_it()
    {
        const string text = """{ "folder": "f", "mood": "good" }""";
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(text, ApiJson.Default.RegisterBody));
        Assert.Equal("f", JsonSerializer.Deserialize(text, ApiJson.Client.RegisterBody)!.Folder);
    }

    private static void AssertSame<T>(T expected, T actual) => Assert.Equal(StateJson.Write(expected), StateJson.Write(actual));

    /// <summary>A property that is new must stand in these tests, too.</summary>
    private static void RequireAllSet<T>(T value)
        where T : class
    {
        foreach (var property in typeof(T).GetProperties())
        {
            var set = property.GetValue(value);
            Assert.False(
                set is null || (set is ICollection { Count: 0 }) || (set.GetType().IsValueType && set.Equals(Activator.CreateInstance(set.GetType()))),
                $"{typeof(T).Name}.{property.Name} is not set.");
        }
    }
}
