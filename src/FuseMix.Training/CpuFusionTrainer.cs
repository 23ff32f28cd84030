using System.Diagnostics;
using System.Globalization;
using FuseMix.Evaluation;
using FuseMix.Training.Checkpoints;
using FuseMix.Training.Matrices;
using FuseMix.Training.Models;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training;

/// <summary>Which matrix product the CPU trainer uses.</summary>
public enum MatrixKernel
{
    /// <summary>oneDNN where <c>libdnnl.so.2</c> is installed, else our own.</summary>
    Automatic,

    /// <summary>oneDNN; refused where it is not installed. Results depend in their last bits on the number of threads.</summary>
    OneDnn,

    /// <summary>Our own, with 512- or 256-bit vectors. Results do not depend on the number of threads.</summary>
    Own,
}

/// <summary>Trains on the CPU: explicit fused forward and backward passes, AdamW, all in fp32.</summary>
public sealed class CpuFusionTrainer : IFusionTrainer
{
    private readonly int _threads;
    private readonly IMatrixMultiply _kernel;

    /// <summary>A trainer for this machine.</summary>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    /// <param name="kernel">Which matrix product to use.</param>
    /// <exception cref="FuseMixException">oneDNN was asked for and is not installed.</exception>
    public CpuFusionTrainer(int threads = 0, MatrixKernel kernel = MatrixKernel.Automatic)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        _threads = threads == 0 ? Environment.ProcessorCount : threads;
        var oneDnn = kernel == MatrixKernel.Own ? null : OneDnnMatrixMultiply.TryLoad();
        if (oneDnn is null && kernel == MatrixKernel.OneDnn)
            throw new FuseMixException(FailureKind.Unavailable, "oneDNN is not installed.", "Install it (Debian: libdnnl2), or use our own kernel.");
        _kernel = oneDnn is null ? new PackedMatrixMultiply() : oneDnn;
    }

    /// <inheritdoc/>
    public string Device => string.Create(CultureInfo.InvariantCulture, $"CPU, {_threads} thread{(_threads == 1 ? "" : "s")}, {_kernel.Name}");

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
        using var team = new ThreadTeam(_threads);
        var identity = new RunIdentity(recipe, run.Seed, data.Fingerprint());
        var checkpoint = run.CheckpointFolder is null ? null : new Checkpoint(run.CheckpointFolder);
        using var stored = checkpoint?.Open(identity);
        var transforms = stored is null ? FitTransforms(data, recipe, new ParallelMatrixMultiply(team, _kernel)) : Checkpoint.Transforms(stored, data, recipe);
        using var session = new TrainingSession(data, recipe, run.Seed, transforms, team, _kernel);
        BestWeights? best = null;
        List<ValidationResult> validations = [];
        if (stored is null)
        {
            session.Network.Initialise();
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
        while (session.Done < session.Steps)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                SaveCheckpoint();
                throw new OperationCanceledException($"Training was stopped after step {session.Done} of {session.Steps}.", cancellationToken);
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
                stepTime));
            if (session.Done % run.CheckpointEverySteps == 0 && session.Done < session.Steps) SaveCheckpoint();
        }

        // A run whose last steps are lost between here and the saving of the model repeats none of them.
        SaveCheckpoint();
        var kept = recipe.KeepBest ? best! : null;
        return ToModel(kept?.Parameters, kept?.Step ?? session.Done);

        int Epoch(int step) => ((step - 1) / session.StepsPerEpoch) + 1;

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
            var reports = data.Pairs.Where(p => p.Validation is not null).Select(list => Evaluate(model, data, list, list.Validation!)).ToArray();
            var result = new ValidationResult(session.Done, Epoch(session.Done), reports.Average(r => r.Mean), reports);
            validations.Add(result);
            if (recipe.KeepBest && (best is null || result.Mean > best.Mean))
            {
                best = new BestWeights(session.Done, result.Mean, session.Network.Parameters.Span.ToArray());
            }

            return result;
        }

        FusionModel ToModel(float[]? parameters, int keptStep)
        {
            var network = session.Network;
            var weights = parameters ?? network.Parameters.Span.ToArray();
            var branches = network.Adapters.ToDictionary(a => a.Modality, a =>
            {
                var source = data.Latents[a.Modality];
                var modelSource = new ModelSource(source.Encoder, new Fingerprint(source.EncoderFingerprint), source.Latents.Dimension);
                return new ModelBranch(modelSource, transforms[a.Modality], a.Shape, weights.AsSpan((int)a.Offset, (int)a.Shape.Length));
            });
            var summary = new TrainingSummary
            {
                Method = "fusemix",
                Device = Device,
                Pairs = data.Pairs.Sum(p => p.Train.Count),
                Learned = network.Learned,
                Steps = session.Steps,
                StepsPerEpoch = session.StepsPerEpoch,
                PairsPerStep = session.PairsPerStep,
                KeptStep = keptStep,
                FinalLoss = loss,
                PairsPerSecond = session.Done > resumedFrom ? (session.Done - resumedFrom) * session.PairsPerStep / working.TotalSeconds : null,
                Data = identity.Data.Hex,
                Validations = [.. validations],
            };
            return new FusionModel("", branches, weights[(int)network.TemperatureOffset], run.Seed, recipe, summary);
        }
    }

    /// <summary>Recall of a model on some pairs: distinct rows of each side, those of one group being right answers to one another.</summary>
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

    private static Dictionary<Modality, LatentTransform> FitTransforms(TrainingData data, TrainingRecipe recipe, ParallelMatrixMultiply matrices) =>
        data.Latents.ToDictionary(l => l.Key, l =>
        {
            var own = recipe.Of(l.Key);
            var rows = data.Pairs.SelectMany(p => p.Left == l.Key ? p.Train.Left : p.Right == l.Key ? p.Train.Right : []).Distinct().Order().ToArray();
            var what = $"{TrainingData.Name(l.Key)} latents of '{l.Value.Encoder}'";
            return LatentTransform.Fit(own.Transform, own.Components ?? 256, l.Value.Latents, rows, matrices, what);
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
