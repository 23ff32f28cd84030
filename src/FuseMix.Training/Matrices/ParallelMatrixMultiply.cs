using FuseMix.Training.Kernels;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Matrices;

/// <summary>Shares one matrix product among the threads of a team: C is cut along its longer side.</summary>
/// <remarks>One caller at a time, as with the team itself; no allocation.</remarks>
internal sealed unsafe class ParallelMatrixMultiply : IProducts<Fp32>
{
    private const int CutMultiple = 32;
    private const long WorthSharing = 1 << 18;

    private readonly ThreadTeam _team;
    private readonly IMatrixMultiply _kernel;
    private readonly Action<int> _part;
    private bool _transposeA, _transposeB, _cutRows;
    private int _m, _n, _k, _lda, _ldb, _ldc, _cut;
    private float _alpha, _beta;
    private float* _a, _b, _c;

    public ParallelMatrixMultiply(ThreadTeam team, IMatrixMultiply kernel)
    {
        _team = team;
        _kernel = kernel;
        _part = Part;
    }

    public string Name => _kernel.Name;

    /// <inheritdoc cref="IMatrixMultiply.Multiply"/>
    public void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c,
        int ldc)
    {
        if (_team.Threads == 1 || (long)m * n * k < WorthSharing)
        {
            _kernel.Multiply(transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
            return;
        }

        (_transposeA, _transposeB, _m, _n, _k, _lda, _ldb, _ldc, _alpha, _beta) =
            (transposeA, transposeB, m, n, k, lda, ldb, ldc, alpha, beta);
        _a = a;
        _b = b;
        _c = c;
        _cutRows = m > n;
        var length = _cutRows ? m : n;
        _cut = (((length + _team.Threads - 1) / _team.Threads) + CutMultiple - 1) / CutMultiple * CutMultiple;
        _team.For((length + _cut - 1) / _cut, _part);
    }

    /// <inheritdoc/>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, Fp32* a, Fp32* b, float keep, float* c) => Multiply(
        transposeA, transposeB, m, n, k, 1, (float*)a, transposeA ? m : k, (float*)b, transposeB ? k : n, keep, c, n);

    /// <inheritdoc/>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, Fp32* a, Fp32* b, Fp32* c) =>
        Multiply(transposeA, transposeB, m, n, k, a, b, 0, (float*)c);

    private void Part(int index)
    {
        var start = index * _cut;
        if (_cutRows)
        {
            var a = _a + (_transposeA ? start : (long)start * _lda);
            var rows = Math.Min(_cut, _m - start);
            _kernel.Multiply(_transposeA, _transposeB, rows, _n, _k, _alpha, a, _lda, _b, _ldb, _beta, _c + ((long)start * _ldc), _ldc);
        }
        else
        {
            var b = _b + (_transposeB ? (long)start * _ldb : start);
            var columns = Math.Min(_cut, _n - start);
            _kernel.Multiply(_transposeA, _transposeB, _m, columns, _k, _alpha, _a, _lda, b, _ldb, _beta, _c + start, _ldc);
        }
    }
}
