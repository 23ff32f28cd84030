using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>The symmetric InfoNCE loss (paper §3, eq. 1) of a batch of paired embeddings, and its gradients.</summary>
/// <remarks>Logits are z·z'/τ. Holds one [B × B] matrix: the logits, then in their place the gradient with respect to them.</remarks>
internal sealed unsafe class InfoNce : IDisposable
{
    private const int RowPart = 16;

    private readonly ThreadTeam _team;
    private readonly ParallelMatrixMultiply _matrices;
    private readonly AlignedBuffer _memory;
    private readonly float* _logits;
    private readonly float* _rowSums;
    private readonly float* _columnSums;
    private readonly double[] _losses;
    private readonly double[] _slopes;
    private readonly Action<int> _sums;
    private readonly Action<int> _gradients;
    private int _rows;

    public InfoNce(int capacity, ThreadTeam team, ParallelMatrixMultiply matrices)
    {
        (_team, _matrices) = (team, matrices);
        var round = (capacity + 15L) / 16 * 16;
        _memory = new AlignedBuffer(((long)capacity * capacity) + (2 * round) + 16);
        _rowSums = _memory.Pointer;
        _columnSums = _rowSums + round;
        _logits = _columnSums + round;
        _losses = new double[capacity];
        _slopes = new double[capacity];
        _sums = Sums;
        _gradients = Gradients;
    }

    /// <summary>The loss of a batch, averaged over its pairs and both directions.</summary>
    /// <param name="left">Unit rows, [rows × width].</param>
    /// <param name="right">Unit rows, [rows × width]; row i belongs to row i of the left.</param>
    /// <param name="rows">Number of pairs.</param>
    /// <param name="width">Dimension of the shared space.</param>
    /// <param name="temperature">τ.</param>
    /// <param name="leftGradient">Out: [rows × width].</param>
    /// <param name="rightGradient">Out: [rows × width].</param>
    /// <returns>The loss and its derivative with respect to τ.</returns>
    public (double Loss, double TemperatureGradient) Compute(
        float* left, float* right, int rows, int width, float temperature, float* leftGradient, float* rightGradient)
    {
        _rows = rows;
        var inverse = 1 / temperature;
        _matrices.Multiply(false, true, rows, rows, width, inverse, left, width, right, width, 0, _logits, rows);
        _team.For(RowParts + ColumnParts, _sums);
        _team.For(RowParts, _gradients);
        _matrices.Multiply(false, false, rows, width, rows, inverse, _logits, rows, right, width, 0, leftGradient, width);
        _matrices.Multiply(true, false, rows, width, rows, inverse, _logits, rows, left, width, 0, rightGradient, width);
        double loss = 0, slope = 0;
        for (var r = 0; r < rows; r++)
        {
            loss += _losses[r];
            slope += _slopes[r];
        }

        return (loss / (2.0 * rows), -slope / temperature);
    }

    public void Dispose() => _memory.Dispose();

    private int RowParts => (_rows + RowPart - 1) / RowPart;

    private int ColumnParts => (_rows + ColumnKernels.Part - 1) / ColumnKernels.Part;

    private void Sums(int part)
    {
        if (part < RowParts)
        {
            for (var r = part * RowPart; r < Math.Min((part + 1) * RowPart, _rows); r++)
            {
                _rowSums[r] = RowKernels.LogSumExp(_logits + ((long)r * _rows), _rows);
                _losses[r] = _rowSums[r] - (2.0 * _logits[((long)r * _rows) + r]);
            }

            return;
        }

        var from = (part - RowParts) * ColumnKernels.Part;
        ColumnKernels.LogSumExp(_logits, _rows, _rows, from, Math.Min(from + ColumnKernels.Part, _rows), _columnSums);
    }

    private void Gradients(int part)
    {
        for (var r = part * RowPart; r < Math.Min((part + 1) * RowPart, _rows); r++)
        {
            _losses[r] += _columnSums[r];
            _slopes[r] = RowKernels.ContrastiveGradient(_logits + ((long)r * _rows), _rowSums[r], _columnSums, r, _rows);
        }
    }
}
