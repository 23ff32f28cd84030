using System.Collections;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using FuseMix.Contracts.Cluster;
using FuseMix.Hosting;
using FuseMix.Hosting.Security;
using FuseMix.Silo.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo;

/// <summary>The program <c>fusemix-silo</c>: one node of a cluster.</summary>
internal static partial class SiloCommand
{
    private const int Failed = 1;
    private const int Misused = 2;

    private const string Help = """
        fusemix-silo: one node of a FuseMix cluster, with its HTTP API, until SIGTERM or Ctrl-C.

          fusemix-silo [--config FILE]... [--FuseMix:KEY=VALUE]...

          --config FILE          a JSON file; of several, later ones win
          --FuseMix:KEY=VALUE    a single key, e.g. --FuseMix:Http:Port=8080; wins over files and environment
          --check                say whether the configuration is valid, and end
          --create-schema        make what the databases of the configuration need, and end
          --openapi              print the OpenAPI document of the API, and end
          --version              print the version, and end
          --help                 this page

        In the environment, keys have two underscores: FUSEMIX__Http__Port=8080. docs/configuration.md has every key.

        SIGTERM: the node says that it is not ready, serves on for FuseMix:Shutdown:Drain, then leaves the cluster in order. A second one ends
        it at once.

        """;

    /// <returns>What the process answers: 0 where it did what was asked, 2 where it was asked wrongly, 1 where it failed.</returns>
    public static async Task<int> Run(IReadOnlyList<string> arguments)
    {
        var (output, error) = (StandardStreams.Results(Console.Out), StandardStreams.Remarks(Console.Error));
        try
        {
            var asked = SiloArguments.Parse(arguments);
            if (asked.Act == SiloAct.Help)
            {
                output.Write(Help);
                return 0;
            }

            if (asked.Act == SiloAct.Version)
            {
                output.WriteLine($"fusemix-silo {NodeAnnouncement.ThisVersion}");
                return 0;
            }

            if (asked.Act == SiloAct.DescribeApi)
            {
                output.WriteLine(Encoding.UTF8.GetString(await SiloHost.DescribeApi()));
                return 0;
            }

            var configuration = SiloConfiguration.Load(asked.Files, Variables(), asked.Settings);
            using (configuration.Http.Certificate.Load(HttpOptions.CertificateSection))
            using (configuration.Cluster.Certificate.Load(MemberCertificateOptions.Section))
            {
                // Read for its failures alone.
            }

            switch (asked.Act)
            {
                case SiloAct.Check:
                    output.WriteLine(
                        $"The configuration is valid: node {configuration.Node.ToNodeName()}, cluster {configuration.Cluster.Kind}, "
                        + $"state {configuration.State.KindWith(configuration.Cluster)}, home {configuration.ResolveHome().Root}.");
                    return 0;
                case SiloAct.CreateSchema:
                    output.WriteLine(await NodeHosting.EnsureSchema(configuration));
                    return 0;
                default:
                    await Serve(configuration);
                    return 0;
            }
        }
        catch (Exception failure) when (Known(failure) is { } known)
        {
            error.WriteLine($"fusemix-silo: {known.Message}{(known.Remedy is null ? "" : $"\n  → {known.Remedy}")}");
            return known.Kind == FailureKind.Invalid ? Misused : Failed;
        }
        catch (OperationCanceledException)
        {
            error.WriteLine("fusemix-silo: leaving took longer than FuseMix:Shutdown:Timeout; what was not finished goes on elsewhere.");
            return Failed;
        }
        catch (Exception failure)
        {
            error.WriteLine($"fusemix-silo: this should not have happened; please report it. {failure}");
            return Failed;
        }
    }

    private static async Task Serve(SiloConfiguration configuration)
    {
        using var impatience = EndAtOnceOnSecondSignal();
        var home = configuration.ResolveHome().EnsureWritable();

        // A node on its own is the only one that may work in its home folder; nodes of a cluster share it.
        using var owned = configuration.Cluster.IsAlone ? await HomeOwnership.TakeAsync(home, TimeSpan.FromSeconds(10)) : null;
        Ports.RequireFree(IPAddress.Parse(configuration.Http.Address), configuration.Http.Port, "Set FuseMix:Http:Port to another, or to 0 for any free one.");
        NodeHosting.RequireFreePorts(configuration);
        await NodeHosting.EnsureSchema(configuration);
        await using var app = SiloHost.Build(configuration);
        using var leaving = app.Lifetime.ApplicationStopping.Register(() => owned?.Withdraw());
        await app.StartAsync();
        owned?.Announce(SiloHost.LocalAddress(app, configuration.Http), "fusemix-silo");
        LogServing(app.Logger, configuration.Node.ToNodeName(), string.Join(", ", app.Urls));
        await app.WaitForShutdownAsync();
    }

    private static IEnumerable<KeyValuePair<string, string?>> Variables() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => KeyValuePair.Create((string)entry.Key, (string?)entry.Value));

    /// <summary>What the operator can act on is often wrapped by whoever called it.</summary>
    private static FuseMixException? Known(Exception? failure) => failure switch
    {
        null => null,
        FuseMixException known => known,
        AggregateException { InnerExceptions: [var only] } => Known(only),
        _ => Known(failure.InnerException),
    };

    private static IDisposable EndAtOnceOnSecondSignal()
    {
        var count = 0;
        var registrations = new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            // The host hears the first one too, and leaves in order.
            context.Cancel = true;
            if (Interlocked.Increment(ref count) > 1) Environment.Exit(signal == PosixSignal.SIGTERM ? 143 : 130);
        })).ToArray();
        return new Registrations(registrations);
    }

    [LoggerMessage(4003, LogLevel.Information, "Node {Node} serves at {Url}")]
    private static partial void LogServing(ILogger logger, NodeName node, string url);

    private sealed class Registrations(PosixSignalRegistration[] all) : IDisposable
    {
        public void Dispose()
        {
            foreach (var one in all) one.Dispose();
        }
    }
}
