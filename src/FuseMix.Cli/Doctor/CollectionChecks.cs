using FuseMix.Cli.Session;
using FuseMix.Data.Datasets;
using FuseMix.Grains.Search;
using FuseMix.Retrieval.Generations;

namespace FuseMix.Cli.Doctor;

/// <summary>What is live: each collection is searched, and every byte that it stands on is read.</summary>
internal static class CollectionChecks
{
    public const string Area = "Collections";

    public static async Task<IReadOnlyList<Finding>> Run(CliRun run)
    {
        var (probe, collections, datasets) = (CollectionProbe.Of(run.Home), new CollectionStore(run.Home), new DatasetStore(run.Home));
        var findings = new List<Finding>();
        foreach (var name in probe.Names())
        {
            var troubles = await probe.Examine(name, request => run.Client.Search(request, run.Stop), everyByte: true);
            findings.Add(troubles.Count > 0
                ? new Finding(Area, name, Verdict.Problem, Finding.First(troubles), troubles[0].Remedy)
                : Whole(name));
        }

        return findings;

        Finding Whole(string name)
        {
            if (collections.Live(name) is not { } live)
                return new Finding(
                    Area,
                    name,
                    Verdict.Warning,
                    "no generation of it is live",
                    $"Build it again, or drop it: ./fusemix collections drop {name}");
            return datasets.Exists(live.Dataset)
                ? new Finding(Area, name, Verdict.Ok, $"answers, generation {live.Generation}")
                : new Finding(
                    Area,
                    name,
                    Verdict.Warning,
                    $"answers, but its dataset '{live.Dataset}' is gone: what it finds is not shown, and it cannot be built again",
                    $"Import the dataset again under that name, or drop the collection: ./fusemix collections drop {name}");
        }
    }
}
