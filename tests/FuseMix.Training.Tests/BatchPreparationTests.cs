using System.Globalization;
using FuseMix.Testing.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests;

/// <summary>What reaches the adapters.</summary>
public sealed unsafe class BatchPreparationTests
{
    [Fact]
    public void Noise_beside_FuseMix_is_added_to_the_mixed_latents_with_its_deviation()
    {
        var plain = Inputs("""{ "steps": 1, "batchSize": 60, "sharedDimension": 8 }""");
        var noisy = Inputs("""{ "steps": 1, "batchSize": 60, "sharedDimension": 8, "noiseSigma": 0.25 }""");
        var noise = plain.Zip(noisy, (p, n) => (double)(n - p)).ToArray();
        Assert.Equal(0, noise.Average(), 0.03);
        Assert.Equal(0.25, Math.Sqrt(noise.Average(n => n * n)), 0.02);
    }

    [Fact]
    public void Alpha_goes_from_the_first_epochs_to_the_last_ones()
    {
        // Eight steps an epoch, three epochs: α is 0.5, 2 and 3.5.
        foreach (var (step, alpha) in ((int, double)[])[(0, 0.5), (7, 0.5), (8, 2), (15, 2), (16, 3.5), (23, 3.5)])
        {
            var moving = Inputs("""{ "epochs": 3, "batchSize": 10, "sharedDimension": 8, "alpha": 0.5, "alphaEnd": 3.5 }""", step);
            var still = Inputs(
                $$"""{ "epochs": 3, "batchSize": 10, "sharedDimension": 8, "alpha": {{alpha.ToString(CultureInfo.InvariantCulture)}} }""",
                step);
            Assert.Equal(still, moving);
        }
    }

    private static float[] Inputs(string json, int step = 0)
    {
        var data = PlantedData.Create();
        var recipe = TrainingRecipe.Parse(json);
        using var team = new ThreadTeam(1);
        var transforms = data.Latents.ToDictionary(l => l.Key, l => LatentTransform.None(l.Value.Latents.Dimension));
        var kernel = new PackedMatrixMultiply();
        using var batches = new BatchPreparation(data, transforms, recipe, 7, team, new ParallelMatrixMultiply(team, kernel));
        var layout = new NetworkLayout(
            data.Latents.ToDictionary(l => l.Key, l => AdapterShape.Mlp(l.Value.Latents.Dimension, 8, 0, 4)),
            [new NetworkPairs(Modality.Image, Modality.Text, batches.Samplers[0].Batch)]);
        using var network = new FusionNetwork(layout, new TemperatureRange(0.07, 0.001, 0.5), 0, 7, team, kernel);
        var rows = batches.Prepare(0, step, network).Rows;
        return new ReadOnlySpan<float>(network.Input(Modality.Image), rows * PlantedData.ImageDimension).ToArray();
    }
}
