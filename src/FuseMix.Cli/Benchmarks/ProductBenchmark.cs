using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Cli.Benchmarks;

/// <summary>Every matrix product of this machine on the products of one step, and how fast its processor could be at most.</summary>
public sealed class ProductBenchmark : IDisposable
{
    /// <summary>What the rate of bare multiply-adds in fp32 registers is called: nothing in fp32 can be faster.</summary>
    public const string Peak = "fp32 peak";

    private const int PeakRounds = 4_000_000;
    private const int Accumulators = 12;

    private readonly ThreadTeam _team;
    private readonly PlainProducts _plain;
    private readonly OneDnnBFloat16Products? _bfloat16;
    private readonly List<(string Name, Func<double> Rate)> _turns;
    private readonly float[] _sums;

    /// <summary>Finds what can multiply here.</summary>
    /// <param name="workload">Whose products.</param>
    /// <param name="threads">Threads, 1 or more.</param>
    public ProductBenchmark(StepWorkload workload, int threads)
    {
        _team = new ThreadTeam(threads);
        _plain = new PlainProducts(workload);
        _sums = new float[threads];
        _turns = [(Peak, PeakRate)];
        if (OneDnnMatrixMultiply.TryLoad() is { } oneDnn) Add($"{oneDnn.Name}, fp32", new ParallelMatrixMultiply(_team, oneDnn));
        foreach (var wide in Vector512.IsHardwareAccelerated ? (bool[])[true, false] : [false])
        {
            var own = new PackedMatrixMultiply(wide);
            Add(own.Name, new ParallelMatrixMultiply(_team, own));
        }

        if (!OneDnnBFloat16Products.IsSupported) return;
        _bfloat16 = new OneDnnBFloat16Products(_team);
        Add($"oneDNN {OneDnn.Version}, bf16", _bfloat16);

        void Add<T>(string name, IProducts<T> products)
            where T : unmanaged, IOperand<T> => _turns.Add((name, () => _plain.Operations / _plain.Seconds(products)));
    }

    /// <summary>What takes turns, <see cref="Peak"/> first.</summary>
    public IReadOnlyList<string> Names => [.. _turns.Select(turn => turn.Name)];

    /// <summary>Floating-point operations a second, of one turn. The first turn of each makes memory and primitives.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    public double Rate(string name) => _turns.Single(turn => turn.Name == name).Rate();

    /// <inheritdoc/>
    public void Dispose()
    {
        _bfloat16?.Dispose();
        _plain.Dispose();
        _team.Dispose();
    }

    private double PeakRate()
    {
        var wide = Vector512.IsHardwareAccelerated;
        var start = Stopwatch.GetTimestamp();
        _team.For(_team.Threads, part => _sums[part] = wide ? MultiplyAdd512(PeakRounds) : MultiplyAdd256(PeakRounds));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return 2.0 * Accumulators * (wide ? Vector512<float>.Count : Vector256<float>.Count) * PeakRounds * _team.Threads / seconds;
    }

    /// <summary>As many sums as hide the time of one multiply-add, none of which leaves its register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float MultiplyAdd512(int rounds)
    {
        Vector512<float> x = Vector512.Create(0.5f), y = Vector512.Create(1f);
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var round = 0; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float MultiplyAdd256(int rounds)
    {
        Vector256<float> x = Vector256.Create(0.5f), y = Vector256.Create(1f);
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var round = 0; round < rounds; round++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
            i = Vector256.FusedMultiplyAdd(i, x, y);
            j = Vector256.FusedMultiplyAdd(j, x, y);
            k = Vector256.FusedMultiplyAdd(k, x, y);
            l = Vector256.FusedMultiplyAdd(l, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
