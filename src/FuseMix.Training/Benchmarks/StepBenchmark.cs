using System.Diagnostics;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Benchmarks;

/// <summary>The CPU trainer at work on a <see cref="StepWorkload"/>, a few steps at a time.</summary>
public sealed unsafe class StepBenchmark : IDisposable
{
    private readonly StepWorkload _workload;
    private readonly ThreadTeam _team;
    private readonly TrainingSession _session;
    private readonly CpuFusionTrainer _trainer;

    /// <summary>Makes data, memory and initial weights.</summary>
    /// <param name="workload">What to train.</param>
    /// <param name="dropout">Share of hidden values dropped.</param>
    /// <param name="threads">Threads; 0 for one per core.</param>
    public StepBenchmark(StepWorkload workload, double dropout, int threads)
    {
        _workload = workload;
        _trainer = new CpuFusionTrainer(threads);
        _team = new ThreadTeam(_trainer.Threads);
        var data = workload.Data();
        var recipe = workload.Recipe(dropout);
        var transforms = data.Latents.ToDictionary(l => l.Key, l => LatentTransform.None(l.Value.Latents.Dimension));
        _session = new TrainingSession(
            data, recipe, StepWorkload.Seed, transforms, _team, _trainer.Kernel, layout => _trainer.CreateNetwork(layout, recipe, StepWorkload.Seed, _team));
        _session.Network.Layout.Initialise(_session.Network.State.Parameters, StepWorkload.Seed, recipe.Temperature);
        _session.Network.Push();
    }

    /// <summary>What computes, e.g. "CPU, 2 threads, oneDNN 2.6".</summary>
    public string Device => _trainer.Device;

    /// <summary>Floating-point operations of the adapters' products in one step.</summary>
    public double Operations => _workload.Products().Sum(p => p.Operations);

    /// <summary>Does steps.</summary>
    /// <returns>Seconds that they took, and the loss of each.</returns>
    public (double Seconds, double[] Losses) Run(int steps)
    {
        var losses = new double[steps];
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < steps; i++) losses[i] = _session.Step();
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, losses);
    }

    /// <summary>Seconds that nothing but the products of one step takes, on the same threads: what a step would take if all else were free.</summary>
    public double MultiplySeconds()
    {
        var products = _workload.Products().ToArray();
        using var a = new AlignedBuffer(products.Max(p => (long)p.M * p.K));
        using var b = new AlignedBuffer(products.Max(p => (long)p.K * p.N));
        using var c = new AlignedBuffer(products.Max(p => (long)p.M * p.N));
        var matrices = new ParallelMatrixMultiply(_team, _trainer.Kernel);
        var start = Stopwatch.GetTimestamp();
        foreach (var (transposeA, transposeB, m, n, k) in products)
        {
            matrices.Multiply(
                transposeA, transposeB, m, n, k, 1, a.Pointer, transposeA ? m : k, b.Pointer, transposeB ? k : n, 0, c.Pointer, n);
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Dispose();
        _team.Dispose();
    }

    /// <summary>The weights of one modality, without padding, in PyTorch's order.</summary>
    internal float[] Weights(Modality modality)
    {
        var adapter = _session.Network.Layout.Adapters[_session.Network.Layout.IndexOf(modality)];
        var all = _session.Network.State.Parameters.Pointer + adapter.Offset;
        return [.. adapter.Shape.Parameters.SelectMany(p => new Span<float>(all + p.Offset, (int)p.Length).ToArray())];
    }

    /// <summary>The learning rates of the first steps.</summary>
    internal double[] Rates(int steps) => [.. Enumerable.Range(0, steps).Select(step => _session.Schedule.At(step))];
}
