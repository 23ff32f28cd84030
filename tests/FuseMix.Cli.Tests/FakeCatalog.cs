using FuseMix.Contracts.Catalog;

namespace FuseMix.Cli.Tests;

/// <summary>A catalogue of what a test says there is.</summary>
internal sealed class FakeCatalog : ICatalogGrain
{
    public List<EncoderSummary> AllEncoders { get; init; } =
    [
        new("mobilenet-v2-mid", Modality.Image, 816, new string('a', 64), "MIT", "npm", null),
        new("use-lite", Modality.Text, 512, new string('b', 64), "Apache-2.0", "npm", null),
    ];

    public List<DatasetSummary> AllDatasets { get; init; } =
        [new("emoji", new() { [Modality.Image] = 3_822, [Modality.Text] = 1_911 }, new() { ["train"] = 2_810, ["validation"] = 414, ["test"] = 598 }, 1_685, 0, "CC-BY-4.0", null)];

    public List<LatentSetSummary> AllLatentSets { get; init; } =
    [
        new("emoji", "mobilenet-v2-mid", new string('a', 64), 3_822, 816, 0, true),
        new("emoji", "use-lite", new string('b', 64), 1_911, 512, 0, true),
    ];

    public List<ModelSummary> AllModels { get; init; } =
        [new("emoji-small", new() { [Modality.Image] = "mobilenet-v2-mid", [Modality.Text] = "use-lite" }, 512, 400, null)];

    public List<string> AllCollections { get; init; } = ["emoji"];

    public Task<EncoderSummary[]> Encoders() => Task.FromResult(AllEncoders.ToArray());

    public Task<DatasetSummary[]> Datasets() => Task.FromResult(AllDatasets.ToArray());

    public Task<LatentSetSummary[]> LatentSets() => Task.FromResult(AllLatentSets.ToArray());

    public Task<ModelSummary[]> Models() => Task.FromResult(AllModels.ToArray());

    public Task<string[]> Collections() => Task.FromResult(AllCollections.ToArray());
}
