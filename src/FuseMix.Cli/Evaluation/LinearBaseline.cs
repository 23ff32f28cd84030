using FuseMix.Cli.Models;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Training;
using FuseMix.Training.Baselines;

namespace FuseMix.Cli.Evaluation;

/// <summary>The linear baseline beside a fusion model: CCA on the same encoders and the same training pairs.</summary>
internal static class LinearBaseline
{
    public const string Method = "linear CCA";

    /// <summary>Fits the baseline for the encoders of a model and keeps it as a fusion model of its own, which is measured like any other.</summary>
    /// <param name="run">The run.</param>
    /// <param name="model">The model beside which it is shown.</param>
    /// <param name="dataset">The dataset whose training pairs it is fitted on.</param>
    /// <returns>Its name, which follows from its content: the same baseline is fitted once.</returns>
    /// <exception cref="FuseMixException">Unknown names, or latents are missing.</exception>
    public static async Task<string> Make(CliRun run, string model, string dataset)
    {
        var encoders = (await ModelCatalog.Find(run, model)).Encoders;
        using var progress = run.Terminal.Progress("Fitting linear CCA", new ProgressUnit("pairs"));
        return await Task.Run(() => Fit(run, dataset, encoders), run.Stop);
    }

    private static string Fit(CliRun run, string dataset, IReadOnlyDictionary<Modality, string> encoders)
    {
        var packs = new EncoderPackStore(run.Home.Encoders);
        var content = new DatasetStore(run.Home).Load(dataset);
        var sides = encoders.OrderBy(e => e.Key).Take(2).Select(e => (Modality: e.Key, Pack: packs.Load(e.Value))).ToArray();
        var name = $"cca-{ContentName.Of([content.Fingerprint.Hex, .. sides.Select(s => s.Pack.Fingerprint.Hex)])}";
        var folder = Path.Combine(run.Home.Models, name);
        if (File.Exists(Path.Combine(folder, "model.json"))) return name;

        var store = new LatentStore(run.Home);
        using var left = store.OpenRead(dataset, sides[0].Pack.Name, sides[0].Pack.Fingerprint);
        using var right = store.OpenRead(dataset, sides[1].Pack.Name, sides[1].Pack.Fingerprint);
        var rows = new List<(int Left, int Right)>();
        var pairs = content.PairsOf(sides[0].Modality, sides[1].Modality, Split.Train)
            .Concat(content.PairsOf(sides[1].Modality, sides[0].Modality, Split.Train).Select(p => new DatasetPair(p.Second, p.First)));
        foreach (var pair in pairs)
        {
            if (left.TryGetRow(pair.First, out var l) && right.TryGetRow(pair.Second, out var r)) rows.Add((l, r));
        }

        var data = new TrainingData(
            new Dictionary<Modality, LatentSource>
            {
                [sides[0].Modality] = new(sides[0].Pack.Name, sides[0].Pack.Fingerprint.Hex, left),
                [sides[1].Modality] = new(sides[1].Pack.Name, sides[1].Pack.Fingerprint.Hex, right),
            },
            [new PairList(sides[0].Modality, sides[1].Modality, new PairRows([.. rows.Select(r => r.Left)], [.. rows.Select(r => r.Right)]))]);
        CanonicalCorrelation.Fit(data).Save(folder);
        return name;
    }
}
