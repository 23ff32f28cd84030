using FuseMix.Core.Mixing;
using FuseMix.Core.Randomness;
using FuseMix.Training.Adapters;

namespace FuseMix.Training;

/// <summary>Which pairs of one list a step takes, and λ: a function of seed, list and step alone.</summary>
internal sealed class BatchSampler
{
    private readonly ulong _seed;
    private readonly int _list;
    private readonly MixingVariant? _variant;
    private readonly double _alpha;
    private readonly int[] _order;
    private readonly int[] _secondOrder;
    private long _epoch = -1;

    /// <param name="seed">Seed of the run.</param>
    /// <param name="list">Index of the list of pairs.</param>
    /// <param name="pairs">Number of pairs.</param>
    /// <param name="batch">Pairs wanted in a batch after mixing.</param>
    /// <param name="variant">How pairs are mixed; null for not at all.</param>
    /// <param name="alpha">λ ~ Beta(α, α).</param>
    public BatchSampler(ulong seed, int list, int pairs, int batch, MixingVariant? variant, double alpha)
    {
        (_seed, _list, _variant, _alpha) = (seed, list, variant, alpha);
        var perMixed = variant == MixingVariant.Halves ? 2 : 1;
        if (pairs < 2 * perMixed)
            throw new FuseMixException(FailureKind.Invalid, $"{pairs} training pairs are too few: at least {2 * perMixed} are needed.");
        Batch = Math.Min(batch, pairs / perMixed);
        StepsPerEpoch = pairs / (Batch * perMixed);
        _order = new int[pairs];
        _secondOrder = variant == MixingVariant.TwoBatches ? new int[pairs] : [];
    }

    /// <summary>Pairs in a batch after mixing; fewer than wanted where the data have fewer.</summary>
    public int Batch { get; }

    /// <summary>Steps in which every pair is seen once, but for a rest that does not fill a batch.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Whether a batch needs two pairs for each one it gives.</summary>
    public bool Mixes => _variant is not null;

    /// <summary>Names the pairs of a step.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="first">Out: [Batch] pairs.</param>
    /// <param name="second">Out: [Batch] pairs to mix them with; untouched where nothing is mixed.</param>
    /// <param name="alpha">α of this step; that of the run where not given.</param>
    /// <returns>λ; 1 where nothing is mixed.</returns>
    public double Fill(long step, Span<int> first, Span<int> second, double? alpha = null)
    {
        var (epoch, position) = Math.DivRem(step, StepsPerEpoch);
        if (epoch != _epoch)
        {
            Shuffle(_order, StreamPurpose.Shuffle, epoch);
            Shuffle(_secondOrder, StreamPurpose.SecondShuffle, epoch);
            _epoch = epoch;
        }

        var start = (int)position * Batch;
        switch (_variant)
        {
            case null:
                _order.AsSpan(start, Batch).CopyTo(first);
                return 1;
            case MixingVariant.Halves:
                _order.AsSpan(2 * start, Batch).CopyTo(first);
                _order.AsSpan((2 * start) + Batch, Batch).CopyTo(second);
                break;
            case MixingVariant.TwoBatches:
                _order.AsSpan(start, Batch).CopyTo(first);
                _secondOrder.AsSpan(start, Batch).CopyTo(second);
                break;
            default:
                _order.AsSpan(start, Batch).CopyTo(first);
                first.CopyTo(second);
                new RandomStream(_seed, RandomStream.Id(StreamPurpose.Partner, _list, step)).Shuffle(second[..Batch]);
                break;
        }

        return new RandomStream(_seed, RandomStream.Id(StreamPurpose.Lambda, _list, step)).NextBeta(alpha ?? _alpha);
    }

    private void Shuffle(int[] order, byte purpose, long epoch)
    {
        for (var i = 0; i < order.Length; i++) order[i] = i;
        new RandomStream(_seed, RandomStream.Id(purpose, _list, epoch)).Shuffle(order.AsSpan());
    }
}
