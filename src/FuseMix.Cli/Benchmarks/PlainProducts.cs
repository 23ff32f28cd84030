using System.Diagnostics;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;

namespace FuseMix.Cli.Benchmarks;

/// <summary>The products of one step of a workload and nothing else: what a step would take if all else were free.</summary>
internal sealed unsafe class PlainProducts(StepWorkload workload) : IDisposable
{
    private readonly AdapterProduct[] _products = [.. workload.Products()];
    private AlignedBuffer[]? _matrices;

    /// <summary>Floating-point operations.</summary>
    public double Operations => _products.Sum(p => p.Operations);

    /// <summary>Seconds that they take.</summary>
    /// <remarks>Call it once before timing counts: memory and primitives are made then.</remarks>
    public double Seconds<T>(IProducts<T> products)
        where T : unmanaged, IOperand<T>
    {
        _matrices ??=
        [
            new AlignedBuffer(_products.Max(p => (long)p.M * p.K)),
            new AlignedBuffer(_products.Max(p => (long)p.K * p.N)),
            new AlignedBuffer(_products.Max(p => (long)p.M * p.N)),
        ];
        var a = (T*)_matrices[0].Pointer;
        var b = (T*)_matrices[1].Pointer;
        var c = _matrices[2].Pointer;
        var start = Stopwatch.GetTimestamp();
        foreach (var (transposeA, transposeB, m, n, k, isStored) in _products)
        {
            if (isStored) products.Multiply(transposeA, transposeB, m, n, k, a, b, (T*)c);
            else products.Multiply(transposeA, transposeB, m, n, k, a, b, 0, c);
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var matrix in _matrices ?? []) matrix.Dispose();
    }
}
