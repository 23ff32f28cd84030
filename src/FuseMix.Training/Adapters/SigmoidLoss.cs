using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>SigLIP's loss (Zhai et al. 2023): Σ over all i, j of log(1 + exp(∓(z·z'/τ + bias))), over the pairs of the batch.</summary>
/// <remarks>No element needs any other, so that the matrix is gone through once, whatever its blocks.</remarks>
internal sealed unsafe class SigmoidLoss(
    int capacity, ThreadTeam team, ParallelMatrixMultiply matrices, long mostLogits = PairLoss.MostLogits)
    : PairLoss(capacity, team, matrices, mostLogits)
{
    private readonly double[] _biases = new double[capacity];

    protected override bool NeedsSums => false;

    protected override void Sum(int block, int blocks)
    {
    }

    /// <remarks>The weights act on the loss and the gradient of each element, not on its logit.</remarks>
    protected override void Weigh(int row)
    {
    }

    protected override void Gradient(int row)
    {
        var logits = Row(row);
        var scale = 1f / Rows;
        var own = (double)logits[row];

        // The pair itself is no negative: it is made to count nothing among them.
        logits[row] = SigmoidKernels.Nothing;
        double less = 0, lessSlope = 0, lessBias = 0;
        for (var j = 0; Negatives.Apply && (j = Negatives.Next(row, j, Rows)) < Rows; j++)
        {
            if (j == row) continue;
            var (logit, surplus) = ((double)logits[j], 1 - Negatives.Of(row, j));
            var pull = surplus * scale * SigmoidKernels.Sigmoid(logit + Bias);
            less += surplus * SigmoidKernels.SoftPlus(logit + Bias);
            lessSlope += pull * logit;
            lessBias += pull;
        }

        var (loss, slope, sum) = SigmoidKernels.Gradient(logits, Bias, scale, Rows);
        for (var j = 0; Negatives.Apply && (j = Negatives.Next(row, j, Rows)) < Rows; j++)
        {
            if (j != row) logits[j] *= (float)Negatives.Of(row, j);
        }

        var pulled = -scale * SigmoidKernels.Sigmoid(-(own + Bias));
        logits[row] = (float)pulled;
        RowLosses[row] = loss - less + SigmoidKernels.SoftPlus(-(own + Bias));
        RowSlopes[row] = slope - lessSlope + (pulled * own);
        _biases[row] = sum - lessBias + pulled;
    }

    protected override LossResult Result(double loss, double slope, float temperature)
    {
        var bias = 0.0;
        for (var r = 0; r < Rows; r++) bias += _biases[r];
        return new LossResult(loss / Rows, -slope / temperature, bias);
    }
}
