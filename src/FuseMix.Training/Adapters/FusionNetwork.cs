using FuseMix.Core.Randomness;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>The bounds of the learned temperature.</summary>
internal sealed record TemperatureRange(double Initial, double Least, double Most);

/// <summary>The network on the CPU.</summary>
internal sealed unsafe class FusionNetwork : IFusionNetwork
{
    private const long UpdatePart = 1 << 16;

    private readonly ThreadTeam _team;
    private readonly AdapterPass[] _passes;
    private readonly PairLoss _loss;
    private readonly TemperatureRange _temperature;
    private readonly double _dropout;
    private readonly ulong _seed;
    private readonly (long Offset, long Count, bool Decays)[] _updates;
    private readonly Action<int> _update;
    private readonly bool[] _touched;
    private readonly AlignedBuffer? _operands;
    private readonly OneDnnBFloat16Products? _bfloat16;
    private readonly Action<int> _average;
    private AdamW _adamW;
    private float _keep;

    /// <exception cref="FuseMixException">The precision is more than this machine can do.</exception>
    public FusionNetwork(
        NetworkLayout layout,
        TemperatureRange temperature,
        double dropout,
        ulong seed,
        ThreadTeam team,
        IMatrixMultiply kernel,
        TrainingPrecision precision = TrainingPrecision.Fp32)
    {
        if (precision == TrainingPrecision.Bf16) OneDnnBFloat16Products.RequireSupport();
        (Layout, _team, _temperature, _dropout, _seed) = (layout, team, temperature, dropout, seed);
        var matrices = new ParallelMatrixMultiply(team, kernel);
        State = new NetworkState(layout);
        Gradients = new AlignedBuffer(layout.Length);
        if (precision == TrainingPrecision.Bf16)
        {
            _operands = new AlignedBuffer((layout.Length + 1) / 2);
            _bfloat16 = new OneDnnBFloat16Products(team);
            _passes = [.. layout.Adapters.Select(a => Pass(a, Operands, _bfloat16))];
        }
        else
        {
            _passes = [.. layout.Adapters.Select(a => Pass(a, (Fp32*)State.Parameters.Pointer, matrices))];
        }

        _loss = PairLoss.Create(layout.Loss, layout.Pairs.Max(p => p.Batch), team, matrices);
        _touched = new bool[_passes.Length];
        _updates = [.. Updates()];
        _update = part =>
        {
            var (offset, count, decays) = _updates[part];
            _adamW.Apply(
                State.Parameters.Pointer + offset,
                Gradients.Pointer + offset,
                State.Means.Pointer + offset,
                State.Squares.Pointer + offset,
                count,
                decays,
                Operands == null ? null : Operands + offset);
        };
        _average = part =>
        {
            var (offset, count, _) = _updates[part];
            RowKernels.MoveTowards(State.Averages!.Pointer + offset, State.Parameters.Pointer + offset, _keep, (int)count);
        };

        AdapterPass Pass<T>(NetworkAdapter adapter, T* weights, IProducts<T> products)
            where T : unmanaged, IOperand<T> => new AdapterPass<T>(
                adapter.Shape,
                State.Parameters.Pointer + adapter.Offset,
                weights + adapter.Offset,
                Gradients.Pointer + adapter.Offset,
                layout.Capacity(adapter.Modality),
                team,
                products);
    }

    /// <inheritdoc/>
    public NetworkLayout Layout { get; }

    /// <inheritdoc/>
    public NetworkState State { get; }

    /// <summary>Laid out as the parameters.</summary>
    public AlignedBuffer Gradients { get; }

    /// <inheritdoc/>
    public float Temperature
    {
        get => State.Parameters.Pointer[Layout.TemperatureOffset];
        set => State.Parameters.Pointer[Layout.TemperatureOffset] = value;
    }

    /// <summary>The loss's derivative with respect to τ.</summary>
    public float TemperatureGradient => Gradients.Pointer[Layout.TemperatureOffset];

    /// <summary>The parameters as products read them, laid out as they are; null where those read the parameters themselves.</summary>
    private Bf16* Operands => _operands is null ? null : (Bf16*)_operands.Pointer;

    /// <summary>The bias of the loss; 0 where it has none.</summary>
    private float Bias => Layout.Loss == ContrastiveLoss.Sigmoid ? State.Parameters.Pointer[Layout.BiasOffset] : 0;

    /// <inheritdoc/>
    public float* Input(Modality modality) => _passes[Layout.IndexOf(modality)].Input;

    /// <summary>Unit-length results of the last forward pass of a modality.</summary>
    public float* Embeddings(Modality modality) => _passes[Layout.IndexOf(modality)].Embeddings;

    /// <inheritdoc/>
    public void Begin()
    {
        Temperature = Math.Clamp(Temperature, (float)_temperature.Least, (float)_temperature.Most);
        Array.Clear(_touched);
        new Span<float>(Gradients.Pointer + Layout.TemperatureOffset, Layout.LossParameters).Clear();
    }

    /// <inheritdoc/>
    public double Accumulate(int list, StepBatch batch)
    {
        var (rows, step) = (batch.Rows, batch.Step);
        var (left, right) = (Layout.IndexOf(Layout.Pairs[list].Left), Layout.IndexOf(Layout.Pairs[list].Right));
        var (a, b) = (_passes[left], _passes[right]);
        a.Forward(rows, Dropout(list, left, step));
        b.Forward(rows, Dropout(list, right, step));
        var loss = _loss.Compute(
            a.Embeddings, b.Embeddings, rows, a.Shape.Output, Temperature, Bias, batch.Negatives, a.EmbeddingGradients,
            b.EmbeddingGradients);
        Gradients.Pointer[Layout.TemperatureOffset] += (float)loss.Temperature;
        if (Layout.Loss == ContrastiveLoss.Sigmoid) Gradients.Pointer[Layout.BiasOffset] += (float)loss.Bias;
        a.Backward(_touched[left]);
        b.Backward(_touched[right]);
        _touched[left] = _touched[right] = true;
        return loss.Loss;
    }

    /// <inheritdoc/>
    public void Update(AdamW adamW)
    {
        _adamW = adamW;
        _team.For(_updates.Length, _update);
    }

    /// <inheritdoc/>
    public void Average(float keep)
    {
        _keep = keep;
        _team.For(_updates.Length, _average);
    }

    /// <inheritdoc/>
    /// <remarks>The state is the device's own.</remarks>
    public void Pull()
    {
    }

    /// <inheritdoc/>
    /// <remarks>The state is the device's own, but for what products read of it in bf16.</remarks>
    public void Push()
    {
        if (Operands != null) RowKernels.Round(State.Parameters.Pointer, Operands, Layout.Length);
    }

    public void Dispose()
    {
        foreach (var pass in _passes) pass.Dispose();
        _bfloat16?.Dispose();
        _operands?.Dispose();
        _loss.Dispose();
        State.Dispose();
        Gradients.Dispose();
    }

    private AdapterDropout Dropout(int list, int adapter, long step)
    {
        if (_dropout == 0) return AdapterDropout.None;
        var part = ((list * 4) + (int)Layout.Adapters[adapter].Modality) * AdapterShape.MaxDepth;
        return new AdapterDropout(_dropout, _seed, RandomStream.Id(StreamPurpose.Dropout, part, step));
    }

    private IEnumerable<(long Offset, long Count, bool Decays)> Updates()
    {
        foreach (var adapter in Layout.Adapters)
        {
            foreach (var parameter in adapter.Shape.Parameters)
            {
                for (long start = 0; start < parameter.Length; start += UpdatePart)
                {
                    yield return (adapter.Offset + parameter.Offset + start, Math.Min(UpdatePart, parameter.Length - start), parameter.IsMatrix);
                }
            }
        }

        yield return (Layout.TemperatureOffset, Layout.LossParameters, false);
    }
}
