using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>The symmetric InfoNCE loss (paper §3, eq. 1), averaged over pairs and both directions.</summary>
/// <remarks>
/// Rows are summed within their block; columns over all blocks, by log Σ exp of what was summed so far and of the next block, in fp64.
/// Where there is more than one block, all but the last are computed again for their gradients.
/// </remarks>
internal sealed unsafe class InfoNce : PairLoss
{
    private readonly AlignedBuffer _memory;
    private readonly float* _rowSums;
    private readonly float* _columnSums;
    private readonly double[] _columns;
    private readonly Action<int> _sums;
    private bool _first, _last;

    public InfoNce(int capacity, ThreadTeam team, ParallelMatrixMultiply matrices, long mostLogits = MostLogits)
        : base(capacity, team, matrices, mostLogits)
    {
        var round = (capacity + 15L) / 16 * 16;
        _memory = new AlignedBuffer(2 * round);
        _rowSums = _memory.Pointer;
        _columnSums = _rowSums + round;
        _columns = Block < capacity ? new double[capacity] : [];
        _sums = Sums;
    }

    public override void Dispose()
    {
        base.Dispose();
        _memory.Dispose();
    }

    protected override bool NeedsSums => true;

    protected override void Sum(int block, int blocks)
    {
        (_first, _last) = (block == 0, block == blocks - 1);
        Team.For(RowParts + ((Rows + ColumnKernels.Part - 1) / ColumnKernels.Part), _sums);
    }

    /// <summary>w·exp(s) = exp(s + log w): the weights go into the logits.</summary>
    protected override void Weigh(int row)
    {
        var logits = Row(row);
        for (var j = 0; (j = Negatives.Next(row, j, Rows)) < Rows; j++)
        {
            if (j != row) logits[j] += Negatives.LogOf(row, j);
        }
    }

    protected override void Gradient(int row)
    {
        var logits = Row(row);
        RowLosses[row] += _columnSums[row];
        RowSlopes[row] = RowKernels.ContrastiveGradient(logits, _rowSums[row], _columnSums, row, Rows);
        if (!Negatives.Apply) return;

        // τ divides the logits, not the weights that went into them.
        for (var j = 0; (j = Negatives.Next(row, j, Rows)) < Rows; j++)
        {
            if (j != row) RowSlopes[row] -= logits[j] * Negatives.LogOf(row, j);
        }
    }

    protected override LossResult Result(double loss, double slope, float temperature) => new(loss / (2.0 * Rows), -slope / temperature, 0);

    private void Sums(int part)
    {
        if (part < RowParts)
        {
            var (start, end) = PartRows(part);
            for (var r = start; r < end; r++)
            {
                _rowSums[r] = RowKernels.LogSumExp(Row(r), Rows);
                RowLosses[r] = _rowSums[r] - (2.0 * Row(r)[r]);
            }

            return;
        }

        var from = (part - RowParts) * ColumnKernels.Part;
        var to = Math.Min(from + ColumnKernels.Part, Rows);
        ColumnKernels.LogSumExp(Row(First), End - First, Rows, from, to, _columnSums);
        if (_first && _last) return;
        for (var j = from; j < to; j++)
        {
            var (sum, next) = (_columns[j], (double)_columnSums[j]);
            _columns[j] = _first ? next : Math.Max(sum, next) + Math.Log(1 + Math.Exp(-Math.Abs(sum - next)));
            if (_last) _columnSums[j] = (float)_columns[j];
        }
    }
}
