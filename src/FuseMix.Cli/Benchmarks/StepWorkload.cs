using System.Runtime.InteropServices;
using FuseMix.Core.Mixing;
using FuseMix.Core.Randomness;
using FuseMix.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Recipe;

namespace FuseMix.Cli.Benchmarks;

/// <summary>Synthetic latents and a recipe whose steps are timed: nothing of it depends on encoders or datasets.</summary>
/// <param name="Name">What reports call it.</param>
/// <param name="Left">Values per latent of the left modality.</param>
/// <param name="Right">Values per latent of the right modality.</param>
/// <param name="Depth">Residual blocks per adapter.</param>
/// <param name="Batch">Pairs per step, after mixing.</param>
public sealed record StepWorkload(string Name, int Left, int Right, int Depth, int Batch)
{
    /// <summary>Dimension of the shared space.</summary>
    public const int Shared = 512;

    /// <summary>Steps whose batches, λ and rates a peer is given; after them it begins anew.</summary>
    public const int PeerSteps = 64;

    internal const ulong Seed = 7;
    private const double Rate = 1e-4;

    /// <summary>The three that the figures in the README are of: two of small encoders, one of the paper's size.</summary>
    public static IReadOnlyList<StepWorkload> All { get; } =
        [new("small", 512, 512, 4, 1024), new("demo", 816, 512, 2, 1024), new("paper", 1536, 1024, 4, 1024)];

    /// <summary>In words, e.g. "1536/1024, depth 4, batch 1024".</summary>
    public string Sizes =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Left}/{Right}, depth {Depth}, batch {Batch}");

    private int Pairs => 4 * Batch;

    /// <summary>The recipe of these steps.</summary>
    /// <param name="dropout">Share of hidden values dropped.</param>
    /// <param name="precision">In what products compute.</param>
    public TrainingRecipe Recipe(double dropout, TrainingPrecision precision = TrainingPrecision.Fp32) => new()
    {
        Depth = Depth,
        BatchSize = Batch,
        SharedDimension = Shared,
        Dropout = dropout,
        LearningRate = Rate,
        Steps = PeerSteps,
        Precision = precision,
    };

    /// <summary>Normally distributed latents, those of a pair alike in part.</summary>
    internal TrainingData Data()
    {
        var left = Normal(1, Left);
        var right = Normal(2, Right);
        var both = Math.Min(Left, Right);
        for (var r = 0; r < Pairs; r++)
        {
            for (var j = 0; j < both; j++) right[(r * Right) + j] += left[(r * Left) + j];
        }

        int[] rows = [.. Enumerable.Range(0, Pairs)];
        return new TrainingData(
            new Dictionary<Modality, LatentSource>
            {
                [Modality.Image] = new("synthetic left", new string('1', 64), new LatentMatrix(left, Left)),
                [Modality.Text] = new("synthetic right", new string('2', 64), new LatentMatrix(right, Right)),
            },
            [new PairList(Modality.Image, Modality.Text, new PairRows(rows, rows))]);
    }

    /// <summary>Writes latents, initial weights, batches, λ and rates for a trainer in another process, little-endian, row by
    /// row.</summary>
    /// <param name="folder">Gets left.f32, right.f32, left-weights.f32, right-weights.f32 (in PyTorch's order), batches.i32, lambdas.f64,
    /// rates.f64.</param>
    public void Write(string folder)
    {
        var data = Data();
        using var session = new StepBenchmark(this, TrainingPrecision.Fp32, dropout: 0, threads: 1);
        foreach (var (name, modality) in new[] { ("left", Modality.Image), ("right", Modality.Text) })
        {
            var latents = data.Latents[modality].Latents;
            var values = new float[latents.Count * latents.Dimension];
            latents.Gather([.. Enumerable.Range(0, latents.Count)], values);
            Save(Path.Combine(folder, $"{name}.f32"), values);
            Save(Path.Combine(folder, $"{name}-weights.f32"), session.Weights(modality));
        }

        var sampler = new BatchSampler(Seed, 0, Pairs, Batch, MixingVariant.Halves, 1);
        var batches = new int[PeerSteps * 2 * Batch];
        var lambdas = new double[PeerSteps];
        for (var step = 0; step < PeerSteps; step++)
        {
            lambdas[step] = sampler.Fill(step, batches.AsSpan(step * 2 * Batch, Batch), batches.AsSpan(((step * 2) + 1) * Batch, Batch));
        }

        Save(Path.Combine(folder, "batches.i32"), batches);
        Save(Path.Combine(folder, "lambdas.f64"), lambdas);
        Save(Path.Combine(folder, "rates.f64"), session.Rates(PeerSteps));
    }

    /// <summary>The products of one step, forward and backward, of both adapters; those of the loss are not among them.</summary>
    internal IEnumerable<AdapterProduct> Products() =>
        [.. AdapterShape.Mlp(Left, Shared, Depth, 4).Products(Batch), .. AdapterShape.Mlp(Right, Shared, Depth, 4).Products(Batch)];

    private static void Save<T>(string path, T[] values)
        where T : unmanaged
    {
        using var file = File.Create(path);
        file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private float[] Normal(ulong stream, int width)
    {
        var random = new RandomStream(Seed, stream);
        var values = new float[Pairs * width];
        for (var i = 0; i < values.Length; i++) values[i] = (float)random.NextNormal();
        return values;
    }
}
