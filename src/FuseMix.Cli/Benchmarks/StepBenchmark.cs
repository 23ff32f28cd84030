using System.Diagnostics;
using FuseMix.Training;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Cli.Benchmarks;

/// <summary>The CPU trainer at work on a <see cref="StepWorkload"/>, a few steps at a time.</summary>
public sealed unsafe class StepBenchmark : IDisposable
{
    private readonly ThreadTeam _team;
    private readonly TrainingSession _session;
    private readonly CpuFusionTrainer _trainer;
    private readonly TrainingPrecision _precision;
    private readonly Lazy<OneDnnBFloat16Products> _bfloat16;
    private readonly PlainProducts _plain;

    /// <summary>Makes data, memory and initial weights.</summary>
    /// <param name="workload">What to train.</param>
    /// <param name="precision">In what products compute.</param>
    /// <param name="dropout">Share of hidden values dropped.</param>
    /// <param name="threads">Threads; 0 for one per core.</param>
    /// <exception cref="FuseMixException">The precision is more than this machine can do.</exception>
    public StepBenchmark(StepWorkload workload, TrainingPrecision precision, double dropout, int threads)
    {
        _precision = precision;
        _plain = new PlainProducts(workload);
        _bfloat16 = new Lazy<OneDnnBFloat16Products>(() => new OneDnnBFloat16Products(_team!));
        _trainer = new CpuFusionTrainer(threads);
        _team = new ThreadTeam(_trainer.Threads);
        var data = workload.Data();
        var recipe = workload.Recipe(dropout, precision);
        var transforms = data.Latents.ToDictionary(l => l.Key, l => LatentTransform.None(l.Value.Latents.Dimension));
        _session = new TrainingSession(
            data, recipe, StepWorkload.Seed, transforms, _team, _trainer.Kernel,
            layout => _trainer.CreateNetwork(layout, recipe, StepWorkload.Seed, _team));
        _session.Network.Layout.Initialise(_session.Network.State.Parameters, StepWorkload.Seed, recipe.Temperature);
        _session.Network.Push();
    }

    /// <summary>What computes, e.g. "CPU, 2 threads, oneDNN 2.6".</summary>
    public string Device => _trainer.Device;

    /// <summary>Floating-point operations of the adapters' products in one step.</summary>
    public double Operations => _plain.Operations;

    /// <summary>Does steps.</summary>
    /// <returns>Seconds that they took, and the loss of each.</returns>
    public (double Seconds, double[] Losses) Run(int steps)
    {
        var losses = new double[steps];
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < steps; i++) losses[i] = _session.Step();
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, losses);
    }

    /// <summary>Whether this machine can do it.</summary>
    public static bool CanDo(TrainingPrecision precision) => precision == TrainingPrecision.Fp32 || OneDnnBFloat16Products.IsSupported;

    /// <summary>Seconds that nothing but the products of one step takes, on the same threads: what a step would take if all else were
    /// free.</summary>
    /// <remarks>Call it once before timing counts: memory and primitives are made then.</remarks>
    public double MultiplySeconds() => _precision == TrainingPrecision.Bf16
        ? _plain.Seconds(_bfloat16.Value)
        : _plain.Seconds(new ParallelMatrixMultiply(_team, _trainer.Kernel));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_bfloat16.IsValueCreated) _bfloat16.Value.Dispose();
        _plain.Dispose();
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
