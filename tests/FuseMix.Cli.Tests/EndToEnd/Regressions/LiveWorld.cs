using FuseMix.Cli.Tests.EndToEnd.Regressions;

[assembly: AssemblyFixture(typeof(LiveWorld))]

namespace FuseMix.Cli.Tests.EndToEnd.Regressions;

/// <summary>A home folder in which the collection 'mine' is live, made once by the commands themselves; tests take copies.</summary>
public sealed class LiveWorld : IDisposable
{
    public static readonly string[] Train =
        ["train", "mine", "--model", "m", "--set", "steps=20", "--set", "batchSize=16", "--set", "sharedDimension=16"];
    public static readonly string[] Build = ["collections", "build", "mine", "--model", "m", "--dataset", "mine"];

    private readonly Lazy<Task<TinyWorld>> _world = new(Prepare);

    /// <summary>Where the packs are that were added.</summary>
    internal async Task<TinyWorld> World() => await _world.Value;

    internal async Task<LiveHome> Copy()
    {
        var home = new LiveHome();
        CopyFolder((await _world.Value).Home, home.Path);
        return home;
    }

    public void Dispose()
    {
        if (_world.IsValueCreated && _world.Value.IsCompletedSuccessfully) _world.Value.Result.Dispose();
    }

    private static async Task<TinyWorld> Prepare()
    {
        var world = new TinyWorld();
        var home = new LiveHome(world.Home);
        await home.Ok("encoders", "add", world.ImagePack);
        await home.Ok("encoders", "add", world.TextPack);
        await home.Ok("datasets", "import", "--folder", world.Pictures, "--name", "mine");
        await home.Ok("extract", "mine");
        await home.Ok(Train);
        await home.Ok(Build);
        return world;
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var folder in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }
}

/// <summary>A home folder and the commands of its user.</summary>
internal sealed class LiveHome(string path) : IDisposable
{
    public LiveHome()
        : this(TestHome.Path)
    {
    }

    public string Path => path;

    public Task<CliResult> Run(params string[] args) => new CliTester { Home = path, RealCluster = true, Width = 200 }.Run(args);

    public async Task<string> Ok(params string[] args)
    {
        var result = await Run(args);
        Assert.True(result.Code == 0, $"{string.Join(' ', args)} ended with {result.Code}: {result.Error}{result.Out}");
        return result.Out;
    }

    /// <summary>What the doctor says of something.</summary>
    public async Task<(int Code, string Verdict, string Found)> Doctor(string name)
    {
        var result = await Run("doctor", "--json");
        var finding = result.Json.GetProperty("findings").EnumerateArray().Single(f => f.GetProperty("name").GetString() == name);
        return (result.Code, finding.GetProperty("verdict").GetString()!, finding.GetProperty("found").GetString()!);
    }

    /// <summary>The one file of a pattern under a folder of the home, shortened by a byte.</summary>
    public string CutFile(string folder, string pattern)
    {
        var file = Directory.GetFiles(System.IO.Path.Combine(path, folder), pattern, SearchOption.AllDirectories).Order(
            StringComparer.Ordinal).First();
        using var stream = File.OpenWrite(file);
        stream.SetLength(stream.Length - 1);
        return System.IO.Path.GetFileName(file);
    }

    public Task<CliResult> Search() => Run("search", "mine", "moon", "-k", "3", "--json");

    public void Dispose() => Directory.Delete(path, recursive: true);
}
