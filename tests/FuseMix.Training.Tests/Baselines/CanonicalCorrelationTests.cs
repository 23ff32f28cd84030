using FuseMix.Core.Randomness;
using FuseMix.Testing.Training;
using FuseMix.Training.Baselines;
using FuseMix.Training.Models;

namespace FuseMix.Training.Tests.Baselines;

public sealed class CanonicalCorrelationTests
{
    [Fact]
    public void Planted_structure_is_found_far_above_chance()
    {
        var data = PlantedData.Create(600, 60);
        var model = CanonicalCorrelation.Fit(data, components: 6);
        var report = FusionTrainer.Evaluate(model, data, data.Pairs[0], data.Pairs[0].Validation!);
        Assert.True(report.Forward.At1 > 30 && report.Backward.At1 > 30, $"R@1 {report.Forward.At1} and {report.Backward.At1}");
        Assert.Equal("cca", model.Training.Method);
    }

    [Fact]
    public void It_stops_when_it_is_told_to_wherever_it_is()
    {
        // Told when the latents of the second side are read, after which all decompositions are still to come.
        using var stop = new CancellationTokenSource();
        var data = PlantedData.Create(200, 20);
        var text = data.Latents[Modality.Text];
        var told = data with { Latents = new Dictionary<Modality, LatentSource>(data.Latents) { [Modality.Text] = text with { Latents = new Telling(text.Latents, stop) } } };
        Assert.ThrowsAny<OperationCanceledException>(() => CanonicalCorrelation.Fit(told, cancellationToken: stop.Token));
    }

    [Fact]
    public void The_same_latents_on_both_sides_embed_to_the_same_points()
    {
        var data = Data((ref RandomStream random, int row, Span<float> values) =>
        {
            for (var j = 0; j < values.Length; j++) values[j] = (float)random.NextNormal();
        });
        var model = CanonicalCorrelation.Fit(data, components: 8);
        var left = model.Embed(Modality.Image, data.Latents[Modality.Image].Latents);
        var right = model.Embed(Modality.Text, data.Latents[Modality.Text].Latents);
        for (var i = 0; i < left.Length; i++) Assert.Equal(left[i], right[i], 1e-3);
    }

    [Fact]
    public void A_side_with_more_features_may_be_either_side()
    {
        var data = PlantedData.Create(200, 20);
        var turned = data with { Pairs = [new PairList(Modality.Text, Modality.Image, data.Pairs[0].Train)] };
        var (one, other) = (CanonicalCorrelation.Fit(data), CanonicalCorrelation.Fit(turned));
        Assert.Equal(PlantedData.TextDimension, one.SharedDimension);

        // Directions are determined up to their common sign, so cosines between the sides are equal.
        var a = Cosines(one, data);
        var b = Cosines(other, data);
        for (var i = 0; i < a.Length; i++) Assert.Equal(a[i], b[i], 1e-3);
    }

    [Fact]
    public void A_ridge_or_size_of_nothing_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => CanonicalCorrelation.Fit(PlantedData.Create(), ridge: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => CanonicalCorrelation.Fit(PlantedData.Create(), components: 0));
    }

    private static double[] Cosines(FusionModel model, TrainingData data)
    {
        var x = model.Embed(Modality.Image, data.Latents[Modality.Image].Latents);
        var y = model.Embed(Modality.Text, data.Latents[Modality.Text].Latents);
        var d = model.SharedDimension;
        return [.. Enumerable.Range(0, 100).Select(r => Enumerable.Range(0, d).Sum(j => (double)x[(r * d) + j] * y[((r + (r % 3)) * d) + j]))];
    }

    private static TrainingData Data(RowFill fill)
    {
        const int Rows = 200, Dimension = 8;
        var random = new RandomStream(61, 0);
        var values = new float[Rows * Dimension];
        for (var r = 0; r < Rows; r++) fill(ref random, r, values.AsSpan(r * Dimension, Dimension));
        int[] rows = [.. Enumerable.Range(0, Rows)];
        var latents = new LatentMatrix(values, Dimension);
        return new TrainingData(
            new Dictionary<Modality, LatentSource> { [Modality.Image] = new("a", new string('1', 64), latents), [Modality.Text] = new("b", new string('2', 64), latents) },
            [new PairList(Modality.Image, Modality.Text, new PairRows(rows, rows))]);
    }

    private delegate void RowFill(ref RandomStream random, int row, Span<float> values);

    /// <summary>Latents whose reading stops the reader.</summary>
    private sealed class Telling(ILatentMatrix latents, CancellationTokenSource stop) : ILatentMatrix
    {
        public int Count => latents.Count;

        public int Dimension => latents.Dimension;

        public void Gather(ReadOnlySpan<int> rows, Span<float> destination)
        {
            stop.Cancel();
            latents.Gather(rows, destination);
        }
    }
}
