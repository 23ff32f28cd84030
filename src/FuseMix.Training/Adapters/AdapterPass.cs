using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>Which mask a forward pass drops with.</summary>
/// <param name="Probability">0 for none.</param>
/// <param name="Seed">Seed of the run.</param>
/// <param name="FirstStream">Stream of block 0; block l takes <paramref name="FirstStream"/> + l · 2^40 (the stream's part).</param>
internal readonly record struct AdapterDropout(double Probability, ulong Seed, ulong FirstStream)
{
    public static AdapterDropout None => default;

    public DropoutMask OfBlock(int block) => new(Probability, Seed, FirstStream + ((ulong)block << 40));
}

/// <summary>The forward and backward pass of one adapter over batches of up to a fixed size; holds all memory that they need.</summary>
/// <remarks>
/// Between two matrix products everything that is done to a row is done in one visit. Rows are shared among threads in small parts,
/// sums over rows by columns, so that no result depends on the number of threads. Nothing is allocated after construction.
/// </remarks>
internal sealed unsafe class AdapterPass : IDisposable
{
    private const int RowPart = 16;

    private readonly ThreadTeam _team;
    private readonly ParallelMatrixMultiply _matrices;
    private readonly AlignedBuffer _memory;
    private readonly float*[] _residual;
    private readonly float*[] _normal;
    private readonly float*[] _statistics;
    private readonly float*[] _slope;
    private readonly float*[] _activation;
    private readonly float* _projection;
    private readonly float* _norms;
    private readonly float* _hiddenGradient;
    private readonly float* _normalGradient;
    private readonly float* _residualGradient;
    private readonly Action<int> _normRows, _activateRows, _finishRows, _finishBackward, _slopeRows, _normBackward;
    private readonly float*[] _parameters;
    private readonly float*[] _gradients;
    private int _rows;
    private int _block;
    private float _keep;
    private DropoutMask _mask;

    /// <param name="shape">Sizes.</param>
    /// <param name="parameters">[shape.Length], laid out as the shape says; read, never written.</param>
    /// <param name="gradients">[shape.Length], or null where there is no backward pass.</param>
    /// <param name="capacity">The largest batch.</param>
    /// <param name="team">Threads.</param>
    /// <param name="matrices">Products, on the same threads.</param>
    public AdapterPass(AdapterShape shape, float* parameters, float* gradients, int capacity, ThreadTeam team, ParallelMatrixMultiply matrices)
    {
        (Shape, _team, _matrices, Capacity) = (shape, team, matrices, capacity);
        var count = shape.Parameters.Count;
        _parameters = new float*[count];
        _gradients = new float*[count];
        for (var i = 0; i < count; i++)
        {
            _parameters[i] = parameters + shape.Parameters[i].Offset;
            _gradients[i] = gradients == null ? null : gradients + shape.Parameters[i].Offset;
        }

        // Without a backward pass the blocks share their memory: two rows of the residual stream, one of everything else.
        var training = gradients != null;
        var blocks = shape.Depth;
        var kept = training ? blocks : Math.Min(blocks, 1);
        long narrow = Round((long)capacity * shape.Input), wide = Round((long)capacity * shape.Hidden);
        long output = Round((long)capacity * shape.Output), pair = Round(2L * capacity);
        var streams = training ? blocks + 1 : Math.Min(blocks + 1, 2);
        var norms = training ? blocks + 1 : 1;
        _memory = new AlignedBuffer(
            (streams * narrow) + (norms * (narrow + pair)) + (kept * 2 * wide) + (3 * output) + Round(capacity) + (training ? wide + (2 * narrow) : 0));
        var next = _memory.Pointer;
        _residual = Take(streams, blocks + 1, narrow, ref next);
        _normal = Take(norms, blocks + 1, narrow, ref next);
        _statistics = Take(norms, blocks + 1, pair, ref next);
        _slope = Take(kept, blocks, wide, ref next);
        _activation = Take(kept, blocks, wide, ref next);
        _projection = Take(1, 1, output, ref next)[0];
        Embeddings = Take(1, 1, output, ref next)[0];
        EmbeddingGradients = Take(1, 1, output, ref next)[0];
        _norms = Take(1, 1, Round(capacity), ref next)[0];
        if (training)
        {
            _hiddenGradient = Take(1, 1, wide, ref next)[0];
            _normalGradient = Take(1, 1, narrow, ref next)[0];
            _residualGradient = Take(1, 1, narrow, ref next)[0];
        }

        _normRows = NormRows;
        _activateRows = ActivateRows;
        _finishRows = FinishRows;
        _finishBackward = FinishBackward;
        _slopeRows = SlopeRows;
        _normBackward = NormBackward;
    }

    public AdapterShape Shape { get; }

    public int Capacity { get; }

    /// <summary>Where the caller puts the batch, [rows × Input].</summary>
    public float* Input => _residual[0];

    /// <summary>Unit-length results, [rows × Output].</summary>
    public float* Embeddings { get; }

    /// <summary>Where the caller puts the loss's gradient, [rows × Output]; used up by <see cref="Backward"/>.</summary>
    public float* EmbeddingGradients { get; }

    /// <summary>Computes <see cref="Embeddings"/> from <see cref="Input"/>.</summary>
    public void Forward(int rows, AdapterDropout dropout)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Capacity);
        _rows = rows;
        var (input, hidden, output) = (Shape.Input, Shape.Hidden, Shape.Output);
        if (Shape.Kind == AdapterKind.Mlp)
        {
            for (_block = 0; _block < Shape.Depth; _block++)
            {
                var first = _block * AdapterShape.PerBlock;
                _mask = dropout.OfBlock(_block);
                ForRows(_normRows);
                _matrices.Multiply(
                    false, true, rows, hidden, input, 1, _normal[_block], input, _parameters[first + 2], input, 0, _slope[_block], hidden);
                ForRows(_activateRows);
                _matrices.Multiply(
                    false, true, rows, input, hidden, 1, _activation[_block], hidden, _parameters[first + 4], hidden, 1, _residual[_block + 1], input);
            }

            ForRows(_normRows);
            _matrices.Multiply(false, true, rows, output, input, 1, _normal[_block], input, _parameters[^2], input, 0, _projection, output);
        }
        else if (Shape.Kind == AdapterKind.Linear)
        {
            _matrices.Multiply(false, true, rows, output, input, 1, Input, input, _parameters[0], input, 0, _projection, output);
        }

        ForRows(_finishRows);
    }

    /// <summary>Computes the gradients of all parameters from <see cref="EmbeddingGradients"/>, for the batch of the last forward pass.</summary>
    /// <param name="accumulate">Whether to add to what the gradients hold (the modality's second pair list).</param>
    public void Backward(bool accumulate)
    {
        if (Shape.Kind == AdapterKind.Identity) return;
        if (Shape.Kind != AdapterKind.Mlp) throw new InvalidOperationException("Only MLP adapters are trained by gradient.");
        _keep = accumulate ? 1 : 0;
        var (rows, input, hidden, output) = (_rows, Shape.Input, Shape.Hidden, Shape.Output);
        _block = Shape.Depth;
        ForRows(_finishBackward);
        _matrices.Multiply(true, false, output, input, rows, 1, EmbeddingGradients, output, _normal[_block], input, _keep, _gradients[^2], input);
        _matrices.Multiply(false, false, rows, input, output, 1, EmbeddingGradients, output, _parameters[^2], input, 0, _normalGradient, input);
        _team.For(RowParts + Parts(input) + Parts(output), _normBackward);
        for (_block = Shape.Depth - 1; _block >= 0; _block--)
        {
            var first = _block * AdapterShape.PerBlock;
            _matrices.Multiply(
                true, false, input, hidden, rows, 1, _residualGradient, input, _activation[_block], hidden, _keep, _gradients[first + 4], hidden);
            _matrices.Multiply(false, false, rows, hidden, input, 1, _residualGradient, input, _parameters[first + 4], hidden, 0, _hiddenGradient, hidden);
            _team.For(RowParts + Parts(input), _slopeRows);
            _matrices.Multiply(true, false, hidden, input, rows, 1, _hiddenGradient, hidden, _normal[_block], input, _keep, _gradients[first + 2], input);
            _matrices.Multiply(false, false, rows, input, hidden, 1, _hiddenGradient, hidden, _parameters[first + 2], input, 0, _normalGradient, input);
            _team.For(RowParts + Parts(input) + Parts(hidden), _normBackward);
        }
    }

    public void Dispose() => _memory.Dispose();

    private int RowParts => Parts(_rows, RowPart);

    private static int Parts(int length, int part = ColumnKernels.Part) => (length + part - 1) / part;

    private static long Round(long length) => (length + 15) / 16 * 16;

    private static float*[] Take(int distinct, int uses, long length, ref float* next)
    {
        var taken = new float*[uses];
        for (var i = 0; i < uses; i++) taken[i] = next + (i % Math.Max(distinct, 1) * length);
        next += distinct * length;
        return taken;
    }

    private void ForRows(Action<int> part) => _team.For(RowParts, part);

    private (int From, int To) Rows(int part) => (part * RowPart, Math.Min((part + 1) * RowPart, _rows));

    /// <summary>LayerNorm of the residual stream; the next block's stream begins with this one's plus the bias that its product lacks.</summary>
    private void NormRows(int part)
    {
        var width = Shape.Input;
        var last = _block == Shape.Depth;
        var first = _block * AdapterShape.PerBlock;
        var (from, to) = Rows(part);
        for (var r = from; r < to; r++)
        {
            var x = _residual[_block] + ((long)r * width);
            var (mean, inverse) = RowKernels.LayerNorm(x, _parameters[first], _parameters[first + 1], _normal[_block] + ((long)r * width), width);
            _statistics[_block][2 * r] = mean;
            _statistics[_block][(2 * r) + 1] = inverse;
            if (!last) RowKernels.Add(x, _parameters[first + 5], _residual[_block + 1] + ((long)r * width), width);
        }
    }

    private void ActivateRows(int part)
    {
        var width = Shape.Hidden;
        var bias = _parameters[(_block * AdapterShape.PerBlock) + 3];
        var (from, to) = Rows(part);
        for (var r = from; r < to; r++)
        {
            RowKernels.BiasGeluDropout(_slope[_block] + ((long)r * width), bias, _activation[_block] + ((long)r * width), in _mask, r, width);
        }
    }

    private void FinishRows(int part)
    {
        var width = Shape.Output;
        var (from, to) = Rows(part);
        for (var r = from; r < to; r++)
        {
            var row = (long)r * width;
            if (Shape.Kind == AdapterKind.Identity)
            {
                _norms[r] = RowKernels.Normalise(Input + row, Embeddings + row, width);
                continue;
            }

            RowKernels.Add(_projection + row, _parameters[^1], _projection + row, width);
            _norms[r] = RowKernels.Normalise(_projection + row, Embeddings + row, width);
        }
    }

    private void FinishBackward(int part)
    {
        var width = Shape.Output;
        var (from, to) = Rows(part);
        for (var r = from; r < to; r++)
        {
            RowKernels.NormaliseBackward(EmbeddingGradients + ((long)r * width), Embeddings + ((long)r * width), _norms[r], width);
        }
    }

    /// <summary>Rows: the hidden gradient through dropout and GELU. Columns: the gradient of the block's second bias.</summary>
    private void SlopeRows(int part)
    {
        var width = Shape.Hidden;
        if (part < RowParts)
        {
            var (from, to) = Rows(part);
            var start = (long)from * width;
            RowKernels.MultiplyInto(_hiddenGradient + start, _slope[_block] + start, (to - from) * width);
            return;
        }

        SumColumns(_residualGradient, Shape.Input, part - RowParts, _gradients[(_block * AdapterShape.PerBlock) + 5]);
    }

    /// <summary>Rows: the gradient through LayerNorm. Columns: those of γ and β, then of the bias before it in the backward order.</summary>
    private void NormBackward(int part)
    {
        var width = Shape.Input;
        var last = _block == Shape.Depth;
        var first = _block * AdapterShape.PerBlock;
        var rowParts = RowParts;
        if (part < rowParts)
        {
            // The gradient with respect to the batch itself is of no use.
            if (_block == 0 && !last) return;
            var (from, to) = Rows(part);
            for (var r = from; r < to; r++)
            {
                var row = (long)r * width;
                RowKernels.LayerNormBackward(
                    _normalGradient + row,
                    _residual[_block] + row,
                    _parameters[first],
                    _statistics[_block][2 * r],
                    _statistics[_block][(2 * r) + 1],
                    last ? 0 : 1,
                    _residualGradient + row,
                    width);
            }

            return;
        }

        part -= rowParts;
        if (part < Parts(width))
        {
            var from = part * ColumnKernels.Part;
            ColumnKernels.LayerNormGradients(
                _normalGradient,
                _residual[_block],
                _statistics[_block],
                _rows,
                width,
                from,
                Math.Min(from + ColumnKernels.Part, width),
                _keep,
                _gradients[first],
                _gradients[first + 1]);
            return;
        }

        part -= Parts(width);
        if (last) SumColumns(EmbeddingGradients, Shape.Output, part, _gradients[^1]);
        else SumColumns(_hiddenGradient, Shape.Hidden, part, _gradients[first + 3]);
    }

    private void SumColumns(float* x, int width, int part, float* total)
    {
        var from = part * ColumnKernels.Part;
        ColumnKernels.Sum(x, _rows, width, from, Math.Min(from + ColumnKernels.Part, width), _keep, total);
    }

}
