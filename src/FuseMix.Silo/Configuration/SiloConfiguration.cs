using System.Net;
using FuseMix.Hosting.Configuration;
using FuseMix.Storage;

namespace FuseMix.Silo.Configuration;

/// <summary>All that can be said to a node, the section <c>FuseMix</c> of JSON files, of the environment and of the command line.</summary>
/// <remarks>Later sources win over earlier ones, key by key; a list is replaced as a whole, never mixed.</remarks>
public sealed class SiloConfiguration : NodeConfiguration
{
    /// <summary>The section that holds all of it.</summary>
    public const string Section = "FuseMix";

    /// <summary>A node that does everything alone, named as its machine is.</summary>
    public SiloConfiguration() => Node.Name = MachineName();

    /// <summary>Its HTTP face.</summary>
    public HttpOptions Http { get; set; } = new();

    /// <summary>Keys under <c>Logging</c>, such as <c>Logging:LogLevel:FuseMix.Grains</c>, as ASP.NET Core knows them.</summary>
    internal IReadOnlyDictionary<string, string?> Logging { get; private set; } = new Dictionary<string, string?>();

    /// <summary>Reads a configuration and checks what can be known without the machine that it is for.</summary>
    /// <param name="files">JSON files, with comments or without.</param>
    /// <param name="environment">Environment variables, of which FUSEMIX_HOME and those that begin with <c>FUSEMIX__</c> are read:
    /// <c>FUSEMIX__Http__Port</c>.</param>
    /// <param name="settings">Further keys and values, e.g. ("FuseMix:Http:Port", "5080"), which win over all others.</param>
    /// <exception cref="FuseMixException">A file cannot be read, or keys are unknown or have wrong values; the message names
    /// each.</exception>
    public static SiloConfiguration Load(
        IEnumerable<string> files,
        IEnumerable<KeyValuePair<string, string?>>? environment = null,
        IEnumerable<KeyValuePair<string, string?>>? settings = null)
    {
        var sources = files.Select(ConfigurationSource.File).ToList();
        if (environment is not null) sources.Add(ConfigurationSource.Environment(environment = [.. environment]));
        if (settings is not null) sources.Add(ConfigurationSource.Settings(settings));

        var problems = new ConfigurationProblems();
        var reader = new ConfigurationReader(sources, problems);
        var configuration = new SiloConfiguration { Logging = reader.Pass("Logging") };
        reader.RequireSections(Section, "Logging");
        reader.Read(configuration, Section);
        problems.ThrowIfAny();

        if (string.IsNullOrWhiteSpace(configuration.Home))
            configuration.Home = environment?.FirstOrDefault(variable => variable.Key == FuseMixHome.EnvironmentVariable).Value;

        configuration.Validate(problems);
        problems.ThrowIfAny();
        return configuration;
    }

    /// <inheritdoc/>
    public override void Validate(ConfigurationProblems problems)
    {
        base.Validate(problems);
        Http.Validate(problems);
        if (Http.Port != 0 && (Http.Port == Cluster.SiloPort || Http.Port == Cluster.GatewayPort))
            problems.Add("FuseMix:Http:Port", $"is {Http.Port}, as a port of FuseMix:Cluster; give another");
    }

    /// <summary>A node that has no name is named as its machine is.</summary>
    private static string MachineName()
    {
        var name = Dns.GetHostName().Split('.')[0].ToLowerInvariant();
        return ResourceName.IsValid(name) ? name : "local";
    }
}
