using FuseMix.Contracts.Collections;

namespace FuseMix.Cli.Tests.Collections;

public sealed class CollectionsCommandTests
{
    private readonly FakeClient _client = new();

    [Fact]
    public async Task A_build_takes_the_dataset_of_the_model_where_none_is_named()
    {
        var result = await Run("collections", "build", "emoji", "--model", "emoji-small");
        Assert.Equal(0, result.Code);
        Assert.Equal(new CollectionBuild("emoji-small", "emoji"), _client.Built);
        Assert.Contains("✓ emoji: 3,822 images and 1,911 texts, 512 dimensions, 2 shards, generation g2", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_of_a_build_are_passed_on()
    {
        await Run("collections", "build", "emoji", "--model", "emoji-small", "--dataset", "other", "--rows-per-shard", "100", "--no-replace");
        Assert.Equal(new CollectionBuild("emoji-small", "other", 100, Replace: false), _client.Built);
    }

    [Fact]
    public async Task A_shard_without_rows_is_refused()
    {
        var result = await Run("collections", "build", "emoji", "--model", "emoji-small", "--rows-per-shard", "0");
        Assert.Equal(2, result.Code);
        Assert.Null(_client.Built);
    }

    [Fact]
    public async Task The_live_generation_is_marked()
    {
        var result = await Run("collections", "show", "emoji");
        Assert.Contains("  live g2\n", result.Out, StringComparison.Ordinal);
        Assert.Contains("       g1\n", result.Out, StringComparison.Ordinal);
        Assert.Contains("image-00000", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_of_the_list_has_every_shard()
    {
        var json = (await Run("collections", "list", "--json")).Json;
        Assert.Equal(["image", "text"], json[0].GetProperty("shards").EnumerateArray().Select(s => s.GetProperty("modality").GetString()));
    }

    [Fact]
    public async Task What_was_dropped_can_be_made_again_and_the_command_is_told()
    {
        var result = await Run("collections", "drop", "emoji");
        Assert.Equal(["drop emoji"], _client.Commands);
        Assert.Contains("'./fusemix collections build emoji --model emoji-small --dataset emoji' makes it again.", result.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("show")]
    [InlineData("rollback")]
    [InlineData("drop")]
    public async Task An_unknown_collection_gets_the_nearest_name(string command)
    {
        var result = await Run("collections", command, "emoij");
        Assert.Equal("There is no collection named 'emoij'. Did you mean 'emoji'?\n", result.Error);
        Assert.Empty(_client.Commands);
    }

    [Fact]
    public async Task Rolling_back_makes_the_generation_before_the_live_one_live()
    {
        Assert.Equal("g1", (await Run("collections", "rollback", "emoji", "--json")).Json.GetProperty("generation").GetString());
        Assert.Equal(["live emoji g1"], _client.Commands);
    }

    [Fact]
    public async Task Where_there_is_no_earlier_generation_nothing_is_rolled_back()
    {
        _client.AllCollections[0] = _client.AllCollections[0] with { Generation = "g1" };
        var result = await Run("collections", "rollback", "emoji");
        Assert.Contains("has no generation before 'g1'", result.Error, StringComparison.Ordinal);
        Assert.Empty(_client.Commands);
    }

    [Fact]
    public async Task Ctrl_C_cancels_the_build()
    {
        using var stop = new CancellationTokenSource();
        var client = new FakeClient { StandsStill = stop.Cancel };
        var result = await new CliTester { Client = client, Home = TestHome.Path, Stop = stop.Token }.Run("collections", "build", "emoji", "--model", "emoji-small", "--dataset", "emoji");
        Assert.Equal(130, result.Code);
        Assert.Equal(["cancel emoji"], client.Commands);
        Assert.Contains("what was live before stays", result.Error, StringComparison.Ordinal);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = _client, Home = TestHome.Path }.Run(args);
}
