using System.Diagnostics;
using System.Runtime.CompilerServices;
using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

/// <summary>A process for which file locks keep nobody out, as on a mount without them: the test executable starts itself again
/// so.</summary>
public sealed class NoLocksTests : IDisposable
{
    private const string HomeVariable = "FUSEMIX_TEST_NO_LOCKS_HOME";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_home_in_which_locks_keep_nobody_out_is_refused()
    {
        var said = await Run();
        Assert.StartsWith(
            $"Unavailable: The home folder '{_folder["home"]}' cannot be used: file locks keep nobody out", said, StringComparison.Ordinal);
        Assert.Contains("--home", said, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(_folder["home"]), file => file.Contains(".probe", StringComparison.Ordinal));
    }

    /// <summary>In the process that this test starts, this runs before the test runner does.</summary>
    [ModuleInitializer]
    internal static void Open()
    {
        if (Environment.GetEnvironmentVariable(HomeVariable) is not { } home) return;
        try
        {
            Console.WriteLine(new FuseMixHome(home).EnsureWritable().Root);
        }
        catch (FuseMixException refused)
        {
            Console.WriteLine($"{refused.Kind}: {refused.Message} {refused.Remedy}");
        }

        Environment.Exit(0);
    }

    private async Task<string> Run()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };

        // Under 'dotnet exec' the test assembly is an argument.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(NoLocksTests).Assembly.Location);
        start.Environment[HomeVariable] = _folder["home"];
        start.Environment["DOTNET_SYSTEM_IO_DISABLEFILELOCKING"] = "1";
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return said;
    }
}
