using System.Diagnostics;
using FuseMix.Core.Evaluation;
using FuseMix.Training.Adapters;
using FuseMix.Training.Checkpoints;
using FuseMix.Training.Matrices;
using FuseMix.Training.Models;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training;

/// <summary>A training run, the same on every device but for the network: batches, schedules, validation and checkpoints.</summary>
/// <remarks>A checkpoint says nothing of the device that wrote it: a run may go on on another one.</remarks>
public abstract class FusionTrainer : IFusionTrainer
{
    private protected FusionTrainer(int threads, IMatrixMultiply kernel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
        Kernel = kernel;
    }

    /// <inheritdoc/>
    public abstract string Device { get; }

    /// <summary>Threads of the CPU that prepare batches, and whatever else the device leaves to it.</summary>
    internal int Threads { get; }

    internal IMatrixMultiply Kernel { get; }

    /// <inheritdoc/>
    public FusionModel Train(
        TrainingData data,
        TrainingRecipe recipe,
        TrainingRun run,
        Action<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        recipe.Validate();
        data.Validate();
        RequireMatching(data, recipe);
        ArgumentOutOfRangeException.ThrowIfLessThan(run.CheckpointEverySteps, 1);
        using var team = new ThreadTeam(Threads);
        var identity = new RunIdentity(recipe, run.Seed, data.Fingerprint());
        if (recipe.Pairs is { } subset) data = subset.Of(data, run.Seed, cancellationToken);
        var checkpoint = run.CheckpointFolder is null ? null : new Checkpoint(run.CheckpointFolder);
        using var stored = checkpoint?.Open(identity);
        var transforms = stored is null ? FitTransforms(data, recipe, new ParallelMatrixMultiply(team, Kernel)) : Checkpoint.Transforms(
            stored, data, recipe);
        using var session = new TrainingSession(
            data, recipe, run.Seed, transforms, team, Kernel, layout => CreateNetwork(layout, recipe, run.Seed, team));
        BestWeights? best = null;
        List<ValidationResult> validations = [];
        if (stored is null)
        {
            session.Initialise(run.Seed);
        }
        else
        {
            (best, var earlier) = checkpoint!.Restore(stored, session);
            validations.AddRange(earlier);
        }

        var resumedFrom = session.Done;
        var saved = session.Done;
        double? loss = null;
        var working = TimeSpan.Zero;
        while (session.Done < session.Steps && !OutOfPatience())
        {
            if (cancellationToken.IsCancellationRequested)
            {
                SaveCheckpoint();
                throw new OperationCanceledException(
                    $"Training was stopped after step {session.Done} of {session.Steps}.", cancellationToken);
            }

            var rate = session.Schedule.At(session.Done);
            var start = Stopwatch.GetTimestamp();
            loss = session.Step();
            var stepTime = Stopwatch.GetElapsedTime(start);
            working += stepTime;

            var validation = ValidateIfDue();
            var done = session.Done - resumedFrom;
            progress?.Invoke(new TrainingProgress(
                session.Done,
                session.Steps,
                Epoch(session.Done),
                session.Epochs,
                loss.Value,
                rate,
                session.Network.Temperature,
                done * session.PairsPerStep / working.TotalSeconds,
                working / done * (session.Steps - session.Done),
                resumedFrom,
                validation,
                session.PairsPerStep,
                stepTime)
            {
                LastValidation = validations.LastOrDefault(),
            });
            if (session.Done % run.CheckpointEverySteps == 0 && session.Done < session.Steps) SaveCheckpoint();
        }

        // A run whose last steps are lost between here and the saving of the model repeats none of them.
        SaveCheckpoint();
        var kept = recipe.KeepBest ? best! : null;
        return ToModel(kept?.Parameters, kept?.Step ?? session.Done);

        int Epoch(int step) => ((step - 1) / session.StepsPerEpoch) + 1;

        bool OutOfPatience() =>
            recipe.Patience is { } patience && best is not null && validations.Count(v => v.Step > best.Step) >= patience;

        void SaveCheckpoint()
        {
            if (checkpoint is null || session.Done == saved) return;
            run.Commit(() => checkpoint.Save(identity, session, best, validations));
            saved = session.Done;
        }

        ValidationResult? ValidateIfDue()
        {
            if (recipe.ValidateEveryEpochs is not { } every) return null;
            var due = session.Done % session.StepsPerEpoch == 0 && session.Done / session.StepsPerEpoch % every == 0;
            if (!due && session.Done < session.Steps) return null;
            var model = ToModel(null, session.Done);
            var reports = data.Pairs.Where(p => p.Validation is not null).Select(
                list => Evaluate(model, data, list, list.Validation!)).ToArray();
            var result = new ValidationResult(session.Done, Epoch(session.Done), reports.Average(r => r.Mean), reports);
            validations.Add(result);
            if (recipe.KeepBest && (best is null || result.Mean > best.Mean))
                best = new BestWeights(session.Done, result.Mean, session.Weights());

            return result;
        }

        FusionModel ToModel(float[]? parameters, int keptStep)
        {
            var layout = session.Network.Layout;
            var weights = parameters ?? session.Weights();
            var branches = layout.Adapters.ToDictionary(a => a.Modality, a =>
            {
                return new ModelBranch(
                    data.Latents[a.Modality].Source, transforms[a.Modality], a.Shape, weights.AsSpan((int)a.Offset, (int)a.Shape.Length));
            });
            var summary = new TrainingSummary
            {
                Method = "fusemix",
                Device = Device,
                Pairs = data.Pairs.Sum(p => p.Train.Count),
                Learned = layout.Learned,
                Steps = session.Done,
                StepsPerEpoch = session.StepsPerEpoch,
                PairsPerStep = session.PairsPerStep,
                KeptStep = keptStep,
                FinalLoss = loss,
                PairsPerSecond =
                    session.Done > resumedFrom ? (session.Done - resumedFrom) * session.PairsPerStep / working.TotalSeconds : null,
                Data = identity.Data.Hex,
                Validations = [.. validations],
            };
            return new FusionModel(
                "",
                branches,
                weights[(int)layout.TemperatureOffset],
                run.Seed,
                recipe,
                summary,
                layout.Loss == ContrastiveLoss.Sigmoid ? weights[(int)layout.BiasOffset] : null);
        }
    }

    /// <summary>Recall of a model on some pairs: distinct rows of each side, those of one group being right answers to one
    /// another.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">Latents of the encoders that it was trained on.</param>
    /// <param name="list">Which two modalities.</param>
    /// <param name="pairs">The pairs to measure on.</param>
    internal static RetrievalReport Evaluate(FusionModel model, TrainingData data, PairList list, PairRows pairs)
    {
        var groups = pairs.Groups ?? pairs.Left;
        return RetrievalReport.Measure(Side(list.Left, pairs.Left), Side(list.Right, pairs.Right));

        EmbeddingSet Side(Modality modality, int[] rows)
        {
            var groupOf = new Dictionary<int, int>();
            for (var i = 0; i < rows.Length; i++) groupOf.TryAdd(rows[i], groups[i]);
            int[] distinct = [.. groupOf.Keys.Order()];
            var embeddings = model.Embed(modality, data.Latents[modality].Latents, distinct);
            return new EmbeddingSet(modality, embeddings, model.SharedDimension, [.. distinct.Select(row => groupOf[row])]);
        }
    }

    /// <summary>The network of a run on this device.</summary>
    internal abstract IFusionNetwork CreateNetwork(NetworkLayout layout, TrainingRecipe recipe, ulong seed, ThreadTeam team);

    private static Dictionary<Modality, LatentTransform> FitTransforms(
        TrainingData data, TrainingRecipe recipe, ParallelMatrixMultiply matrices) =>
        data.Latents.ToDictionary(l => l.Key, l =>
        {
            var own = recipe.Of(l.Key);
            var rows = data.Pairs.SelectMany(
                p => p.Left == l.Key ? p.Train.Left : p.Right == l.Key ? p.Train.Right : []).Distinct().Order().ToArray();
            var what = $"{TrainingData.Name(l.Key)} latents of '{l.Value.Encoder}'";
            return LatentTransform.Fit(own.Transform, own.Components ?? 256, own.Shrinkage ?? 0.5, l.Value.Latents, rows, matrices, what);
        });

    private static void RequireMatching(TrainingData data, TrainingRecipe recipe)
    {
        if (recipe.ValidateEveryEpochs is not null && data.Pairs.All(p => p.Validation is null))
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                "The recipe asks for validation, but the data have no validation pairs.",
                "Split the dataset, or remove 'validateEveryEpochs' and 'keepBest' from the recipe.");
        }
    }
}
