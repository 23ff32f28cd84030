using FuseMix.Cli.Demo;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Training;
using FuseMix.Core.Evaluation;
using FuseMix.Training.Recipe;

namespace FuseMix.Cli.Training;

/// <summary>A training whose job is named by all that goes into it, so that asking for it again finds it.</summary>
/// <param name="Request">What the trainer is asked for.</param>
/// <param name="Fingerprints">Dataset and encoders, short, for people.</param>
internal sealed record TrainPlan(TrainingRequest Request, string Fingerprints)
{
    /// <param name="run">The run.</param>
    /// <param name="dataset">Name of the dataset.</param>
    /// <param name="encoders">Encoder per modality; several of one as "a+b".</param>
    /// <param name="recipe">How to train.</param>
    /// <param name="seed">Decides every random number.</param>
    /// <param name="name">What to call the fusion model, given twelve digits that stand for all that goes into it.</param>
    /// <param name="fold">The fold that stands in for validation; null for the dataset's own splits.</param>
    /// <exception cref="FuseMixException">Unknown dataset or encoder.</exception>
    public static async Task<TrainPlan> Make(
        CliRun run, string dataset, Dictionary<Modality, string> encoders, TrainingRecipe recipe, ulong seed, Func<string, string> name,
        Fold? fold = null)
    {
        var datasets = await run.Client.Datasets(run.Stop);
        var content = datasets.FirstOrDefault(d => d.Name == dataset) ?? throw FuseMixException.UnknownName(
            "dataset", dataset, datasets.Select(d => d.Name));
        if (content.Error is { } damage) throw new FuseMixException(FailureKind.Corrupt, damage);
        var installed = await run.Client.Encoders(run.Stop);
        var stored = await run.Client.LatentSets(run.Stop);
        var packs = encoders.OrderBy(e => e.Key).SelectMany(e => EncoderNames.Parse(e.Value), (e, name) => Find(e.Key, name)).ToArray();
        var id = ContentName.Of(
        [
            dataset, content.Fingerprint, .. packs.Select(p => p.Name), .. packs.Select(p => p.Fingerprint), recipe.Fingerprint().Hex, $"{seed}",
            .. fold is null ? (string[])[] : [$"{fold}"],
        ]);
        var model = ResourceName.Require(name(id), "fusion model");
        var job = $"{(model.Length > 60 ? model[..60] : model)}-{id}";
        var request = new TrainingRequest(job, model, dataset, encoders, recipe.ToJson(), seed, fold?.ToString());
        return new TrainPlan(
            request, $"{dataset} {content.Fingerprint[..16]}, {string.Join(", ", packs.Select(p => $"{p.Name} {p.Fingerprint[..16]}"))}");

        (string Name, string Fingerprint) Find(Modality modality, string encoder)
        {
            if (installed.FirstOrDefault(i => i.Name == encoder && i.Modality == modality) is { } pack)
                return (pack.Name, pack.Fingerprint);

            // Latents that were made elsewhere do without the encoder.
            var elsewhere = stored.FirstOrDefault(
                l => l.Dataset == dataset && l.Encoder == encoder && !installed.Any(i => i.Name == encoder));
            return elsewhere is null
                ? throw FuseMixException.UnknownName(
                    $"{EvaluationTable.Word(modality)} encoder", encoder, installed.Where(i => i.Modality == modality).Select(i => i.Name))
                : (elsewhere.Encoder, elsewhere.Fingerprint);
        }
    }

    /// <summary>The encoders that a dataset has complete latents of, where there is one per modality and no choice to make.</summary>
    /// <param name="run">The run.</param>
    /// <param name="dataset">Name of the dataset.</param>
    /// <param name="given">What the user chose.</param>
    /// <exception cref="FuseMixException">There are several for a modality, or fewer than two modalities.</exception>
    public static async Task<Dictionary<Modality, string>> ChooseEncoders(CliRun run, string dataset, Dictionary<Modality, string> given)
    {
        if (given.Count >= 2) return given;
        var chosen = new Dictionary<Modality, string>(given);
        foreach (var modality in await Available(run, dataset))
        {
            if (chosen.ContainsKey(modality.Key)) continue;
            if (modality.Count() > 1)
            {
                var option = $"--{EvaluationTable.Word(modality.Key)}";
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"Dataset '{dataset}' has {EvaluationTable.Word(modality.Key)} latents of several encoders: "
                        + $"{string.Join(", ", modality)}.",
                    $"Choose one with {option}, for example {option} {modality.First()}, or use them side by side: {option} "
                        + $"{EncoderNames.Join(modality.Take(2))}.");
            }

            chosen[modality.Key] = modality.Single();
        }

        return chosen.Count >= 2 ? chosen : throw new FuseMixException(
            FailureKind.NotFound,
            $"Dataset '{dataset}' has complete latents of "
                + $"{(chosen.Count == 0 ? "no modality" : EvaluationTable.Word(chosen.Keys.Single()) + " only")}; a fusion model joins "
                    + "two.",
            $"Run './fusemix extract {dataset}' first.");
    }

    /// <summary>Whether these are the encoders that <see cref="ChooseEncoders"/> chooses by itself, or the demo's.</summary>
    /// <param name="run">The run.</param>
    /// <param name="dataset">Name of the dataset.</param>
    /// <param name="encoders">Encoder per modality.</param>
    public static async Task<bool> AreUsual(CliRun run, string dataset, Dictionary<Modality, string> encoders)
    {
        if (dataset == DemoCommand.Dataset && encoders.Count == DemoCommand.Encoders.Count && !encoders.Except(DemoCommand.Encoders).Any())
            return true;
        var available = await Available(run, dataset);
        return available.Count == encoders.Count && encoders.All(e => available[e.Key].SequenceEqual([e.Value]));
    }

    /// <summary>What a model is called where nobody says: short for the usual case, told apart by digits for any other.</summary>
    /// <param name="dataset">Name of the dataset.</param>
    /// <param name="basis">Name of the recipe that it starts from.</param>
    /// <param name="seed">Decides every random number.</param>
    /// <param name="changed">The recipe where it is not that of the name; null otherwise.</param>
    /// <param name="unusual">The encoders where they are not <see cref="AreUsual">the usual ones</see>; null otherwise.</param>
    public static string DefaultName(
        string dataset, string basis, ulong seed, TrainingRecipe? changed = null, Dictionary<Modality, string>? unusual = null)
    {
        var recipe = changed?.Fingerprint().Hex ?? "";
        var digits = unusual is null ? recipe : ContentName.Of([recipe, .. unusual.OrderBy(e => e.Key).Select(e => $"{e.Key} {e.Value}")]);
        return $"{dataset}-{basis}{(seed == 0 ? "" : $"-s{seed}")}{(digits.Length == 0 ? "" : $"-{digits[..6]}")}";
    }

    /// <summary>The installed encoders that a dataset has complete latents of, by modality.</summary>
    /// <param name="run">The run.</param>
    /// <param name="dataset">Name of the dataset.</param>
    public static async Task<ILookup<Modality, string>> Available(CliRun run, string dataset)
    {
        var modalities = (await run.Client.Encoders(run.Stop)).ToDictionary(e => e.Name, e => e.Modality);
        return (await run.Client.LatentSets(run.Stop))
            .Where(l => l.Dataset == dataset && l.Complete && modalities.ContainsKey(l.Encoder))
            .Select(l => (Modality: modalities[l.Encoder], l.Encoder)).Distinct().ToLookup(l => l.Modality, l => l.Encoder);
    }
}
