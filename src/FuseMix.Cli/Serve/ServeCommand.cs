using System.CommandLine;
using System.Net;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Grains.Cluster;
using FuseMix.Hosting;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;

namespace FuseMix.Cli.Serve;

/// <summary>Where a node serves.</summary>
internal sealed record Serving(string Url);

/// <summary><c>fusemix serve</c>, and the one place through which <c>demo --serve</c> keeps the cluster up.</summary>
internal static class ServeCommand
{
    public const int DefaultPort = 5080;

    public static readonly Option<int> Port = PortOption();

    public static Command Create() =>
        new CliCommand("serve", "Run a cluster of one node with its HTTP API and web page on this machine, until Ctrl-C.")
            .With(Port)
            .WithExample("./fusemix serve", $"then open http://127.0.0.1:{DefaultPort}/")
            .WithExample("./fusemix serve --port 0", "on any free port, which it names")
            .OnThisMachine("Leave --cluster out: this starts a cluster.")
            .Does(Serve);

    /// <summary>Serves until the user stops it.</summary>
    /// <exception cref="FuseMixException">The port is taken, or another process serves the home folder.</exception>
    public static async Task Serve(CliRun run)
    {
        // One node per home folder: the one that this command worked with makes room.
        await run.CloseCluster();
        using var ownership = await HomeOwnership.TakeAsync(run.Home, TimeSpan.FromSeconds(10), run.Stop);
        var port = run.Get(Port);
        Ports.RequireFree(IPAddress.Loopback, port, "Choose another with --port, or --port 0 for any free one.");
        var configuration = new SiloConfiguration
        {
            Home = run.Home.Root,
            Node = NodeOptions.OfThisMachine(),
            Cluster = new ClusteringOptions { SiloPort = 0, GatewayPort = 0 },
            Http = new HttpOptions { Port = port },
            Shutdown = new ShutdownOptions { Drain = TimeSpan.Zero },
        };
        await using var app = SiloHost.Build(configuration);
        await app.StartAsync(run.Stop);
        ownership.Announce(SiloHost.LocalAddress(app, configuration.Http), run.Program);
        run.Terminal.Result(new Serving(app.Urls.First()), CliJson.Relaxed.Serving, s => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} Serving at {run.Terminal.Out.Bold(s.Url)}: a page to search with, and the API under "
                + "/api/v1. Ctrl-C ends it."));
        try
        {
            await Task.Delay(Timeout.Infinite, run.Stop);
        }
        catch (OperationCanceledException)
        {
            // The one way in which serving ends, and no failure.
        }

        ownership.Withdraw();
        await app.StopAsync(CancellationToken.None);
    }

    private static Option<int> PortOption()
    {
        var option = new Option<int>("--port")
        {
            Description = $"Port on this machine, 0 for any free one (default: {DefaultPort})",
            HelpName = "port",
            DefaultValueFactory = _ => DefaultPort,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var port) && port is < 0 or > 65_535)
                result.AddError($"--port must be from 0 to 65535, not {token.Value}.");
        });
        return option;
    }
}
