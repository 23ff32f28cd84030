using FuseMix.Cli.Output;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Data.Packages;

namespace FuseMix.Cli.Packages;

/// <summary>How the fetch of a package ended.</summary>
/// <param name="Package">Name and version.</param>
/// <param name="Folder">Where it lies.</param>
/// <param name="Reused">Whether it was there already.</param>
/// <param name="Downloaded">Bytes of the tarball that was fetched; 0 where it was there.</param>
/// <param name="Elapsed">How long it took.</param>
internal sealed record FetchedPackage(string Package, string Folder, bool Reused, long Downloaded, TimeSpan Elapsed);

/// <summary>Fetches packages, showing how it goes.</summary>
internal static class PackageFetch
{
    public static async Task<FetchedPackage[]> Fetch(CliRun run, IEnumerable<NpmPackage> packages)
    {
        var store = new PackageStore(run.Home.EnsureWritable());
        var done = new List<FetchedPackage>();
        foreach (var package in packages)
        {
            var started = run.Terminal.Clock.GetTimestamp();
            var (downloaded, bytes) = (false, 0L);
            using var progress = run.Terminal.Progress($"Fetching {package.Specification}", ProgressUnit.Bytes);
            var folder = await store.FetchAsync(
                package, Show(run, progress, total => (downloaded, bytes) = (true, Math.Max(bytes, total))), run.Stop);
            done.Add(new FetchedPackage(package.Specification, folder, !downloaded, bytes, run.Terminal.Clock.GetElapsedTime(started)));
        }

        return [.. done];
    }

    /// <summary>What was fetched, in one line.</summary>
    public static string Describe(IReadOnlyCollection<FetchedPackage> packages)
    {
        if (packages.Count == 0) return "nothing to fetch";
        var (here, fetched) = (packages.Count(p => p.Reused), packages.Where(p => !p.Reused).Select(p => p.Package).ToArray());
        if (fetched.Length == 0) return $"{Phrases.Count(here, "package")} already here, recognised by hash";
        var what = fetched.Length > 3 ? Phrases.Count(fetched.Length, "package") : string.Join(", ", fetched);
        return $"fetched {what}, {Phrases.Bytes(packages.Sum(p => p.Downloaded))}{(here > 0 ? $"; {Phrases.Count(here)} already here" : "")}";
    }

    /// <summary>Shows what a fetch reports; <paramref name="fetching"/> gets the size of the tarball, 0 while it is not known.</summary>
    private static Relay<PackageProgress> Show(CliRun run, ProgressView progress, Action<long> fetching)
    {
        var (meter, stage) = (new RateMeter(run.Terminal.Clock), (PackageStage?)null);
        return new Relay<PackageProgress>(p =>
        {
            if (stage != p.Stage) (meter, stage) = (new RateMeter(run.Terminal.Clock), p.Stage);
            fetching(p.TotalBytes);
            progress.Report(new ProgressReading(p.Bytes, p.TotalBytes)
            {
                PerSecond = meter.Update(p.Bytes),
                Detail = p.Stage switch
                {
                    PackageStage.Downloading => "downloading",
                    PackageStage.Verifying => "checking its hash",
                    _ => $"unpacking, {Phrases.Count(p.Files, "file")}",
                },
            });
        });
    }
}
