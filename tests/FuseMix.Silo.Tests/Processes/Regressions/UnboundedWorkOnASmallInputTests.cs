using System.Globalization;
using System.Text;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Regressions;

/// <summary>What a node is started among and given to import does not decide whether it starts and ends.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PreparedProcesses))]
public sealed class UnboundedWorkOnASmallInputTests : IDisposable
{
    private readonly TestHome _home = TestHome.Create();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task No_folder_is_watched()
    {
        await using var silo = await SiloProcess.StartAsync(_home);
        var open = Directory.EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{silo.Process.Id}/fdinfo"))
            .SelectMany(TryRead);
        Assert.DoesNotContain(open, line => line.StartsWith("inotify", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_import_that_would_take_hours_ends_with_the_drain()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_home.Home.Root, "imports", "large")).FullName;
        await using (var sparse = File.Create(Path.Combine(folder, "large.png"))) sparse.SetLength(1L << 42);
        await using var silo = await SiloProcess.StartAsync(_home, "Shutdown:Drain=00:00:01", "Shutdown:Timeout=00:20:00");
        using var http = new HttpClient { BaseAddress = silo.Url };
        using var body = new StringContent("""{ "folder": "large" }""", Encoding.UTF8, "application/json");
        var import = http.PostAsync("/api/v1/datasets/large/register", body);
        var open = string.Create(CultureInfo.InvariantCulture, $"/proc/{silo.Process.Id}/fd");
        await Patience.Until(
            () => Task.FromResult(
                Directory.EnumerateFileSystemEntries(open).Any(
                    link => TryTarget(link)?.EndsWith("large.png", StringComparison.Ordinal) == true)),
            begun => begun);
        silo.Process.Terminate();
        Assert.Equal(0, await silo.Process.Exited.WaitAsync(Patience.Long));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => import);
    }

    private static string[] TryRead(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string? TryTarget(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
