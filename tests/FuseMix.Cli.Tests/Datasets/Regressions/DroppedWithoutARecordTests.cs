using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;

namespace FuseMix.Cli.Tests.Datasets.Regressions;

/// <summary>What is left out of a step, or too little for it, is said by the command that takes the step.</summary>
public sealed class DroppedWithoutARecordTests
{
    private static DatasetSummary Emoji => new FakeClient().AllDatasets[0];

    [Fact]
    public async Task Extract_says_which_modality_it_has_no_encoder_for()
    {
        var client = new FakeClient { AllDatasets = [Emoji with { Items = new(Emoji.Items) { [Modality.Audio] = 35 } }] };
        Assert.Contains(
            "35 audio items of emoji passed over: no audio encoder is installed.",
            (await Run(client, "extract", "emoji")).Out,
            StringComparison.Ordinal);
        Assert.DoesNotContain("passed over", (await Run(new FakeClient(), "extract", "emoji")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_build_says_how_many_items_are_not_in_it()
    {
        var client = new FakeClient
        {
            AllCollections =
            [
                new(
                    "emoji",
                    "g2",
                    "emoji-small",
                    new string('f', 64),
                    "emoji",
                    512,
                    [new ShardStatus("image-00000", Modality.Image, 1)],
                    ["g2"]),
            ],
        };
        var result = await Run(client, "collections", "build", "emoji", "--model", "emoji-small");
        Assert.Contains(
            "3,821 of 3,822 images have no latent and are not in it; './fusemix datasets show emoji' names them.",
            result.Out.ReplaceLineEndings(" "),
            StringComparison.Ordinal);
        Assert.DoesNotContain(
            "not in it",
            (await Run(new FakeClient(), "collections", "build", "emoji", "--model", "emoji-small")).Out,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Training_on_one_caption_or_tiny_splits_is_said()
    {
        var client = new FakeClient
        {
            AllDatasets =
            [
                Emoji with
                {
                    Items = new() { [Modality.Image] = 20, [Modality.Text] = 1 },
                    Pairs = new() { ["train"] = 20, ["validation"] = 0, ["test"] = 0 },
                },
            ],
        };
        var said = (await Run(client, "train", "emoji")).Out;
        Assert.Contains("One caption is all that 20 pairs have", said, StringComparison.Ordinal);
        Assert.Contains("The train split has only 20 pairs", said, StringComparison.Ordinal);
        Assert.DoesNotContain("!", (await Run(new FakeClient(), "train", "emoji")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_figure_of_seven_queries_says_so()
    {
        Assert.Contains(
            "Measured on 7 queries: one that is found or not is 14 points.",
            (await Run(new FakeClient { Queries = 7 }, "eval", "emoji-small")).Out,
            StringComparison.Ordinal);
        Assert.DoesNotContain("Measured on", (await Run(new FakeClient(), "eval", "emoji-small")).Out, StringComparison.Ordinal);
    }

    private static Task<CliResult> Run(FakeClient client, params string[] args) =>
        new CliTester { Client = client, Home = TestHome.Path, Width = 200 }.Run(args);
}
