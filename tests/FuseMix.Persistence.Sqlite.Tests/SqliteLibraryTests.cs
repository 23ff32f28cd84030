using System.Diagnostics;
using System.Runtime.InteropServices;
using FuseMix.Testing;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Persistence.Sqlite.Tests;

/// <summary>A process that has another SQLite for all to see, as one with Debian's libvips has. It must be a process of its own: in one that has
/// used SQLite before nothing could go wrong any more, and in one in which it goes wrong no test would be left to say so.</summary>
public sealed partial class SqliteLibraryTests
{
    private const string FileVariable = "FUSEMIX_TEST_SQLITE_FILE";
    private const string Other = "libsqlite3.so.0";
    private const int BindNow = 0x2, ForAll = 0x100;

    [Fact]
    public async Task A_long_log_is_written_back_though_the_process_has_another_SQLite()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && NativeLibrary.TryLoad(Other, out _), $"{Other} is not installed.");
        using var folder = new TemporaryFolder();
        var itself = Path.Combine(AppContext.BaseDirectory, $"{typeof(SqliteLibraryTests).Assembly.GetName().Name}.dll");
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, Arguments(itself))
        {
            Environment = { [FileVariable] = folder["grains.db"] },
            RedirectStandardOutput = true,
        })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{process.ExitCode}: {output}");
        Assert.True(new FileInfo(folder["grains.db"]).Length > 5_000_000, output);
    }

    /// <summary>What the process of the other test runs.</summary>
    [Fact(Explicit = true)]
    public async Task Write_a_long_log()
    {
        var file = Environment.GetEnvironmentVariable(FileVariable) ?? throw new InvalidOperationException("It is part of another test.");
        Assert.NotEqual(0, Open(Other, BindNow | ForAll));
        using var storage = new SqliteGrainStorage(file, TimeProvider.System);
        await storage.WriteStateAsync("large", GrainId.Create("job", "one"), new GrainState<string>(new string('x', 6_000_000)));
        await storage.WriteStateAsync("large", GrainId.Create("job", "two"), new GrainState<string>("small"));
    }

    private static string[] Arguments(string assembly)
    {
        string[] test = ["-noLogo", "-noColor", "-explicit", "only", "-method", $"*{nameof(Write_a_long_log)}"];
        return Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [assembly, .. test] : test;
    }

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);
}
