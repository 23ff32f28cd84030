using FuseMix.Core.Randomness;
using FuseMix.Training.Kernels;

namespace FuseMix.Training.Adapters;

/// <summary>One list of pairs as the network sees it.</summary>
/// <param name="Left">Modality of the left side.</param>
/// <param name="Right">Modality of the right side.</param>
/// <param name="Batch">Pairs in a batch, after mixing.</param>
internal sealed record NetworkPairs(Modality Left, Modality Right, int Batch);

/// <summary>One adapter of a network.</summary>
/// <param name="Modality">Whose latents it takes.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Offset">Where its parameters start among those of the network.</param>
internal sealed record NetworkAdapter(Modality Modality, AdapterShape Shape, long Offset);

/// <summary>What a network consists of, and where each parameter lies in one flat run of memory: the same on every device.</summary>
internal sealed class NetworkLayout
{
    public NetworkLayout(
        IReadOnlyDictionary<Modality, AdapterShape> adapters,
        IReadOnlyList<NetworkPairs> pairs,
        ContrastiveLoss loss = ContrastiveLoss.InfoNce,
        bool averages = false)
    {
        (Pairs, Loss, Averages) = (pairs, loss, averages);
        var list = new List<NetworkAdapter>();
        foreach (var (modality, shape) in adapters.OrderBy(a => a.Key))
        {
            list.Add(new NetworkAdapter(modality, shape, TemperatureOffset));
            TemperatureOffset += shape.Length;
        }

        Adapters = list;
    }

    /// <summary>Every adapter, in the order of <see cref="Modality"/>.</summary>
    public IReadOnlyList<NetworkAdapter> Adapters { get; }

    /// <summary>Every list of pairs.</summary>
    public IReadOnlyList<NetworkPairs> Pairs { get; }

    /// <summary>What the pairs of a batch are compared by.</summary>
    public ContrastiveLoss Loss { get; }

    /// <summary>Whether the network keeps moving averages of its parameters.</summary>
    public bool Averages { get; }

    /// <summary>Where τ is: behind the adapters.</summary>
    public long TemperatureOffset { get; }

    /// <summary>Where the sigmoid loss has its bias: behind τ, in what is padding with InfoNCE.</summary>
    public long BiasOffset => TemperatureOffset + 1;

    /// <summary>Numbers that the loss learns, from <see cref="TemperatureOffset"/> on: τ, and the bias where it has one. They do not
    /// decay.</summary>
    public int LossParameters => Loss == ContrastiveLoss.Sigmoid ? 2 : 1;

    /// <summary>Floats that all parameters take, padding included.</summary>
    public long Length => TemperatureOffset + 16;

    /// <summary>Numbers that are learned, those of the loss included.</summary>
    public long Learned => Adapters.Sum(a => a.Shape.Learned) + LossParameters;

    /// <summary>Index of a modality's adapter.</summary>
    public int IndexOf(Modality modality)
    {
        for (var i = 0; i < Adapters.Count; i++)
        {
            if (Adapters[i].Modality == modality) return i;
        }

        throw new ArgumentOutOfRangeException(nameof(modality), modality, "No adapter.");
    }

    /// <summary>The largest batch that a modality sees.</summary>
    public int Capacity(Modality modality) => Pairs.Where(p => p.Left == modality || p.Right == modality).Max(p => p.Batch);

    /// <summary>Gives every weight its initial value: PyTorch's defaults for Linear (uniform within ±1/√fan-in) and LayerNorm.</summary>
    public unsafe void Initialise(AlignedBuffer parameters, ulong seed, double temperature, double bias = 0)
    {
        foreach (var adapter in Adapters)
        {
            for (var p = 0; p < adapter.Shape.Parameters.Count; p++)
            {
                var parameter = adapter.Shape.Parameters[p];
                var values = parameters.Pointer + adapter.Offset + parameter.Offset;
                if (IsNormParameter(adapter.Shape, p))
                {
                    new Span<float>(values, (int)parameter.Length).Fill(
                        parameter.Name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
                    continue;
                }

                var random = new RandomStream(seed, RandomStream.Id(StreamPurpose.InitialWeights, (int)adapter.Modality, p));
                var bound = 1 / Math.Sqrt(parameter.FanIn);
                for (long v = 0; v < parameter.Length; v++) values[v] = (float)(bound * ((2 * random.NextDouble()) - 1));
            }
        }

        parameters.Pointer[TemperatureOffset] = (float)temperature;
        if (Loss == ContrastiveLoss.Sigmoid) parameters.Pointer[BiasOffset] = (float)bias;
    }

    /// <summary>In words, for comparing with that of a checkpoint.</summary>
    public override string ToString() => string.Join(
        "; ",
        Adapters.Select(a => $"{TrainingData.Name(a.Modality)} {a.Shape.Kind} {a.Shape.Input} → {a.Shape.Output}, depth {a.Shape.Depth}"));

    private static bool IsNormParameter(AdapterShape shape, int index)
    {
        if (shape.Kind != AdapterKind.Mlp) return false;
        var blocks = shape.Depth * AdapterShape.PerBlock;
        return index < blocks ? index % AdapterShape.PerBlock < 2 : index < blocks + 2;
    }
}
