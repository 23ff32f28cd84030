using FuseMix.Core.Randomness;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Adapters;

/// <summary>The fused passes against finite differences of an fp64 reference, at sizes that are no multiple of any lane or tile.</summary>
public sealed unsafe class GradientTests
{
    private const int Rows = 7;
    private const int Shared = 11;
    private const int Sampled = 12;
    private const ulong Seed = 5;

    [Theory]
    [InlineData(0, 0.0)]
    [InlineData(1, 0.0)]
    [InlineData(2, 0.0)]
    [InlineData(2, 0.5)]
    [InlineData(3, 0.6)]
    public void Every_gradient_is_that_of_finite_differences(int depth, double dropout)
    {
        var (image, text) = (AdapterShape.Mlp(19, Shared, depth, 4), AdapterShape.Mlp(6, Shared, depth, 4));
        using var team = new ThreadTeam(2);
        using var network = new FusionNetwork(
            new NetworkLayout(
                new Dictionary<Modality, AdapterShape> { [Modality.Image] = image, [Modality.Text] = text },
                [new NetworkPairs(Modality.Image, Modality.Text, Rows)]),
            new TemperatureRange(0.3, 0.001, 0.5),
            dropout,
            Seed,
            team,
            new PackedMatrixMultiply());
        network.Layout.Initialise(network.State.Parameters, Seed, 0.3);
        Perturb(network);
        var inputs = new Dictionary<Modality, double[][]>();
        foreach (var (modality, shape, _) in network.Layout.Adapters)
            inputs[modality] = Fill(network.Input(modality), shape.Input, (ulong)modality);

        const long Step = 3;
        network.Begin();
        var loss = network.Accumulate(0, new StepBatch(Rows, Step));
        var parameters = network.Layout.Adapters.ToDictionary(
            a => a.Modality, a => a.Shape.Parameters.Select(p => Read(network.State.Parameters, a.Offset, p)).ToArray());
        Assert.Equal(Loss(), loss, 1e-5);

        foreach (var (modality, shape, offset) in network.Layout.Adapters)
        {
            for (var p = 0; p < shape.Parameters.Count; p++)
            {
                var actual = Read(network.Gradients, offset, shape.Parameters[p]);
                var values = parameters[modality][p];
                var scale = Math.Max(actual.Max(Math.Abs), 1e-4);

                // Some of each array: all of them are held against PyTorch's elsewhere.
                for (var i = 0; i < actual.Length; i += 1 + (actual.Length / Sampled))
                {
                    var expected = Slope(values, i);
                    Assert.True(
                        Math.Abs(expected - actual[i]) <= 2e-4 * scale,
                        $"{modality} {shape.Parameters[p].Name}[{i}]: {actual[i]}, finite differences give {expected}");
                }
            }
        }

        var temperature = (double)network.Temperature;
        var slope = (Loss(temperature + 1e-5) - Loss(temperature - 1e-5)) / 2e-5;
        Assert.Equal(slope, network.TemperatureGradient, Math.Abs(slope) * 2e-4);

        double Slope(double[] values, int i)
        {
            var kept = values[i];
            values[i] = kept + 1e-5;
            var above = Loss();
            values[i] = kept - 1e-5;
            var below = Loss();
            values[i] = kept;
            return (above - below) / 2e-5;
        }

        double Loss(double? temperature = null)
        {
            var embedded = network.Layout.Adapters.Select(a =>
            {
                var stream = RandomStream.Id(StreamPurpose.Dropout, (int)a.Modality * AdapterShape.MaxDepth, Step);
                var reference = new ReferenceAdapter(a.Shape.Depth)
                {
                    Mask = dropout == 0 ? null : (block, row, column) =>
                        new DropoutMask(dropout, Seed, stream + ((ulong)block << 40)).Factor(row, column, a.Shape.Hidden),
                };
                return inputs[a.Modality].Select((x, row) => reference.Embed(parameters[a.Modality], x, row)).ToArray();
            }).ToArray();
            return ReferenceAdapter.Loss(embedded[0], embedded[1], temperature ?? network.Temperature);
        }
    }

    [Fact]
    public void The_second_list_of_pairs_adds_to_the_gradients_of_the_first()
    {
        var shapes = new Dictionary<Modality, AdapterShape>
        {
            [Modality.Image] = AdapterShape.Mlp(9, Shared, 1, 2),
            [Modality.Text] = AdapterShape.Mlp(8, Shared, 1, 2),
            [Modality.Audio] = AdapterShape.Mlp(7, Shared, 1, 2),
        };
        NetworkPairs[] lists = [new(Modality.Image, Modality.Text, Rows), new(Modality.Audio, Modality.Text, Rows)];
        using var team = new ThreadTeam(1);
        var apart = lists.Select((_, list) => Gradients([list])).ToArray();
        var together = Gradients([0, 1]);
        for (var i = 0; i < together.Length; i++) Assert.Equal(apart[0][i] + apart[1][i], together[i], 1e-5f);

        float[] Gradients(int[] used)
        {
            using var network = new FusionNetwork(
                new NetworkLayout(shapes, lists), new TemperatureRange(0.1, 0.001, 0.5), 0.3, Seed, team, new PackedMatrixMultiply());
            network.Layout.Initialise(network.State.Parameters, Seed, 0.1);
            new Span<float>(network.Gradients.Pointer, (int)network.Gradients.Length).Clear();
            network.Begin();
            foreach (var list in used)
            {
                Fill(network.Input(lists[list].Left), shapes[lists[list].Left].Input, 1 + (ulong)list);
                Fill(network.Input(lists[list].Right), shapes[lists[list].Right].Input, 10 + (ulong)list);
                network.Accumulate(list, new StepBatch(Rows, 0));
            }

            return network.Gradients.Span.ToArray();
        }
    }

    [Theory]
    [InlineData(1, 0.0, 1)]
    [InlineData(3, 0.6, 2)]
    public void Gradients_in_bf16_are_those_in_fp32_but_for_rounding(int depth, double dropout, int threads)
    {
        if (!OneDnnBFloat16Products.IsSupported) Assert.Skip("No bf16 here.");
        var shapes = new Dictionary<Modality, AdapterShape>
        {
            [Modality.Image] = AdapterShape.Mlp(96, 48, depth, 4),
            [Modality.Text] = AdapterShape.Mlp(70, 48, depth, 4),
        };
        const int Pairs = 64;
        using var team = new ThreadTeam(threads);
        using var exact = Network(TrainingPrecision.Fp32);
        using var rounded = Network(TrainingPrecision.Bf16);
        var loss = exact.Accumulate(0, new StepBatch(Pairs, 1));
        Assert.InRange(rounded.Accumulate(0, new StepBatch(Pairs, 1)), 0.99 * loss, 1.01 * loss);
        foreach (var (_, shape, offset) in exact.Layout.Adapters)
        {
            foreach (var parameter in shape.Parameters)
            {
                var (expected, actual) = (Read(exact.Gradients, offset, parameter), Read(rounded.Gradients, offset, parameter));
                var error = Math.Sqrt(expected.Zip(actual, (e, a) => (e - a) * (e - a)).Sum() / expected.Sum(e => e * e));

                // bf16 has 8 bits: one rounding is off by up to 0.4 %, and several follow one another.
                Assert.True(error is > 0 and < 0.03, $"{parameter.Name}: off by {error:P2}");
            }
        }

        FusionNetwork Network(TrainingPrecision precision)
        {
            var network = new FusionNetwork(
                new NetworkLayout(shapes, [new NetworkPairs(Modality.Image, Modality.Text, Pairs)]),
                new TemperatureRange(0.1, 0.001, 0.5),
                dropout,
                Seed,
                team,
                new PackedMatrixMultiply(),
                precision);
            network.Layout.Initialise(network.State.Parameters, Seed, 0.1);
            Perturb(network);
            network.Push();
            network.Begin();
            foreach (var (modality, shape, _) in network.Layout.Adapters)
            {
                var random = new RandomStream(17, (ulong)modality);
                for (var i = 0; i < Pairs * shape.Input; i++) network.Input(modality)[i] = (float)random.NextNormal();
            }

            return network;
        }
    }

    [Fact]
    public void An_identity_adapter_normalises_and_has_nothing_to_learn()
    {
        using var team = new ThreadTeam(1);
        using var network = new FusionNetwork(
            new NetworkLayout(
                new Dictionary<Modality, AdapterShape> { [Modality.Image] = AdapterShape.Identity(Shared), [Modality.Text] = AdapterShape.Mlp(8, Shared, 1, 2) },
                [new NetworkPairs(Modality.Image, Modality.Text, Rows)]),
            new TemperatureRange(0.1, 0.001, 0.5),
            0,
            Seed,
            team,
            new PackedMatrixMultiply());
        network.Layout.Initialise(network.State.Parameters, Seed, 0.1);
        var rows = Fill(network.Input(Modality.Image), Shared, 1);
        Fill(network.Input(Modality.Text), 8, 2);
        network.Begin();
        Assert.True(double.IsFinite(network.Accumulate(0, new StepBatch(Rows, 0))));
        var norm = Math.Sqrt(rows[2].Sum(v => v * v));
        for (var j = 0; j < Shared; j++) Assert.Equal(rows[2][j] / norm, network.Embeddings(Modality.Image)[(2 * Shared) + j], 1e-6);
    }

    [Fact]
    public void Initial_weights_lie_within_PyTorchs_bounds_and_fill_them()
    {
        var shape = AdapterShape.Mlp(64, 32, 2, 4);
        using var team = new ThreadTeam(1);
        using var network = new FusionNetwork(
            new NetworkLayout(
                new Dictionary<Modality, AdapterShape> { [Modality.Image] = shape, [Modality.Text] = AdapterShape.Mlp(64, 32, 2, 4) },
                [new NetworkPairs(Modality.Image, Modality.Text, 4)]),
            new TemperatureRange(0.07, 0.001, 0.5),
            0,
            Seed,
            team,
            new PackedMatrixMultiply());
        network.Layout.Initialise(network.State.Parameters, Seed, 0.07);
        foreach (var parameter in shape.Parameters)
        {
            var values = Read(network.State.Parameters, 0, parameter);
            if (parameter.Name.Contains("ln") || parameter.Name.StartsWith("2."))
            {
                Assert.All(values, v => Assert.Equal(parameter.Name.EndsWith("weight") ? 1 : 0, v));
                continue;
            }

            var bound = 1 / Math.Sqrt(parameter.Name.Contains("fn.3") ? 256 : 64);
            Assert.All(values, v => Assert.InRange(v, -bound, bound));
            Assert.True(values.Max() > bound * 0.8 && values.Min() < -bound * 0.8, parameter.Name);
            if (values.Length > 1000) Assert.InRange(values.Average(v => v * v), bound * bound / 3 * 0.9, bound * bound / 3 * 1.1);
        }

        var (image, text) = (network.Layout.Adapters[0], network.Layout.Adapters[^1]);
        Assert.NotEqual(
            Read(network.State.Parameters, image.Offset, shape.Parameters[2]),
            Read(network.State.Parameters, text.Offset, shape.Parameters[2]));
        Assert.Equal(0.07f, network.Temperature);
    }

    [Fact]
    public void Temperature_is_brought_into_its_bounds_before_a_step()
    {
        using var team = new ThreadTeam(1);
        using var network = new FusionNetwork(
            new NetworkLayout(
                new Dictionary<Modality, AdapterShape> { [Modality.Image] = AdapterShape.Mlp(4, 4, 0, 4), [Modality.Text] = AdapterShape.Mlp(4, 4, 0, 4) },
                [new NetworkPairs(Modality.Image, Modality.Text, 4)]),
            new TemperatureRange(0.07, 0.001, 0.5),
            0,
            Seed,
            team,
            new PackedMatrixMultiply());
        network.Temperature = 0.9f;
        network.Begin();
        Assert.Equal(0.5f, network.Temperature);
        network.Temperature = -1;
        network.Begin();
        Assert.Equal(0.001f, network.Temperature);
    }

    [Fact]
    public void Only_matrices_decay()
    {
        var shape = AdapterShape.Mlp(4, 3, 1, 2);
        Assert.Equal(["0.fn.0.weight", "0.fn.3.weight", "2.weight"], shape.Parameters.Where(p => p.IsMatrix).Select(p => p.Name));
    }

    /// <summary>LayerNorm starts as the identity, where errors in its gradients would not show.</summary>
    private static void Perturb(FusionNetwork network)
    {
        var random = new RandomStream(99, 0);
        foreach (var (_, shape, offset) in network.Layout.Adapters)
        {
            foreach (var parameter in shape.Parameters.Where(p => !p.IsMatrix))
            {
                for (var i = 0; i < parameter.Length; i++)
                    network.State.Parameters.Pointer[offset + parameter.Offset + i] += (float)(0.3 * random.NextNormal());
            }
        }
    }

    private static double[][] Fill(float* target, int width, ulong stream)
    {
        var random = new RandomStream(17, stream);
        var rows = new double[Rows][];
        for (var r = 0; r < Rows; r++)
        {
            rows[r] = new double[width];
            for (var j = 0; j < width; j++) rows[r][j] = target[(r * width) + j] = (float)random.NextNormal();
        }

        return rows;
    }

    private static double[] Read(AlignedBuffer buffer, long offset, Parameter parameter) =>
        [.. buffer.Span.Slice((int)(offset + parameter.Offset), (int)parameter.Length).ToArray().Select(v => (double)v)];
}
