using System.Text.Json;
using FuseMix.Core.Mixing;
using FuseMix.Core.Schedules;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;

namespace FuseMix.Testing.Training;

/// <summary>Forty steps against a float64 reference in PyTorch: shared initial weights, batches and λ, dropout 0.</summary>
internal static unsafe class GoldenSteps
{
    private static readonly JsonElement Reference = Golden.Load("training-steps.json");

    /// <summary>Fails where a network does not do as the reference.</summary>
    /// <param name="create">The network, for τ within 0.001 and 0.5 and without dropout.</param>
    /// <param name="gradients">Its gradients after the first pass, laid out as the parameters.</param>
    /// <param name="embeddings">The unit rows of a side after the first pass; null where they are not to be had.</param>
    public static void Hold<TNetwork>(
        Func<NetworkLayout, TNetwork> create, Func<TNetwork, float[]> gradients, Func<TNetwork, Modality, float[]>? embeddings = null)
        where TNetwork : IFusionNetwork
    {
        var dims = Reference.GetProperty("dims");
        int dx = Int(dims, "Dx"), dy = Int(dims, "Dy"), ds = Int(dims, "Ds"), depth = Int(dims, "depth"), b = Int(dims, "B");
        var shapes = new Dictionary<Modality, AdapterShape>
        {
            [Modality.Image] = AdapterShape.Mlp(dx, ds, depth, 4),
            [Modality.Text] = AdapterShape.Mlp(dy, ds, depth, 4),
        };
        using var network = create(new NetworkLayout(shapes, [new NetworkPairs(Modality.Image, Modality.Text, b)]));
        network.State.Parameters.Span[(int)network.Layout.TemperatureOffset] = 0.07f;
        foreach (var (modality, shape, offset) in network.Layout.Adapters)
        {
            var initial = Reference.GetProperty("init").GetProperty(Side(modality));
            foreach (var parameter in shape.Parameters)
            {
                Floats(initial.GetProperty(parameter.Name).GetProperty("data")).CopyTo(Values(network.State.Parameters, offset, parameter));
            }
        }

        network.Push();
        var x = Floats(Reference.GetProperty("X"));
        var y = Floats(Reference.GetProperty("Y"));
        var schedule = new WarmUpCosine(0.01, 1e-6, Int(dims, "stepsPerEpoch"), Int(dims, "epochs"));
        var step = 0;
        foreach (var expected in Reference.GetProperty("steps").EnumerateArray())
        {
            Near(expected.GetProperty("lr").GetDouble(), schedule.At(step), 1e-12, "learning rate");
            var lambda = expected.GetProperty("lambda").GetDouble();
            var indices = expected.GetProperty("indices").EnumerateArray().Select(i => i.GetInt32()).ToArray();
            network.Begin();
            Near(expected.GetProperty("tauBefore").GetDouble(), network.Temperature, 1e-4, $"τ of step {step}");
            Mix(x, dx, indices, lambda, new Span<float>(network.Input(Modality.Image), b * dx));
            Mix(y, dy, indices, lambda, new Span<float>(network.Input(Modality.Text), b * dy));
            var loss = network.Accumulate(0, new StepBatch(b, step));
            Near(expected.GetProperty("loss").GetDouble(), loss, 1e-4, $"loss of step {step}");
            if (step == 0)
            {
                if (embeddings is not null)
                {
                    AllNear(expected.GetProperty("embeddingsX"), embeddings(network, Modality.Image).AsSpan(0, b * ds), "image embeddings");
                    AllNear(expected.GetProperty("embeddingsY"), embeddings(network, Modality.Text).AsSpan(0, b * ds), "text embeddings");
                }

                var wanted = expected.GetProperty("gradients");
                var found = gradients(network);
                foreach (var (modality, shape, offset) in network.Layout.Adapters)
                {
                    foreach (var parameter in shape.Parameters)
                    {
                        var name = $"{Side(modality)}.{parameter.Name}";
                        AllNear(
                            wanted.GetProperty(name),
                            found.AsSpan((int)(offset + parameter.Offset), (int)parameter.Length),
                            $"gradient of {name}");
                    }
                }

                Near(wanted.GetProperty("tau")[0].GetDouble(), found[(int)network.Layout.TemperatureOffset], 1e-4, "gradient of τ");
            }

            network.Update(new AdamW(schedule.At(step), 0.1, 0.9, 0.999, 1e-8, step + 1));
            step++;
        }

        Assert.Equal(40, step);
        network.Pull();
        var final = Reference.GetProperty("final");
        foreach (var (modality, shape, offset) in network.Layout.Adapters)
        {
            foreach (var parameter in shape.Parameters)
            {
                var name = $"{Side(modality)}.{parameter.Name}";
                AllNear(final.GetProperty(name), Values(network.State.Parameters, offset, parameter), $"final {name}", 1e-3);
            }
        }

        Near(final.GetProperty("tau")[0].GetDouble(), network.Temperature, 1e-4, "final τ");
    }

    private static string Side(Modality modality) => modality == Modality.Image ? "x" : "y";

    private static void Mix(float[] latents, int dimension, int[] indices, double lambda, Span<float> mixed)
    {
        var matrix = new LatentMatrix(latents, dimension);
        var both = new float[indices.Length * dimension];
        matrix.Gather(indices, both);
        LatentMixing.Interpolate(both.AsSpan(0, mixed.Length), both.AsSpan(mixed.Length), lambda, mixed);
    }

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(v => (float)v.GetDouble())];

    private static Span<float> Values(AlignedBuffer buffer, long offset, Parameter parameter) =>
        buffer.Span.Slice((int)(offset + parameter.Offset), (int)parameter.Length);

    private static void Near(double expected, double actual, double relative, string what) => Assert.True(
        Math.Abs(expected - actual) <= relative * Math.Max(Math.Abs(expected), 1e-3), $"{what}: {actual}, the reference has {expected}");

    /// <summary>Relative to the largest value of the array: a single value near zero carries the rounding of its neighbours.</summary>
    private static void AllNear(JsonElement expected, Span<float> actual, string what, double relative = 1e-4)
    {
        Assert.Equal(expected.GetArrayLength(), actual.Length);
        var scale = expected.EnumerateArray().Max(v => Math.Abs(v.GetDouble()));
        for (var i = 0; i < actual.Length; i++)
        {
            var difference = Math.Abs(expected[i].GetDouble() - actual[i]);
            Assert.True(difference <= relative * scale, $"{what}[{i}]: {actual[i]}, the reference has {expected[i].GetDouble()}");
        }
    }
}
