using FuseMix.Core.Schedules;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training;

/// <summary>All memory and state of one training run; on the CPU <see cref="Step"/> allocates nothing.</summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly TrainingRecipe _recipe;
    private readonly BatchPreparation _batches;
    private readonly int _lists;

    public TrainingSession(
        TrainingData data,
        TrainingRecipe recipe,
        ulong seed,
        IReadOnlyDictionary<Modality, LatentTransform> transforms,
        ThreadTeam team,
        IMatrixMultiply kernel,
        Func<NetworkLayout, IFusionNetwork> device)
    {
        _recipe = recipe;
        _lists = data.Pairs.Count;
        Transforms = transforms;
        _batches = new BatchPreparation(data, transforms, recipe, seed, team, new ParallelMatrixMultiply(team, kernel));
        var shared = recipe.SharedDimension ?? SharedByIdentity(data, transforms, recipe);
        var shapes = data.Latents.ToDictionary(l => l.Key, l => ShapeOf(l.Key, l.Value, transforms[l.Key].Output, recipe, shared));
        foreach (var list in data.Pairs)
        {
            if (shapes[list.Left].Kind == AdapterKind.Identity && shapes[list.Right].Kind == AdapterKind.Identity)
            {
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"Both {TrainingData.Name(list.Left)} and {TrainingData.Name(list.Right)} have an identity adapter: there is "
                        + "nothing to train.",
                    "Give one of them an mlp adapter.");
            }
        }

        var pairs = data.Pairs.Select((list, i) => new NetworkPairs(list.Left, list.Right, _batches.Samplers[i].Batch)).ToArray();
        PairsPerStep = pairs.Sum(p => p.Batch);
        (StepsPerEpoch, Epochs) = (_batches.StepsPerEpoch, _batches.Epochs);
        Steps = recipe.Steps ?? checked(Epochs * StepsPerEpoch);
        Schedule = new WarmUpCosine(recipe.LearningRate, recipe.LearningRateFloor, StepsPerEpoch, Epochs);
        Network = device(new NetworkLayout(shapes, pairs, recipe.Loss ?? ContrastiveLoss.InfoNce, recipe.AverageDecay is not null));
    }

    public IFusionNetwork Network { get; }

    public IReadOnlyDictionary<Modality, LatentTransform> Transforms { get; }

    public WarmUpCosine Schedule { get; }

    public int Steps { get; }

    public int Epochs { get; }

    public int StepsPerEpoch { get; }

    /// <summary>Mixed pairs that one step sees, over all lists.</summary>
    public int PairsPerStep { get; }

    /// <summary>Steps done.</summary>
    public int Done { get; set; }

    /// <summary>One optimiser step; returns the loss before it.</summary>
    /// <exception cref="FuseMixException">The loss is no number.</exception>
    public double Step()
    {
        Network.Begin();
        var loss = 0.0;
        for (var list = 0; list < _lists; list++)
        {
            loss += Network.Accumulate(list, _batches.Prepare(list, Done, Network));
            if (!double.IsFinite(loss)) throw Diverged(Done + 1);
        }

        Network.Update(new AdamW(Schedule.At(Done), _recipe.WeightDecay, _recipe.Beta1, _recipe.Beta2, _recipe.Epsilon, Done + 1));
        Done++;

        // As TensorFlow's: a short memory at first, so that the initial weights are forgotten.
        if (_recipe.AverageDecay is { } decay) Network.Average((float)Math.Min(decay, (1.0 + Done) / (10.0 + Done)));
        return loss;
    }

    /// <summary>Gives the network its initial weights.</summary>
    public void Initialise(ulong seed)
    {
        Network.Layout.Initialise(Network.State.Parameters, seed, _recipe.Temperature, _recipe.Bias ?? -10);
        if (Network.State.Averages is { } averages) Network.State.Parameters.Span.CopyTo(averages.Span);
        Network.Push();
    }

    /// <summary>The weights that are validated and kept: the averages where there are any, else those of the last step.</summary>
    public float[] Weights()
    {
        Network.Pull();
        return (Network.State.Averages ?? Network.State.Parameters).Span.ToArray();
    }

    public void Dispose()
    {
        _batches.Dispose();
        Network.Dispose();
    }

    private FuseMixException Diverged(int step)
    {
        if (_batches.FindUnsound() is { } unsound)
        {
            return new FuseMixException(
                FailureKind.Corrupt,
                $"The {TrainingData.Name(unsound.Modality)} latent in row {unsound.Row} holds values that are not finite numbers.",
                "Extract this item again, or leave it out of the pairs.");
        }

        return new FuseMixException(
            FailureKind.Invalid,
            $"The loss of step {step} is not a finite number: training has diverged.",
            "Lower 'learningRate' in the recipe.");
    }

    private static int SharedByIdentity(TrainingData data, IReadOnlyDictionary<Modality, LatentTransform> transforms, TrainingRecipe recipe)
    {
        var given = data.Latents.Keys.Order().Where(m => recipe.Of(m).Adapter == AdapterKind.Identity).Select(
            m => (int?)transforms[m].Output).FirstOrDefault();
        return given ?? throw new FuseMixException(
            FailureKind.Invalid,
            $"The recipe has no 'sharedDimension', and none of {string.Join(", ", data.Latents.Keys.Order().Select(TrainingData.Name))} "
                + "has an identity adapter.",
            "Set 'sharedDimension', or give one of them an identity adapter.");
    }

    private static AdapterShape ShapeOf(Modality modality, LatentSource source, int input, TrainingRecipe recipe, int shared)
    {
        if (recipe.Of(modality).Adapter != AdapterKind.Identity) return AdapterShape.Mlp(input, shared, recipe.Depth, recipe.Expansion);
        if (input == shared) return AdapterShape.Identity(input);
        throw new FuseMixException(
            FailureKind.Invalid,
            $"An identity adapter makes the space of '{source.Encoder}' ({input} dimensions) the shared space, which has {shared}.",
            $"Set 'sharedDimension' to {input}.");
    }
}
