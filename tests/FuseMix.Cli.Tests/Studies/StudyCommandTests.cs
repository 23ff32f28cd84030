using FuseMix.Contracts.Catalog;

namespace FuseMix.Cli.Tests.Studies;

public sealed class StudyCommandTests
{
    private const string Both = "inception-v3+mobilenet-v2-mid";
    private readonly FakeClient _client = new();

    public StudyCommandTests()
    {
        _client.AllEncoders.Add(new EncoderSummary("inception-v3", Modality.Image, 768, new string('d', 64), "MIT", "npm", null));
        _client.AllLatentSets.Add(new LatentSetSummary("emoji", "inception-v3", new string('d', 64), 3_822, 768, 0, true));
    }

    [Fact]
    public async Task The_study_of_encoders_takes_each_and_all_of_a_modality_side_by_side()
    {
        Assert.Equal(0, (await Run("study", "encoders", "--seeds", "1")).Code);
        Assert.Equal(["inception-v3", "mobilenet-v2-mid", Both], _client.Submitted.Select(request => request.Encoders[Modality.Image]));
        Assert.All(_client.Submitted, request => Assert.Equal("use-lite", request.Encoders[Modality.Text]));
    }

    [Fact]
    public async Task Where_there_are_several_encoders_any_other_study_is_told_which_one_is_meant()
    {
        var refused = await Run("study", "depth", "--seeds", "1");
        Assert.Equal(2, refused.Code);
        Assert.Contains("Choose one with --image", refused.Error, StringComparison.Ordinal);

        var result = await Run("study", "depth", "--seeds", "1", "--image", Both, "--json");
        Assert.Equal(0, result.Code);
        Assert.Equal(6, _client.Submitted.Count);
        Assert.All(_client.Submitted, request => Assert.Equal((Both, "use-lite"), (request.Encoders[Modality.Image], request.Encoders[Modality.Text])));
        Assert.Equal($"./fusemix study depth --image {Both} --seeds 1", result.Json.GetProperty("command").GetString());
    }

    [Fact]
    public async Task Folds_are_trained_and_measured_one_by_one()
    {
        Assert.Equal(0, (await Run("study", "recipe", "--seeds", "2", "--folds", "3", "--image", "inception-v3", "--method", "plain:", "--method", "deep: depth=3")).Code);
        string[] folds = [.. Enumerable.Range(0, 2).SelectMany(_ => (string[])["1/3", "1/3", "2/3", "2/3", "3/3", "3/3"])];
        Assert.Equal(folds, _client.Submitted.Select(request => request.Fold));
        Assert.Equal(folds, _client.Evaluated.Select(request => request.Fold));
        Assert.All(_client.Evaluated, request => Assert.Equal("validation", request.Split));
        Assert.Equal(12, _client.Submitted.Select(request => request.JobId).Distinct().Count());
    }

    [Theory]
    [InlineData("--folds must be from 2 to 20, not 1", "recipe", "--method", "plain:", "--folds", "1")]
    [InlineData("--folds measures on folds of train and validation", "recipe", "--method", "plain:", "--folds", "5", "--split", "test")]
    [InlineData("--seeds must be from 1 to 100, not 0", "alpha", "--seeds", "0")]
    public async Task What_cannot_be_made_is_refused_before_anything_is_trained(string message, params string[] study)
    {
        var result = await Run(["study", .. study]);
        Assert.Equal(2, result.Code);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Empty(_client.Submitted);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Client = _client, Home = TestHome.Path }.Run(args);
}
