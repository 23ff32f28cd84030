using System.Diagnostics;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Dashboards;

/// <summary>Prometheus' own checks of what is written for it.</summary>
internal static class Promtool
{
    /// <summary>The folder with dashboards and rules.</summary>
    public static string Folder { get; } = Path.Combine(Checkout.Root, "dashboards");

    /// <summary>Runs it; skips the test where it is not installed.</summary>
    /// <returns>Its exit status, and all that it printed.</returns>
    public static async Task<(int Status, string Output)> Run(string[] arguments, string? input = null)
    {
        SkipWithoutPrometheus();
        using var process = Process.Start(new ProcessStartInfo("promtool", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(Patience.Long);
        return (process.ExitCode, string.Concat(await output));
    }

    /// <summary>Skips the test where Prometheus is not installed.</summary>
    public static void SkipWithoutPrometheus() => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(
            folder => File.Exists(Path.Combine(folder, "promtool"))),
        "The Debian package prometheus is not installed; './fusemix test' installs it.");
}
