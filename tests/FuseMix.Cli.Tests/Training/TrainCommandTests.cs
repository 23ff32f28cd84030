using FuseMix.Cli.Training;
using FuseMix.Contracts.Catalog;

namespace FuseMix.Cli.Tests.Training;

public sealed class TrainCommandTests
{
    private readonly FakeClient _client = new();

    [Fact]
    public async Task The_latents_of_the_dataset_say_which_encoders_are_meant()
    {
        var result = await Run("train", "emoji");
        Assert.Equal(0, result.Code);
        var request = Assert.Single(_client.Submitted);
        Assert.Equal("emoji-small", request.Model);
        Assert.Equal("mobilenet-v2-mid", request.Encoders[Modality.Image]);
        Assert.Equal("use-lite", request.Encoders[Modality.Text]);
        Assert.Contains("✓ emoji-small: 3 steps, loss 2.000, τ 0.070, 3,000 pairs/s", result.Out, StringComparison.Ordinal);
        Assert.Contains("█", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_training_has_the_same_job_and_is_recognised()
    {
        await Run("train", "emoji");
        var second = await Run("train", "emoji");
        Assert.Equal(_client.Submitted[0].JobId, _client.Submitted[1].JobId);
        Assert.Contains("already trained, recognised as job emoji-small-", second.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--seed", "1")]
    [InlineData("--set", "depth=3")]
    [InlineData("--set", "augmentation=none")]
    [InlineData("--set", "modalities.image.components=128")]
    public async Task Whatever_changes_the_training_changes_job_and_name(string option, string value)
    {
        await Run("train", "emoji");
        await Run("train", "emoji", option, value);
        Assert.NotEqual(_client.Submitted[0].JobId, _client.Submitted[1].JobId);
        Assert.NotEqual(_client.Submitted[0].Model, _client.Submitted[1].Model);
    }

    [Fact]
    public async Task Encoders_that_nobody_expects_give_the_model_a_name_of_its_own()
    {
        Inception(extracted: true);
        foreach (var image in (string[])["mobilenet-v2-mid", "inception-v3", "mobilenet-v2-mid+inception-v3", "inception-v3+mobilenet-v2-mid"])
        {
            await Run("train", "emoji", "--image", image);
            await Run("train", "emoji", "--image", image, "--set", "depth=3");
        }

        Assert.Equal(8, _client.Submitted.Select(request => request.Model).Distinct().Count());
        Assert.Equal("emoji-small", _client.Submitted[0].Model);
        Assert.All(_client.Submitted.Skip(1), request => Assert.Matches("^emoji-small-[0-9a-f]{6}$", request.Model));
    }

    [Theory]
    [InlineData("emoji-small")]
    [InlineData("emoji-small-s1", "--seed", "1")]
    [InlineData("emoji-small-[0-9a-f]{6}", "--set", "depth=3")]
    public async Task Naming_the_encoders_that_are_meant_anyway_changes_nothing(string name, params string[] more)
    {
        await Run(["train", "emoji", .. more]);
        await Run(["train", "emoji", "--text", "use-lite", .. more]);
        await Run(["train", "emoji", "--text", "use-lite", "--image", "mobilenet-v2-mid", .. more]);

        // The demo's stay the usual ones where others are there too.
        Inception(extracted: true);
        await Run(["train", "emoji", "--image", "mobilenet-v2-mid", .. more]);
        Assert.Matches($"^{name}$", Assert.Single(_client.Submitted.Select(request => request.Model).Distinct()));
        Assert.Equal(4, _client.Submitted.Count);
    }

    [Fact]
    public async Task The_only_encoders_of_a_dataset_are_its_usual_ones_and_those_without_the_third_modality_are_not()
    {
        Inception(extracted: false);
        _client.AllEncoders.Add(new EncoderSummary("yamnet", Modality.Audio, 1_024, new string('f', 64), "Apache-2.0", "npm", null));
        _client.AllDatasets.Add(_client.AllDatasets[0] with { Name = "mine" });
        foreach (var encoder in (string[])["inception-v3", "use-lite", "yamnet"])
            _client.AllLatentSets.Add(new LatentSetSummary("mine", encoder, new string('d', 64), 10, 768, 0, true));
        await Run("train", "mine", "--image", "inception-v3", "--text", "use-lite", "--audio", "yamnet");
        await Run("train", "mine", "--image", "inception-v3", "--text", "use-lite");
        Assert.Equal("mine-small", _client.Submitted[0].Model);
        Assert.Matches("^mine-small-[0-9a-f]{6}$", _client.Submitted[1].Model);
    }

    [Fact]
    public async Task Another_pack_under_the_same_name_is_another_job()
    {
        await Run("train", "emoji");
        _client.AllEncoders[1] = _client.AllEncoders[1] with { Fingerprint = new string('c', 64) };
        await Run("train", "emoji");
        Assert.NotEqual(_client.Submitted[0].JobId, _client.Submitted[1].JobId);
    }

    [Fact]
    public async Task Another_content_under_the_same_name_is_another_job()
    {
        await Run("train", "emoji");
        _client.AllDatasets[0] = _client.AllDatasets[0] with { Fingerprint = new string('0', 64) };
        await Run("train", "emoji");
        Assert.NotEqual(_client.Submitted[0].JobId, _client.Submitted[1].JobId);
    }

    [Fact]
    public async Task A_damaged_dataset_is_not_trained_on()
    {
        _client.AllDatasets[0] = _client.AllDatasets[0] with { Error = "Dataset 'emoji' is damaged.", Fingerprint = "" };
        var result = await Run("train", "emoji");
        Assert.Equal((1, "Dataset 'emoji' is damaged.\n"), (result.Code, result.Error));
    }

    [Fact]
    public async Task Settings_reach_into_the_preset_without_losing_the_rest_of_it()
    {
        await Run("train", "emoji", "--set", "modalities.image.components=128");
        var recipe = FuseMix.Training.Recipe.TrainingRecipe.Parse(_client.Submitted[0].Recipe);
        Assert.Equal(128, recipe.Of(Modality.Image).Components);
        Assert.Equal(FuseMix.Training.Normalisation.TransformKind.Standardise, recipe.Of(Modality.Audio).Transform);
    }

    [Theory]
    [InlineData(1, "--preset", "smal", "Did you mean 'small'?")]
    [InlineData(2, "--set", "dept=3", "Did you mean 'depth'?")]
    [InlineData(2, "--set", "depth", "--set needs key=value, not 'depth'.")]
    [InlineData(2, "--set", "depth=-1", "depth")]
    [InlineData(1, "--recipe", "nowhere.json", "There is no recipe file 'nowhere.json'.")]
    [InlineData(1, "--image", "mobilenet-v2-mit", "Did you mean 'mobilenet-v2-mid'?")]
    public async Task A_wrong_recipe_or_name_is_refused_before_anything_starts(int code, string option, string value, string expected)
    {
        var result = await Run("train", "emoji", option, value);
        Assert.Equal(code, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Empty(_client.Submitted);
    }

    [Fact]
    public async Task Encoders_side_by_side_are_one_choice_and_another_job()
    {
        Inception(extracted: false);
        await Run("train", "emoji", "--image", "mobilenet-v2-mid", "--text", "use-lite");
        var both = await Run("train", "emoji", "--image", "mobilenet-v2-mid+inception-v3", "--text", "use-lite");
        Assert.Equal((0, ""), (both.Code, both.Error));
        Assert.Equal("mobilenet-v2-mid+inception-v3", _client.Submitted[1].Encoders[Modality.Image]);
        Assert.NotEqual(_client.Submitted[0].JobId, _client.Submitted[1].JobId);

        var wrong = await Run("train", "emoji", "--image", "mobilenet-v2-mid+inception-v4", "--text", "use-lite");
        Assert.Equal(1, wrong.Code);
        Assert.Contains("'inception-v4'", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'inception-v3'?", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_last_validation_is_told()
    {
        _client.Validation = new(2, 2, 45.25, 61.5);
        var result = await Run("train", "emoji");
        Assert.Contains("validation R@1 45.2 %, mean recall 61.5 % after step 2", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_encoders_of_a_modality_are_a_choice_that_the_user_makes()
    {
        Inception(extracted: true);
        var result = await Run("train", "emoji");
        Assert.Equal(2, result.Code);
        Assert.Contains("Choose one with --image", result.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await Run("train", "emoji", "--image", "inception-v3")).Code);
    }

    [Fact]
    public async Task Latents_that_are_not_complete_do_not_count()
    {
        _client.AllLatentSets[1] = _client.AllLatentSets[1] with { Complete = false };
        var result = await Run("train", "emoji");
        Assert.Contains("complete latents of image only", result.Error, StringComparison.Ordinal);
        Assert.Contains("'./fusemix extract emoji'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_has_status_and_curve_and_writes_null_for_what_is_not_a_number()
    {
        var result = await Run("train", "emoji", "--json");
        Assert.Equal("completed", result.Json.GetProperty("status").GetProperty("state").GetString());
        Assert.False(result.Json.GetProperty("reused").GetBoolean());
        Assert.Equal([6.0, 3.0, 2.0], result.Json.GetProperty("curve").EnumerateArray().Select(p => p.GetProperty("loss").GetDouble()));
    }

    [Fact]
    public async Task A_failed_job_says_why_and_how_to_go_on()
    {
        var client = new FakeClient { Failure = "The loss is no number any more." };
        var result = await Run(client, default, "train", "emoji");
        Assert.Equal(1, result.Code);
        Assert.Contains("Training 'emoji-small' failed at step 2: The loss is no number any more.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_cancels_the_job_with_a_checkpoint()
    {
        using var stop = new CancellationTokenSource();
        var client = new FakeClient { StandsStill = stop.Cancel };
        var result = await Run(client, stop.Token, "train", "emoji");
        Assert.Equal(130, result.Code);
        Assert.Equal([$"cancel {client.Submitted[0].JobId}"], client.Commands);
        Assert.Contains("Stopped after step 2 of 3, with a checkpoint.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_by_content_tell_apart_what_a_plain_concatenation_would_not()
    {
        Assert.NotEqual(ContentName.Of("ab", "c"), ContentName.Of("a", "bc"));
        Assert.Equal(ContentName.Of("a", "b"), ContentName.Of("a", "b"));
        Assert.Matches("^[0-9a-f]{12}$", ContentName.Of("a"));
    }

    private void Inception(bool extracted)
    {
        _client.AllEncoders.Add(new EncoderSummary("inception-v3", Modality.Image, 768, new string('d', 64), "MIT", "npm", null));
        if (extracted) _client.AllLatentSets.Add(new LatentSetSummary("emoji", "inception-v3", new string('d', 64), 3_822, 768, 0, true));
    }

    private Task<CliResult> Run(params string[] args) => Run(_client, default, args);

    private static Task<CliResult> Run(FakeClient client, CancellationToken stop, params string[] args) =>
        new CliTester { Client = client, Home = TestHome.Path, Stop = stop }.Run(args);
}
