using FuseMix.Randomness;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Adapters;

/// <summary>One list of pairs as the network sees it.</summary>
/// <param name="Left">Modality of the left side.</param>
/// <param name="Right">Modality of the right side.</param>
/// <param name="Batch">Pairs in a batch, after mixing.</param>
internal sealed record NetworkPairs(Modality Left, Modality Right, int Batch);

/// <summary>The bounds of the learned temperature.</summary>
internal sealed record TemperatureRange(double Initial, double Least, double Most);

/// <summary>The adapters of all modalities and τ, with gradients and AdamW's moments, each in one flat run of memory.</summary>
internal sealed unsafe class FusionNetwork : IDisposable
{
    private const long UpdatePart = 1 << 16;

    private readonly ThreadTeam _team;
    private readonly NetworkPairs[] _pairs;
    private readonly Modality[] _modalities;
    private readonly AdapterShape[] _shapes;
    private readonly long[] _offsets;
    private readonly AdapterPass[] _passes;
    private readonly InfoNce _loss;
    private readonly TemperatureRange _temperature;
    private readonly double _dropout;
    private readonly ulong _seed;
    private readonly (long Offset, long Count, bool Decays)[] _updates;
    private readonly Action<int> _update;
    private readonly bool[] _touched;
    private AdamW _adamW;

    public FusionNetwork(
        IReadOnlyDictionary<Modality, AdapterShape> adapters,
        IReadOnlyList<NetworkPairs> pairs,
        TemperatureRange temperature,
        double dropout,
        ulong seed,
        ThreadTeam team,
        IMatrixMultiply kernel)
    {
        (_team, _pairs, _temperature, _dropout, _seed) = (team, [.. pairs], temperature, dropout, seed);
        var matrices = new ParallelMatrixMultiply(team, kernel);
        _modalities = [.. adapters.Keys.Order()];
        _shapes = [.. _modalities.Select(m => adapters[m])];
        _offsets = new long[_shapes.Length];
        long length = 0;
        for (var i = 0; i < _shapes.Length; i++)
        {
            _offsets[i] = length;
            length += _shapes[i].Length;
        }

        TemperatureOffset = length;
        length += 16;
        Parameters = new AlignedBuffer(length);
        Gradients = new AlignedBuffer(length);
        Means = new AlignedBuffer(length);
        Squares = new AlignedBuffer(length);

        _passes = new AdapterPass[_shapes.Length];
        for (var i = 0; i < _passes.Length; i++)
        {
            var capacity = pairs.Where(p => p.Left == _modalities[i] || p.Right == _modalities[i]).Max(p => p.Batch);
            _passes[i] = new AdapterPass(_shapes[i], Parameters.Pointer + _offsets[i], Gradients.Pointer + _offsets[i], capacity, team, matrices);
        }

        _loss = new InfoNce(pairs.Max(p => p.Batch), team, matrices);
        _touched = new bool[_shapes.Length];
        _updates = [.. Updates()];
        _update = part =>
        {
            var (offset, count, decays) = _updates[part];
            _adamW.Apply(Parameters.Pointer + offset, Gradients.Pointer + offset, Means.Pointer + offset, Squares.Pointer + offset, count, decays);
        };
    }

    /// <summary>Weights of every adapter in the order of <see cref="Modality"/>, then τ.</summary>
    public AlignedBuffer Parameters { get; }

    /// <summary>Laid out as <see cref="Parameters"/>.</summary>
    public AlignedBuffer Gradients { get; }

    /// <summary>AdamW's first moments, laid out as <see cref="Parameters"/>.</summary>
    public AlignedBuffer Means { get; }

    /// <summary>AdamW's second moments, laid out as <see cref="Parameters"/>.</summary>
    public AlignedBuffer Squares { get; }

    /// <summary>Every modality with its adapter's shape and where its parameters start.</summary>
    public IEnumerable<(Modality Modality, AdapterShape Shape, long Offset)> Adapters =>
        _modalities.Select((m, i) => (m, _shapes[i], _offsets[i]));

    /// <summary>Where τ is among the parameters.</summary>
    public long TemperatureOffset { get; }

    /// <summary>τ.</summary>
    public float Temperature
    {
        get => Parameters.Pointer[TemperatureOffset];
        set => Parameters.Pointer[TemperatureOffset] = value;
    }

    /// <summary>The loss's derivative with respect to τ.</summary>
    public float TemperatureGradient => Gradients.Pointer[TemperatureOffset];

    /// <summary>Numbers that are learned, τ included.</summary>
    public long Learned => _shapes.Sum(s => s.Learned) + 1;

    /// <summary>Gives every weight its initial value: PyTorch's defaults for Linear (uniform within ±1/√fan-in) and LayerNorm.</summary>
    public void Initialise()
    {
        for (var i = 0; i < _shapes.Length; i++)
        {
            for (var p = 0; p < _shapes[i].Parameters.Count; p++)
            {
                var parameter = _shapes[i].Parameters[p];
                var values = Parameters.Pointer + _offsets[i] + parameter.Offset;
                if (IsNormParameter(_shapes[i], p))
                {
                    new Span<float>(values, (int)parameter.Length).Fill(parameter.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
                    continue;
                }

                var random = new RandomStream(_seed, RandomStream.Id(StreamPurpose.InitialWeights, (int)_modalities[i], p));
                var bound = 1 / Math.Sqrt(parameter.FanIn);
                for (long v = 0; v < parameter.Length; v++) values[v] = (float)(bound * ((2 * random.NextDouble()) - 1));
            }
        }

        Temperature = (float)_temperature.Initial;
    }

    /// <summary>Where a batch of a modality goes, [batch × adapter input].</summary>
    public float* Input(Modality modality) => _passes[Index(modality)].Input;

    /// <summary>Unit-length results of the last forward pass of a modality.</summary>
    public float* Embeddings(Modality modality) => _passes[Index(modality)].Embeddings;

    /// <summary>Begins a step: τ is brought into its bounds, gradients count as empty.</summary>
    public void Begin()
    {
        Temperature = Math.Clamp(Temperature, (float)_temperature.Least, (float)_temperature.Most);
        Array.Clear(_touched);
        Gradients.Pointer[TemperatureOffset] = 0;
    }

    /// <summary>Forward and backward pass of one list of pairs, whose batch lies in both <see cref="Input"/>s.</summary>
    /// <returns>The loss.</returns>
    public double Accumulate(int list, int rows, long step)
    {
        var (left, right) = (Index(_pairs[list].Left), Index(_pairs[list].Right));
        var (a, b) = (_passes[left], _passes[right]);
        a.Forward(rows, Dropout(list, left, step));
        b.Forward(rows, Dropout(list, right, step));
        var (loss, slope) = _loss.Compute(a.Embeddings, b.Embeddings, rows, a.Shape.Output, Temperature, a.EmbeddingGradients, b.EmbeddingGradients);
        Gradients.Pointer[TemperatureOffset] += (float)slope;
        a.Backward(_touched[left]);
        b.Backward(_touched[right]);
        _touched[left] = _touched[right] = true;
        return loss;
    }

    /// <summary>One AdamW update of everything.</summary>
    public void Update(AdamW adamW)
    {
        _adamW = adamW;
        _team.For(_updates.Length, _update);
    }

    public void Dispose()
    {
        foreach (var pass in _passes) pass.Dispose();
        _loss.Dispose();
        Parameters.Dispose();
        Gradients.Dispose();
        Means.Dispose();
        Squares.Dispose();
    }

    private int Index(Modality modality) => Array.IndexOf(_modalities, modality);

    private static bool IsNormParameter(AdapterShape shape, int index)
    {
        if (shape.Kind != AdapterKind.Mlp) return false;
        var blocks = shape.Depth * AdapterShape.PerBlock;
        return index < blocks ? index % AdapterShape.PerBlock < 2 : index < blocks + 2;
    }

    private AdapterDropout Dropout(int list, int modality, long step) => _dropout == 0
        ? AdapterDropout.None
        : new AdapterDropout(_dropout, _seed, RandomStream.Id(StreamPurpose.Dropout, ((list * 4) + (int)_modalities[modality]) * AdapterShape.MaxDepth, step));

    private IEnumerable<(long Offset, long Count, bool Decays)> Updates()
    {
        for (var i = 0; i < _shapes.Length; i++)
        {
            foreach (var parameter in _shapes[i].Parameters)
            {
                for (long start = 0; start < parameter.Length; start += UpdatePart)
                {
                    yield return (_offsets[i] + parameter.Offset + start, Math.Min(UpdatePart, parameter.Length - start), parameter.IsMatrix);
                }
            }
        }

        yield return (TemperatureOffset, 1, false);
    }
}
