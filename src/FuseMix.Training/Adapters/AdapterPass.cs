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
internal abstract unsafe class AdapterPass(AdapterShape shape, int capacity) : IDisposable
{
    public AdapterShape Shape => shape;

    public int Capacity => capacity;

    /// <summary>Where the caller puts the batch, [rows × Input].</summary>
    public float* Input { get; private protected init; }

    /// <summary>Unit-length results, [rows × Output].</summary>
    public float* Embeddings { get; private protected init; }

    /// <summary>Where the caller puts the loss's gradient, [rows × Output]; used up by <see cref="Backward"/>.</summary>
    public float* EmbeddingGradients { get; private protected init; }

    /// <summary>Computes <see cref="Embeddings"/> from <see cref="Input"/>.</summary>
    public abstract void Forward(int rows, AdapterDropout dropout);

    /// <summary>Computes the gradients of all parameters from <see cref="EmbeddingGradients"/>, for the batch of the last forward
    /// pass.</summary>
    /// <param name="accumulate">Whether to add to what the gradients hold (the modality's second pair list).</param>
    public abstract void Backward(bool accumulate);

    public abstract void Dispose();
}

/// <summary>An adapter's pass whose products read operands of one kind.</summary>
/// <remarks>
/// Between two matrix products everything that is done to a row is done in one visit. Rows are shared among threads in small parts,
/// sums over rows by columns, so that no result depends on the number of threads. Nothing is allocated after construction. The residual
/// stream, sums and gradients of parameters are fp32 whatever the operands are.
/// </remarks>
/// <typeparam name="T">How what products read is stored: weights, and whatever is as large as the hidden layers.</typeparam>
internal sealed unsafe class AdapterPass<T> : AdapterPass
    where T : unmanaged, IOperand<T>
{
    private const int RowPart = 16;

    private readonly ThreadTeam _team;
    private readonly IProducts<T> _products;
    private readonly AlignedBuffer _memory;
    private readonly float*[] _residual;
    private readonly T*[] _normal;
    private readonly float*[] _statistics;
    private readonly T*[] _slope;
    private readonly T*[] _activation;
    private readonly float* _projection;
    private readonly float* _norms;
    private readonly T* _hiddenGradient;
    private readonly float* _normalGradient;
    private readonly float* _residualGradient;
    private readonly T* _residualOperand;
    private readonly T* _embeddingOperand;
    private readonly Action<int> _normRows, _activateRows, _finishRows, _finishBackward, _slopeRows, _normBackward;
    private readonly float*[] _parameters;
    private readonly T*[] _weights;
    private readonly float*[] _gradients;
    private int _rows;
    private int _block;
    private float _keep;
    private DropoutMask _mask;

    /// <param name="shape">Sizes.</param>
    /// <param name="parameters">[shape.Length], laid out as the shape says; read, never written.</param>
    /// <param name="weights">The same, as products read them.</param>
    /// <param name="gradients">[shape.Length], or null where there is no backward pass.</param>
    /// <param name="capacity">The largest batch.</param>
    /// <param name="team">Threads.</param>
    /// <param name="products">Products, on the same threads.</param>
    public AdapterPass(
        AdapterShape shape, float* parameters, T* weights, float* gradients, int capacity, ThreadTeam team, IProducts<T> products)
        : base(shape, capacity)
    {
        (_team, _products) = (team, products);
        var count = shape.Parameters.Count;
        _parameters = new float*[count];
        _weights = new T*[count];
        _gradients = new float*[count];
        for (var i = 0; i < count; i++)
        {
            _parameters[i] = parameters + shape.Parameters[i].Offset;
            _weights[i] = weights + shape.Parameters[i].Offset;
            _gradients[i] = gradients == null ? null : gradients + shape.Parameters[i].Offset;
        }

        // Without a backward pass the blocks share their memory: two rows of the residual stream, one of everything else.
        var training = gradients != null;
        var blocks = shape.Depth;
        var kept = training ? blocks : Math.Min(blocks, 1);
        long narrow = (long)capacity * shape.Input, wide = (long)capacity * shape.Hidden;
        long output = (long)capacity * shape.Output;
        var streams = training ? blocks + 1 : Math.Min(blocks + 1, 2);
        var norms = training ? blocks + 1 : 1;
        var copies = training && T.Rounds;
        _memory = new AlignedBuffer(
            (streams * Floats<float>(narrow)) + (norms * (Floats<T>(narrow) + Floats<float>(2L * capacity))) + (kept * 2 * Floats<T>(wide))
            + (3 * Floats<float>(output)) + Floats<float>(capacity) + (training ? Floats<T>(wide) + (2 * Floats<float>(narrow)) : 0)
            + (copies ? Floats<T>(narrow) + Floats<T>(output) : 0));
        var next = _memory.Pointer;
        _residual = Take<float>(streams, blocks + 1, narrow, ref next);
        _normal = Take<T>(norms, blocks + 1, narrow, ref next);
        _statistics = Take<float>(norms, blocks + 1, 2L * capacity, ref next);
        _slope = Take<T>(kept, blocks, wide, ref next);
        _activation = Take<T>(kept, blocks, wide, ref next);
        _projection = Take<float>(1, 1, output, ref next)[0];
        Input = _residual[0];
        Embeddings = Take<float>(1, 1, output, ref next)[0];
        EmbeddingGradients = Take<float>(1, 1, output, ref next)[0];
        _norms = Take<float>(1, 1, capacity, ref next)[0];
        if (training)
        {
            _hiddenGradient = Take<T>(1, 1, wide, ref next)[0];
            _normalGradient = Take<float>(1, 1, narrow, ref next)[0];
            _residualGradient = Take<float>(1, 1, narrow, ref next)[0];
        }

        _residualOperand = copies ? Take<T>(1, 1, narrow, ref next)[0] : (T*)_residualGradient;
        _embeddingOperand = copies ? Take<T>(1, 1, output, ref next)[0] : (T*)EmbeddingGradients;
        _normRows = NormRows;
        _activateRows = ActivateRows;
        _finishRows = FinishRows;
        _finishBackward = FinishBackward;
        _slopeRows = SlopeRows;
        _normBackward = NormBackward;
    }

    /// <inheritdoc/>
    public override void Forward(int rows, AdapterDropout dropout)
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
                _products.Multiply(false, true, rows, hidden, input, _normal[_block], _weights[first + 2], _slope[_block]);
                ForRows(_activateRows);
                _products.Multiply(false, true, rows, input, hidden, _activation[_block], _weights[first + 4], 1, _residual[_block + 1]);
            }

            ForRows(_normRows);
            _products.Multiply(false, true, rows, output, input, _normal[_block], _weights[^2], 0, _projection);
        }
        else if (Shape.Kind == AdapterKind.Linear)
        {
            if (T.Rounds) throw new InvalidOperationException("Linear adapters are not trained, and what is not trained is fp32.");
            _products.Multiply(false, true, rows, output, input, (T*)Input, _weights[0], 0, _projection);
        }

        ForRows(_finishRows);
    }

    /// <inheritdoc/>
    public override void Backward(bool accumulate)
    {
        if (Shape.Kind == AdapterKind.Identity) return;
        if (Shape.Kind != AdapterKind.Mlp) throw new InvalidOperationException("Only MLP adapters are trained by gradient.");
        _keep = accumulate ? 1 : 0;
        var (rows, input, hidden, output) = (_rows, Shape.Input, Shape.Hidden, Shape.Output);
        _block = Shape.Depth;
        ForRows(_finishBackward);
        _products.Multiply(true, false, output, input, rows, _embeddingOperand, _normal[_block], _keep, _gradients[^2]);
        _products.Multiply(false, false, rows, input, output, _embeddingOperand, _weights[^2], 0, _normalGradient);
        _team.For(RowParts + Parts(input) + Parts(output), _normBackward);
        for (_block = Shape.Depth - 1; _block >= 0; _block--)
        {
            var first = _block * AdapterShape.PerBlock;
            _products.Multiply(true, false, input, hidden, rows, _residualOperand, _activation[_block], _keep, _gradients[first + 4]);
            _products.Multiply(false, false, rows, hidden, input, _residualOperand, _weights[first + 4], _hiddenGradient);
            _team.For(RowParts + Parts(input), _slopeRows);
            _products.Multiply(true, false, hidden, input, rows, _hiddenGradient, _normal[_block], _keep, _gradients[first + 2]);
            _products.Multiply(false, false, rows, input, hidden, _hiddenGradient, _weights[first + 2], 0, _normalGradient);
            _team.For(RowParts + Parts(input) + Parts(hidden), _normBackward);
        }
    }

    public override void Dispose() => _memory.Dispose();

    private int RowParts => Parts(_rows, RowPart);

    private static int Parts(int length, int part = ColumnKernels.Part) => (length + part - 1) / part;

    /// <summary>Floats whose memory holds so many items, in whole cache lines.</summary>
    private static long Floats<TItem>(long count)
        where TItem : unmanaged => ((count * sizeof(TItem)) + 63) / 64 * 16;

    private static TItem*[] Take<TItem>(int distinct, int uses, long count, ref float* next)
        where TItem : unmanaged
    {
        var taken = new TItem*[uses];
        var length = Floats<TItem>(count);
        for (var i = 0; i < uses; i++) taken[i] = (TItem*)(next + (i % Math.Max(distinct, 1) * length));
        next += distinct * length;
        return taken;
    }

    private void ForRows(Action<int> part) => _team.For(RowParts, part);

    private (int From, int To) Rows(int part) => (part * RowPart, Math.Min((part + 1) * RowPart, _rows));

    /// <summary>LayerNorm of the residual stream; the next block's stream begins with this one's plus the bias that its product
    /// lacks.</summary>
    private void NormRows(int part)
    {
        var width = Shape.Input;
        var last = _block == Shape.Depth;
        var first = _block * AdapterShape.PerBlock;
        var (from, to) = Rows(part);
        for (var r = from; r < to; r++)
        {
            var x = _residual[_block] + ((long)r * width);
            var (mean, inverse) = RowKernels.LayerNorm(
                x, _parameters[first], _parameters[first + 1], _normal[_block] + ((long)r * width), width);
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
            RowKernels.BiasGeluDropout(
                _slope[_block] + ((long)r * width), bias, _activation[_block] + ((long)r * width), in _mask, r, width);
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
            var row = (long)r * width;
            RowKernels.NormaliseBackward(EmbeddingGradients + row, Embeddings + row, _norms[r], width);
            if (T.Rounds) RowKernels.Round(EmbeddingGradients + row, _embeddingOperand + row, width);
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

        SumColumns((Fp32*)_residualGradient, Shape.Input, part - RowParts, _gradients[(_block * AdapterShape.PerBlock) + 5]);
    }

    /// <summary>Rows: the gradient through LayerNorm. Columns: those of γ and β, then of the bias before it in the backward
    /// order.</summary>
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
                if (T.Rounds) RowKernels.Round(_residualGradient + row, _residualOperand + row, width);
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
        if (last) SumColumns((Fp32*)EmbeddingGradients, Shape.Output, part, _gradients[^1]);
        else SumColumns(_hiddenGradient, Shape.Hidden, part, _gradients[first + 3]);
    }

    private void SumColumns<TItem>(TItem* x, int width, int part, float* total)
        where TItem : unmanaged, IOperand<TItem>
    {
        var from = part * ColumnKernels.Part;
        ColumnKernels.Sum(x, _rows, width, from, Math.Min(from + ColumnKernels.Part, width), _keep, total);
    }
}
