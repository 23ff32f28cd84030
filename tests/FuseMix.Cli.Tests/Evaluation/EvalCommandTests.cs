using FuseMix.Contracts;

namespace FuseMix.Cli.Tests.Evaluation;

public sealed class EvalCommandTests
{
    private readonly FakeClient _client = new();

    [Fact]
    public async Task The_dataset_is_the_one_that_has_latents_of_the_models_encoders()
    {
        var result = await Run("eval", "emoji-small");
        Assert.Equal(0, result.Code);
        Assert.Equal("emoji", Assert.Single(_client.Evaluated).Dataset);
        Assert.Contains("image → text", result.Out, StringComparison.Ordinal);
        Assert.Contains("19.2", result.Out, StringComparison.Ordinal);
        Assert.Contains("9.5", result.Out, StringComparison.Ordinal);
        Assert.Contains("Mean of the 6 figures: 37.2", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_whose_training_is_known_is_measured_on_what_it_was_trained_on()
    {
        _client.Jobs.Add(FakeClient.At("j", "emoji-small", JobState.Completed, 3) with { Dataset = "mine" });
        await Run("eval", "emoji-small");
        Assert.Equal("mine", Assert.Single(_client.Evaluated).Dataset);
    }

    [Fact]
    public async Task Split_and_exclusion_are_passed_on()
    {
        var result = await Run("eval", "emoji-small", "--split", "validation", "--without", "isFlag", "--json");
        Assert.Equal(("validation", "isFlag"), (_client.Evaluated[0].Split, _client.Evaluated[0].Without));
        Assert.Equal(37.2, result.Json.GetProperty("mean").GetDouble());
        Assert.Equal("image", result.Json.GetProperty("directions")[0].GetProperty("from").GetString());
        Assert.Equal(19.2, result.Json.GetProperty("directions")[0].GetProperty("at1").GetDouble());
    }

    [Fact]
    public async Task Two_datasets_that_fit_are_a_choice_that_the_user_makes()
    {
        _client.AllLatentSets.AddRange([.. _client.AllLatentSets.Select(l => l with { Dataset = "mine" })]);
        var result = await Run("eval", "emoji-small");
        Assert.Equal(2, result.Code);
        Assert.Contains("--dataset", result.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Run("eval", "emoji-small", "--dataset", "mine")).Code);
    }

    [Fact]
    public async Task An_unknown_model_gets_the_nearest_name()
    {
        var result = await Run("eval", "emoji-smal");
        Assert.Equal("There is no fusion model named 'emoji-smal'. Did you mean 'emoji-small'?\n", result.Error);
    }

    private Task<CliResult> Run(params string[] args) =>
        new CliTester { Client = _client, Home = TestHome.Path }.Run(args);
}
