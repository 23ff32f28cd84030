using FuseMix.Core.Mixing;
using FuseMix.Core.Randomness;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training;

/// <summary>Brings the latents of one step into the adapters: gather, mix, transform, augment.</summary>
/// <remarks>
/// Mixing and every transform are affine with weights that sum to one, so that latents are mixed first, which halves the work of the
/// transform. Noise and quantization act on what the adapter sees.
/// </remarks>
internal sealed unsafe class BatchPreparation : IDisposable
{
    private const int RowPart = 16;

    private readonly ThreadTeam _team;
    private readonly ParallelMatrixMultiply _matrices;
    private readonly TrainingRecipe _recipe;
    private readonly ulong _seed;
    private readonly TrainingData _data;
    private readonly IReadOnlyDictionary<Modality, LatentTransform> _transforms;
    private readonly BatchSampler[] _samplers;
    private readonly Dictionary<Modality, AlignedBuffer> _raw = [];
    private readonly int[] _pairs;
    private readonly int[][] _rows = [[], []];
    private readonly double? _noise;
    private readonly int[]? _groups;
    private readonly Action<int> _gatherSide;
    private readonly Action<int> _mixRows;
    private readonly Action<int> _augment;
    private int _list;
    private int _batch;
    private double _lambda;
    private long _step;
    private Modality _modality;
    private float* _latents;
    private float* _input;
    private int _width;

    public BatchPreparation(
        TrainingData data,
        IReadOnlyDictionary<Modality, LatentTransform> transforms,
        TrainingRecipe recipe,
        ulong seed,
        ThreadTeam team,
        ParallelMatrixMultiply matrices)
    {
        (_data, _transforms, _recipe, _seed, _team, _matrices) = (data, transforms, recipe, seed, team, matrices);
        MixingVariant? variant = recipe.Augmentation == Augmentation.FuseMix ? recipe.Mixing ?? MixingVariant.Halves : null;
        _samplers =
            [.. data.Pairs.Select((list, i) => new BatchSampler(seed, i, list.Train.Count, recipe.BatchSize, variant, recipe.Alpha ?? 1))];
        _noise = recipe.NoiseSigma ?? (recipe.Augmentation == Augmentation.GaussianNoise ? 0.01 : null);
        StepsPerEpoch = _samplers.Max(s => s.StepsPerEpoch);
        Epochs = recipe.Epochs ?? (recipe.Steps!.Value + StepsPerEpoch - 1) / StepsPerEpoch;
        var most = _samplers.Max(s => s.Batch);
        _pairs = new int[2 * most];
        _rows = [new int[2 * most], new int[2 * most]];
        foreach (var (modality, source) in data.Latents) _raw[modality] = new AlignedBuffer(2L * most * source.Latents.Dimension);
        _groups = recipe.Negatives == Recipe.Negatives.OtherGroups ? new int[2 * most] : null;
        _gatherSide = GatherSide;
        _mixRows = MixRows;
        _augment = Augment;
    }

    /// <summary>One sampler per list of pairs.</summary>
    public IReadOnlyList<BatchSampler> Samplers => _samplers;

    /// <summary>Steps of an epoch: those of the longest list.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>Epochs of the run, the last one begun included.</summary>
    public int Epochs { get; }

    /// <summary>Puts a batch of one list into the inputs of both its adapters; returns what the network needs to know of it.</summary>
    public StepBatch Prepare(int list, long step, IFusionNetwork network)
    {
        (_list, _step) = (list, step);
        var sampler = _samplers[list];
        _batch = sampler.Batch;
        _lambda = sampler.Fill(step, _pairs.AsSpan(0, _batch), _pairs.AsSpan(_batch, _batch), AlphaAt(step));
        _team.For(2, _gatherSide);
        for (var side = 0; side < 2; side++)
        {
            _modality = side == 0 ? _data.Pairs[list].Left : _data.Pairs[list].Right;
            _latents = _raw[_modality].Pointer;
            _width = _data.Latents[_modality].Latents.Dimension;
            if (sampler.Mixes) _team.For(RowParts, _mixRows);
            _input = network.Input(_modality);
            _transforms[_modality].Apply(_latents, _batch, _input, _matrices);
            _width = _transforms[_modality].Output;
            if (_noise is not null) _team.For(RowParts, _augment);
            else if (_recipe.Augmentation == Augmentation.RandomQuantization) _team.For((_width + RowPart - 1) / RowPart, _augment);
        }

        return new StepBatch(_batch, step, Negatives());
    }

    /// <summary>The first training row of the last batch that holds no number or an infinite one; null where all are sound.</summary>
    public (Modality Modality, int Row)? FindUnsound()
    {
        for (var side = 0; side < 2; side++)
        {
            var modality = side == 0 ? _data.Pairs[_list].Left : _data.Pairs[_list].Right;
            var latents = _data.Latents[modality].Latents;
            var row = new float[latents.Dimension];
            foreach (var index in _rows[side].AsSpan(0, Rows))
            {
                latents.Gather([index], row);
                if (!row.All(float.IsFinite)) return (modality, index);
            }
        }

        return null;
    }

    public void Dispose()
    {
        foreach (var buffer in _raw.Values) buffer.Dispose();
    }

    /// <summary>α in the epoch of a step: from the first epoch's to the last one's in equal parts.</summary>
    private double? AlphaAt(long step)
    {
        if (_recipe.AlphaEnd is not { } end) return null;
        var start = _recipe.Alpha ?? 1;
        return start + ((end - start) * (step / StepsPerEpoch) / Math.Max(Epochs - 1, 1));
    }

    private NegativeWeights Negatives()
    {
        if (_groups is null) return default;
        var pairs = _data.Pairs[_list].Train;
        var of = pairs.Groups ?? pairs.Left;
        var second = _samplers[_list].Mixes ? _batch : 0;
        for (var i = 0; i < _batch; i++)
        {
            _groups[i] = of[_pairs[i]];
            _groups[_batch + i] = of[_pairs[second + i]];
        }

        return new NegativeWeights(_groups, _batch, _lambda);
    }

    private int Rows => _samplers[_list].Mixes ? 2 * _batch : _batch;

    private int RowParts => (_batch + RowPart - 1) / RowPart;

    private void GatherSide(int side)
    {
        var list = _data.Pairs[_list];
        var modality = side == 0 ? list.Left : list.Right;
        var of = side == 0 ? list.Train.Left : list.Train.Right;
        var rows = _rows[side].AsSpan(0, Rows);
        for (var i = 0; i < rows.Length; i++) rows[i] = of[_pairs[i]];
        var latents = _data.Latents[modality].Latents;
        latents.Gather(rows, _raw[modality].Span[..(rows.Length * latents.Dimension)]);
    }

    private void MixRows(int part)
    {
        var from = part * RowPart;
        var length = (Math.Min(from + RowPart, _batch) - from) * _width;
        var first = new Span<float>(_latents + ((long)from * _width), length);
        var second = new ReadOnlySpan<float>(_latents + ((long)(_batch + from) * _width), length);
        LatentMixing.Interpolate(first, second, _lambda, first);
    }

    private void Augment(int part)
    {
        var stream = (_list * 4) + (int)_modality;
        var from = part * RowPart;
        if (_noise is { } sigma)
        {
            var values = new Span<float>(_input + ((long)from * _width), (Math.Min(from + RowPart, _batch) - from) * _width);
            LatentMixing.AddGaussianNoise(
                values, sigma, _seed, RandomStream.Id(StreamPurpose.Noise, stream, _step), (long)from * _width);
        }
        else
        {
            LatentMixing.Quantize(
                new Span<float>(_input, _batch * _width),
                _width,
                from,
                Math.Min(from + RowPart, _width),
                _recipe.QuantizationBins ?? 16,
                _seed,
                RandomStream.Id(StreamPurpose.Quantization, stream, _step));
        }
    }
}
