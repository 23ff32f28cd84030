using System.ComponentModel;
using System.Diagnostics;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;

namespace FuseMix.Operations.Tests.Systemd;

/// <summary>The unit file for machines without containers.</summary>
public sealed class UnitTests
{
    private const string Unit = "silo-config/fusemix-silo.service";

    private static readonly ILookup<string, string> Settings = File.ReadLines(Checkout.PathOf(Unit))
        .Where(line => line.Contains('=', StringComparison.Ordinal) && !line.StartsWith('#'))
        .Select(line => line.Split('=', 2)).ToLookup(pair => pair[0], pair => pair[1]);

    [Fact]
    public void It_starts_a_node_with_files_that_it_has()
    {
        var words = Settings["ExecStart"].Single().Split(' ');
        Assert.Equal("fusemix-silo", Path.GetFileName(words[0]));
        var asked = SiloArguments.Parse(words[1..]);
        Assert.Equal(SiloAct.Serve, asked.Act);
        var handed = Settings["LoadCredential"].Single().Split(':')[0];
        Assert.Equal(["/etc/fusemix/silo.json", $"%d/{handed}"], asked.Files);
    }

    [Fact]
    public void It_waits_longer_than_any_of_our_configurations_takes_to_stop()
    {
        var patience = TimeSpan.FromSeconds(int.Parse(Settings["TimeoutStopSec"].Single()));
        foreach (var file in Directory.GetFiles(Checkout.PathOf("silo-config"), "*.json"))
        {
            var shutdown = SiloConfiguration.Load(
                [file], [new("FUSEMIX__Http__Address", "127.0.0.1"), new("FUSEMIX__Cluster__Kind", "Local")]).Shutdown;
            Assert.True(patience >= shutdown.Timeout + shutdown.Drain, file);
        }
    }

    [Fact]
    public void A_node_may_write_where_our_configurations_have_its_home() =>
        Assert.Equal(SiloConfiguration.Load([Checkout.PathOf("silo-config/all-in-one.json")]).Home, Settings["ReadWritePaths"].Single());

    [Fact]
    public void Systemd_takes_it()
    {
        using var folder = new TemporaryFolder();
        var program = Settings["ExecStart"].Single().Split(' ')[0];
        var copy = folder[Path.GetFileName(Unit)];
        File.WriteAllText(copy, Checkout.Read(Unit).Replace(program, "/bin/true", StringComparison.Ordinal));
        try
        {
            using var process = Process.Start(new ProcessStartInfo("systemd-analyze", ["verify", copy]) { RedirectStandardError = true })!;
            var complaints = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.Equal((0, ""), (process.ExitCode, complaints));
        }
        catch (Win32Exception)
        {
            Assert.Skip("There is no systemd on this machine to ask.");
        }
    }
}
