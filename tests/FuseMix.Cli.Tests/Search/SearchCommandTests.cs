using FuseMix.Contracts.Collections;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Search;

public sealed class SearchCommandTests
{
    private readonly FakeClient _client = new();

    [Fact]
    public async Task A_text_finds_pictures()
    {
        var result = await Run("search", "emoji", "a happy cat");
        Assert.Equal(0, result.Code);
        var request = Assert.Single(_client.Searches);
        Assert.Equal((Modality.Image, 10, "a happy cat"), (request.Target!.Value, request.K, request.Queries[0].Terms[0].Text));
        Assert.Contains("0.713", result.Out, StringComparison.Ordinal);
        Assert.Contains("grinning cat. happy", result.Out, StringComparison.Ordinal);
        Assert.Contains("1 hit in", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Terms_are_added_up_and_minus_pushes_away()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllBytesAsync(folder["m.png"], [1, 2, 3]);
        await Run("search", "emoji", "snow", "--image", folder["m.png"], "--item", "1f600.google", "--minus", "summer", "--minus", "sun");
        var terms = _client.Searches[0].Queries[0].Terms;
        Assert.Equal(["snow", null, null, "summer", "sun"], terms.Select(t => t.Text));
        Assert.Equal([1, 2, 3], terms[1].Content!);
        Assert.Equal(Modality.Image, terms[1].Modality);
        Assert.Equal("1f600.google", terms[2].ItemId);
        Assert.Equal([1f, 1, 1, -0.5f, -0.5f], terms.Select(t => t.Weight));
    }

    [Fact]
    public async Task Filters_with_the_same_key_are_alternatives()
    {
        await Run("search", "emoji", "x", "--filter", "vendor=google", "--filter", "vendor=twitter", "--filter", "name=a=b");
        Assert.Equal(["google", "twitter"], _client.Searches[0].Filter!["vendor"]);
        Assert.Equal(["a=b"], _client.Searches[0].Filter!["name"]);
    }

    [Theory]
    [InlineData("any", null)]
    [InlineData("text", Modality.Text)]
    [InlineData("image", Modality.Image)]
    public async Task The_target_is_what_is_asked_for(string word, Modality? expected)
    {
        await Run("search", "emoji", "x", "--target", word, "-k", "3", "--min-score", "0.25");
        Assert.Equal((expected, 3, 0.25f), (_client.Searches[0].Target, _client.Searches[0].K, _client.Searches[0].MinScore));
    }

    [Theory]
    [InlineData(2, "There is nothing to search by.", "search", "emoji")]
    [InlineData(2, "There is nothing to search by.", "search", "emoji", "--minus", "x")]
    [InlineData(2, "--filter needs key=value, not 'google'.", "search", "emoji", "x", "--filter", "google")]
    [InlineData(1, "There is no file 'nowhere.png'.", "search", "emoji", "--image", "nowhere.png")]
    [InlineData(1, "There is no collection named 'emojis'. Did you mean 'emoji'?", "search", "emojis", "x")]
    public async Task What_cannot_be_searched_is_said(int code, string expected, params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(code, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Empty(_client.Searches);
    }

    [Fact]
    public async Task An_answer_that_is_not_complete_is_never_silent()
    {
        _client.Missing = ["image-00000: did not answer within 10 s"];
        var result = await Run("search", "emoji", "x", "--json");
        Assert.False(result.Json.GetProperty("complete").GetBoolean());
        Assert.Contains("image-00000: did not answer", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_keeps_every_script_readable()
    {
        var result = await Run("search", "emoji", "x", "--json");
        var hit = result.Json.GetProperty("results")[0][0];
        Assert.Equal("image", hit.GetProperty("modality").GetString());
        Assert.Equal("😺", hit.GetProperty("metadata").GetProperty("emoji").GetString());
        Assert.Contains("größe", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_are_fetched_from_the_cluster_as_many_as_are_shown()
    {
        var client = new FakeClient { Hits = [.. Enumerable.Range(0, 9).Select(i => new Hit($"picture-{i}", i == 1 ? Modality.Text : Modality.Image, 0.5f, []))] };
        client.Contents["picture-0"] = [1, 2, 3];
        var tester = new CliTester { Client = client, Home = TestHome.Path, Width = 100, OutIsTerminal = true, Variables = { ["COLORTERM"] = "truecolor" } };
        var result = await tester.Run("search", "emoji", "x");
        Assert.Equal(5, result.Out.Split("(no picture)").Length - 1);
        Assert.Equal(["content emoji picture-0", "content emoji picture-2", "content emoji picture-3", "content emoji picture-4", "content emoji picture-5"], client.Commands);
        client.Commands.Clear();
        Assert.DoesNotContain("picture)", (await tester.Run("search", "emoji", "x", "--no-pictures")).Out, StringComparison.Ordinal);
        Assert.Empty(client.Commands);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = _client, Home = TestHome.Path, Width = 140 }.Run(args);
}
