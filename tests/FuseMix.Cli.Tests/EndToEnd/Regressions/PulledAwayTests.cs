namespace FuseMix.Cli.Tests.EndToEnd.Regressions;

/// <summary>What was pulled away from under something live, and nobody noticed.</summary>
[Trait("Category", "Slow")]
public sealed class PulledAwayTests(LiveWorld world)
{
    [Theory]
    [InlineData("datasets", "mine")]
    [InlineData("encoders", "words")]
    public async Task What_a_collection_stands_on_goes_only_by_force_and_what_breaks_is_said(string what, string name)
    {
        using var home = await world.Copy();
        var refused = await home.Run(what, "remove", name);
        Assert.Equal(1, refused.Code);
        Assert.Contains("Collection 'mine' is", refused.Error, StringComparison.Ordinal);
        Assert.Contains("'fusemix collections drop mine'", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);
        Assert.Contains(name, await home.Ok(what, "list"), StringComparison.Ordinal);

        var forced = await home.Run(what, "remove", name, "--force");
        Assert.Equal(0, forced.Code);
        Assert.Contains("Warning: ", forced.Error, StringComparison.Ordinal);
        Assert.Contains("Collection 'mine' is", forced.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await home.Search()).Code);
    }

    [Fact]
    public async Task Once_the_collection_is_dropped_what_it_stood_on_can_go()
    {
        using var home = await world.Copy();
        Assert.Contains(
            "'./fusemix collections build mine --model m --dataset mine' makes it again.",
            await home.Ok("collections", "drop", "mine"),
            StringComparison.Ordinal);
        Assert.Contains("Removed words", await home.Ok("encoders", "remove", "words"), StringComparison.Ordinal);
        Assert.Contains("Forgot mine", await home.Ok("datasets", "remove", "mine"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collection_whose_dataset_is_gone_is_not_said_to_be_made_again_by_a_command_that_fails()
    {
        using var home = await world.Copy();
        await home.Ok("datasets", "remove", "mine", "--force");
        Assert.Equal("warning", (await home.Doctor("mine")).Verdict);
        var dropped = await home.Ok("collections", "drop", "mine");
        Assert.Contains("the dataset 'mine' is gone", dropped, StringComparison.Ordinal);
        Assert.DoesNotContain("makes it again", dropped, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pack_that_a_live_collection_searches_with_and_that_is_deleted_is_a_problem_for_the_doctor()
    {
        using var home = await world.Copy();
        Directory.Delete(Directory.GetDirectories(Path.Combine(home.Path, "encoders", "words")).Single(), recursive: true);
        Assert.Equal((1, "problem"), ((await home.Doctor("mine")) is var (code, verdict, _) ? (code, verdict) : default));
    }

    [Fact]
    public async Task A_build_repeated_after_going_back_goes_to_the_generation_that_is_there()
    {
        using var home = await world.Copy();
        string[] other = [.. LiveWorld.Build, "--rows-per-shard", "50"];
        var (first, second) = (await Generation("collections", "show", "mine"), await Generation(other));
        Assert.NotEqual(first, second);
        Assert.Equal(first, await Generation("collections", "rollback", "mine"));
        Assert.Equal(second, await Generation(other));
        Assert.Equal(2, (await home.Run("collections", "show", "mine", "--json")).Json.GetProperty("generations").GetArrayLength());

        async Task<string?> Generation(params string[] command) =>
            (await home.Run([.. command, "--json"])).Json.GetProperty("generation").GetString();
    }
}
