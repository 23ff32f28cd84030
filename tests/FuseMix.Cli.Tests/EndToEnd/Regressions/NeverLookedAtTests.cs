namespace FuseMix.Cli.Tests.EndToEnd.Regressions;

/// <summary>What was recognised by a name or a manifest and never looked at: a file less a byte passed for whole, and the command that was
/// named as the way out said that all was there.</summary>
[Trait("Category", "Slow")]
public sealed class NeverLookedAtTests(LiveWorld world)
{
    [Fact]
    public async Task All_is_well_where_nothing_is_damaged()
    {
        using var home = await world.Copy();
        Assert.Equal((0, "ok"), ((await home.Doctor("mine")) is var (code, verdict, _) ? (code, verdict) : default));
        Assert.Contains("96 latents already there", await home.Ok("extract", "mine", "fields"), StringComparison.Ordinal);
        Assert.Contains("already trained", await home.Ok(LiveWorld.Train), StringComparison.Ordinal);
        Assert.Contains("already there", await home.Ok(LiveWorld.Build), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_latent_shard_less_a_byte_is_named_and_made_again()
    {
        using var home = await world.Copy();
        var file = home.CutFile("latents/mine/fields", "shard-*.safetensors");
        var (code, verdict, found) = await home.Doctor("latents mine × fields");
        Assert.Equal((1, "problem"), (code, verdict));
        Assert.Contains(file, found, StringComparison.Ordinal);
        Assert.DoesNotContain("already there", await home.Ok("extract", "mine", "fields"), StringComparison.Ordinal);
        Assert.Equal("ok", (await home.Doctor("latents mine × fields")).Verdict);
    }

    [Fact]
    public async Task A_collection_shard_less_a_byte_is_named_and_made_again()
    {
        using var home = await world.Copy();
        var file = home.CutFile("collections/mine", "image-*.fmshard");
        var (code, verdict, found) = await home.Doctor("mine");
        Assert.Equal((1, "problem"), (code, verdict));
        Assert.Contains(file, found, StringComparison.Ordinal);
        Assert.DoesNotContain("already there", await home.Ok(LiveWorld.Build), StringComparison.Ordinal);
        Assert.Equal((0, "ok"), ((await home.Doctor("mine")) is var (again, well, _) ? (again, well) : default));
        Assert.True((await home.Search()).Json.GetProperty("complete").GetBoolean());

        // Nobody can go back to what is damaged.
        Assert.Equal(1, (await home.Run("collections", "rollback", "mine")).Code);
    }

    [Fact]
    public async Task A_fusion_model_less_a_byte_is_named_and_made_again_by_the_same_training()
    {
        using var home = await world.Copy();
        var file = home.CutFile("models/m", "image-*.safetensors");
        var (code, verdict, found) = await home.Doctor("model m");
        Assert.Equal((1, "problem"), (code, verdict));
        Assert.Contains(file, found, StringComparison.Ordinal);
        Assert.DoesNotContain("already trained", await home.Ok(LiveWorld.Train), StringComparison.Ordinal);
        Assert.Equal("ok", (await home.Doctor("model m")).Verdict);
        Assert.Equal("ok", (await home.Doctor("mine")).Verdict);
    }

    [Fact]
    public async Task An_installed_pack_less_a_byte_is_named_and_made_again()
    {
        using var home = await world.Copy();
        _ = home.CutFile("encoders/words", "vocab.txt");
        Assert.Equal("problem", (await home.Doctor("encoder words")).Verdict);
        Assert.Equal((1, "problem"), ((await home.Doctor("mine")) is var (code, verdict, _) ? (code, verdict) : default));
        await home.Ok("encoders", "add", (await world.World()).TextPack);
        Assert.Equal("ok", (await home.Doctor("encoder words")).Verdict);
        Assert.Equal("ok", (await home.Doctor("mine")).Verdict);
    }
}
