using FuseMix.Cli.Output;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Hosting;
using FuseMix.Storage;
using FuseMix.Training.Models;

namespace FuseMix.Cli.Doctor;

/// <summary>The home folder and what is in it.</summary>
internal static class HomeChecks
{
    public const string Area = "Home";

    public static IEnumerable<Finding> Run(FuseMixHome home)
    {
        yield return Writable(home);
        yield return Node(home);
        foreach (var finding in Encoders(home)) yield return finding;
        foreach (var finding in Datasets(home)) yield return finding;
        foreach (var finding in Latents(home)) yield return finding;
        foreach (var finding in Models(home)) yield return finding;
    }

    private static Finding Writable(FuseMixHome home)
    {
        try
        {
            return new Finding(Area, "folder", Verdict.Ok, home.EnsureWritable().Root);
        }
        catch (FuseMixException error)
        {
            return new Finding(Area, "folder", Verdict.Problem, error.Message, error.Remedy);
        }
    }

    private static Finding Node(FuseMixHome home)
    {
        if (NodeAnnouncement.Read(home) is not { } node)
            return new Finding(Area, "node", Verdict.Ok, "none serves: a command that needs one runs it for itself");
        var found = $"{node.Process} serves at {node.Url.GetLeftPart(UriPartial.Authority)}";
        return node.Version == NodeAnnouncement.ThisVersion
            ? new Finding(Area, "node", Verdict.Ok, found)
            : new Finding(
                Area,
                "node",
                Verdict.Warning,
                $"{found}, of version {node.Version}, not {NodeAnnouncement.ThisVersion}",
                $"Start it anew: kill {node.ProcessId}, then what it was started with.");
    }

    private static IEnumerable<Finding> Encoders(FuseMixHome home)
    {
        var store = new EncoderPackStore(home.Encoders);
        var names = store.List();
        if (names.Count == 0)
        {
            yield return new Finding(
                Area, "encoders", Verdict.Ok, "none installed yet; './fusemix demo' or './fusemix encoders import' fetches them");
        }

        foreach (var name in names)
        {
            yield return Check($"encoder {name}", () =>
            {
                var pack = store.Verify(name);
                return $"{pack.Definition.Modality.ToString().ToLowerInvariant()}, {pack.Definition.Latent.Dimension} dimensions, "
                    + $"fingerprint {pack.Fingerprint.Short}";
            });
        }
    }

    private static IEnumerable<Finding> Datasets(FuseMixHome home)
    {
        var store = new DatasetStore(home);
        IReadOnlyList<DatasetStatistics> all = [];
        var broken = Check(
            "datasets",
            () => (all = store.List()).Count == 0 ? "none imported yet; './fusemix demo' or './fusemix datasets import' brings them" : "");
        if (broken.Verdict != Verdict.Ok || all.Count == 0) yield return broken;
        foreach (var dataset in all)
        {
            yield return Check($"dataset {dataset.Name}", () =>
            {
                var loaded = store.Load(dataset.Name);
                var failures = loaded.Failures.Count > 0 ? $", {Phrases.Count(loaded.Failures.Count)} not imported" : "";
                return $"{Phrases.Count(loaded.Items.Count, "item")}, {Phrases.Count(loaded.Pairs.Count, "pair")}{failures}";
            });
        }
    }

    private static IEnumerable<Finding> Latents(FuseMixHome home)
    {
        var store = new LatentStore(home);
        IReadOnlyList<LatentSetStatus> all = [];
        var broken = Check("latents", () => $"{(all = store.List()).Count}");
        if (broken.Verdict != Verdict.Ok) yield return broken;
        foreach (var set in all)
        {
            yield return Check($"latents {set.Dataset} × {set.Encoder}", () =>
            {
                if (store.Damage(set.Dataset, set.Encoder, set.EncoderFingerprint) is [var damage, ..] all)
                    throw new FuseMixException(damage.Kind, Finding.First(all), damage.Remedy, damage);
                var missing = set.IsComplete ? "" : $", {Phrases.Count(set.Shards - set.CommittedShards, "shard")} still to be extracted";
                return $"{Phrases.Count(set.Rows, "latent")}{missing}";
            });
        }
    }

    private static IEnumerable<Finding> Models(FuseMixHome home)
    {
        var store = new FusionModelStore(home);
        foreach (var name in store.Names())
        {
            yield return Check($"model {name}", () =>
            {
                var model = store.Load(name);
                return $"{string.Join(" + ", model.Encoders().Values)}, {model.SharedDimension} dimensions, fingerprint "
                    + $"{model.Fingerprint.Short}";
            });
        }
    }

    private static Finding Check(string name, Func<string> look)
    {
        try
        {
            return new Finding(Area, name, Verdict.Ok, look());
        }
        catch (FuseMixException error)
        {
            return new Finding(Area, name, Verdict.Problem, error.Message, error.Remedy);
        }
    }
}
