using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>What pairs of a batch are compared by.</summary>
public enum ContrastiveLoss
{
    /// <summary>Symmetric cross-entropy over the batch (the paper's eq. 1).</summary>
    InfoNce,

    /// <summary>Each two embeddings are a pair or not, with a learned scale and bias (SigLIP, Zhai et al. 2023).</summary>
    Sigmoid,
}

/// <summary>A loss and its derivatives with respect to the numbers that only the loss has.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="Temperature">d loss / d τ.</param>
/// <param name="Bias">d loss / d bias; 0 where the loss has none.</param>
internal readonly record struct LossResult(double Loss, double Temperature, double Bias);

/// <summary>The loss of a batch of paired embeddings, and its gradients, over blocks of rows.</summary>
/// <remarks>
/// Logits are z·z'/τ. One block of them is held, [block × B], then in its place the gradient with respect to it: a batch whose matrix is
/// larger than a block never has it whole. Blocks depend on the capacity alone, sums go in the order of the blocks: no result depends on
/// the number of threads. Nothing is allocated after construction.
/// </remarks>
internal abstract unsafe class PairLoss : IDisposable
{
    /// <summary>Most logits held: 64 MiB, so that batches of up to 4,096 pairs are one block.</summary>
    public const long MostLogits = 1 << 24;

    /// <summary>Rows that one part of a shared loop takes.</summary>
    protected const int RowPart = 16;

    private const int BlockMultiple = 64;

    private readonly ParallelMatrixMultiply _matrices;
    private readonly AlignedBuffer _logits;
    private readonly Action<int> _prepare;
    private readonly Action<int> _gradients;
    private float* _left, _right;
    private float _inverse;
    private int _width;

    /// <param name="capacity">The largest batch.</param>
    /// <param name="team">Threads.</param>
    /// <param name="matrices">Products, on the same threads.</param>
    /// <param name="mostLogits">Logits held at a time; a batch gets at least as many rows a block as a part of a loop needs.</param>
    protected PairLoss(int capacity, ThreadTeam team, ParallelMatrixMultiply matrices, long mostLogits)
    {
        (Team, _matrices) = (team, matrices);
        Block = (long)capacity * capacity <= mostLogits
            ? capacity
            : (int)Math.Min(capacity, Math.Max(BlockMultiple, mostLogits / capacity / BlockMultiple * BlockMultiple));
        _logits = new AlignedBuffer((long)Block * capacity);
        RowLosses = new double[capacity];
        RowSlopes = new double[capacity];
        _prepare = WeighRows;
        _gradients = Gradients;
    }

    /// <summary>Rows of a block; the last one of a batch may have fewer.</summary>
    public int Block { get; }

    protected ThreadTeam Team { get; }

    /// <summary>Pairs of the batch.</summary>
    protected int Rows { get; private set; }

    /// <summary>First row of the block in hand.</summary>
    protected int First { get; private set; }

    /// <summary>One past the last row of the block in hand.</summary>
    protected int End { get; private set; }

    /// <summary>What the bias is in this batch.</summary>
    protected float Bias { get; private set; }

    /// <summary>How much each negative counts.</summary>
    protected NegativeWeights Negatives { get; private set; }

    /// <summary>What each row contributes to the loss.</summary>
    protected double[] RowLosses { get; }

    /// <summary>Σ gradient·logit of each row.</summary>
    protected double[] RowSlopes { get; }

    /// <summary>The loss of a kind.</summary>
    public static PairLoss Create(
        ContrastiveLoss kind, int capacity, ThreadTeam team, ParallelMatrixMultiply matrices, long mostLogits = MostLogits) =>
        kind == ContrastiveLoss.Sigmoid ? new SigmoidLoss(capacity, team, matrices, mostLogits) : new InfoNce(
            capacity, team, matrices, mostLogits);

    /// <summary>The loss of a batch.</summary>
    /// <param name="left">Unit rows, [rows × width].</param>
    /// <param name="right">Unit rows, [rows × width]; row i belongs to row i of the left.</param>
    /// <param name="rows">Number of pairs.</param>
    /// <param name="width">Dimension of the shared space.</param>
    /// <param name="temperature">τ.</param>
    /// <param name="bias">Added to the logits, where the loss has one.</param>
    /// <param name="negatives">How much each negative counts.</param>
    /// <param name="leftGradient">Out: [rows × width].</param>
    /// <param name="rightGradient">Out: [rows × width].</param>
    public LossResult Compute(
        float* left, float* right, int rows, int width, float temperature, float bias, NegativeWeights negatives, float* leftGradient,
        float* rightGradient)
    {
        (Rows, _width, _inverse, Bias, Negatives) = (rows, width, 1 / temperature, bias, negatives);
        _left = left;
        _right = right;
        var blocks = (rows + Block - 1) / Block;
        if (NeedsSums)
        {
            for (var block = 0; block < blocks; block++)
            {
                Logits(block);
                Sum(block, blocks);
            }
        }

        // From the last block, whose logits are there already.
        for (var block = blocks - 1; block >= 0; block--)
        {
            if (!NeedsSums || block < blocks - 1) Logits(block);
            Team.For(RowParts, _gradients);
            var gradient = _logits.Pointer;
            var (start, count) = ((long)First * width, End - First);
            _matrices.Multiply(false, false, count, width, rows, _inverse, gradient, rows, right, width, 0, leftGradient + start, width);
            var keep = block == blocks - 1 ? 0 : 1;
            _matrices.Multiply(true, false, rows, width, count, _inverse, gradient, rows, left + start, width, keep, rightGradient, width);
        }

        double loss = 0, slope = 0;
        for (var r = 0; r < rows; r++)
        {
            loss += RowLosses[r];
            slope += RowSlopes[r];
        }

        return Result(loss, slope, temperature);
    }

    public virtual void Dispose() => _logits.Dispose();

    /// <summary>Parts of a loop over the rows of the block in hand.</summary>
    protected int RowParts => (End - First + RowPart - 1) / RowPart;

    /// <summary>Whether gradients need sums over the whole matrix, which then is gone through twice.</summary>
    protected abstract bool NeedsSums { get; }

    /// <summary>The logits of a row of the block in hand, [Rows].</summary>
    protected float* Row(int row) => _logits.Pointer + ((long)(row - First) * Rows);

    /// <summary>Takes the block in hand into the sums.</summary>
    protected abstract void Sum(int block, int blocks);

    /// <summary>Brings the negatives' weights into a row of logits.</summary>
    protected abstract void Weigh(int row);

    /// <summary>A row of logits becomes the gradient with respect to it; what it contributes goes into <see cref="RowLosses"/> and
    /// <see cref="RowSlopes"/>.</summary>
    protected abstract void Gradient(int row);

    protected abstract LossResult Result(double loss, double slope, float temperature);

    /// <summary>The rows of a part of the block in hand.</summary>
    protected (int From, int To) PartRows(int part)
    {
        var from = First + (part * RowPart);
        return (from, Math.Min(from + RowPart, End));
    }

    private void Logits(int block)
    {
        First = block * Block;
        End = Math.Min(First + Block, Rows);
        _matrices.Multiply(
            false, true, End - First, Rows, _width, _inverse, _left + ((long)First * _width), _width, _right, _width, 0, _logits.Pointer,
            Rows);
        if (Negatives.Apply) Team.For(RowParts, _prepare);
    }

    private void WeighRows(int part)
    {
        var (from, to) = PartRows(part);
        for (var r = from; r < to; r++) Weigh(r);
    }

    private void Gradients(int part)
    {
        var (from, to) = PartRows(part);
        for (var r = from; r < to; r++) Gradient(r);
    }
}
