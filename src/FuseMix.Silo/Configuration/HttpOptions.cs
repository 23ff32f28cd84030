using System.ComponentModel.DataAnnotations;
using System.Net;
using FuseMix.Hosting.Configuration;
using FuseMix.Hosting.Security;

namespace FuseMix.Silo.Configuration;

/// <summary>The HTTP face of a node: where it listens, whom it lets in, and how much it takes on at once.</summary>
public sealed class HttpOptions
{
    /// <summary>Where <see cref="Certificate"/> stands in a configuration.</summary>
    internal const string CertificateSection = "FuseMix:Http:Certificate";

    /// <summary>The IP address to listen on: a loopback address, or one that others reach (0.0.0.0 and :: mean all of them), which needs
    /// <see cref="ApiKeys"/>.</summary>
    public string Address { get; set; } = "127.0.0.1";

    /// <summary>TCP port; 0 for any free one.</summary>
    [Range(0, 65_535)]
    public int Port { get; set; } = 5080;

    /// <summary>Host names by which others reach this node; requests to any other name are refused (421). None: any name, where keys are
    /// needed, and this machine's own names where they are not.</summary>
    public IReadOnlyList<string> PublicNames { get; set; } = [];

    /// <summary>The certificate for TLS; without a path, plain HTTP.</summary>
    public CertificateOptions Certificate { get; set; } = new();

    /// <summary>Who may do what. None: whoever reaches the node may do everything, which is allowed on a loopback address alone.</summary>
    public IReadOnlyList<ApiKeyOptions> ApiKeys { get; set; } = [];

    /// <summary>Requests per second of one key, and of one address that sends none; more are answered 429. No limit where nobody needs a
    /// key.</summary>
    [Range(1, 1_000_000)]
    public int RequestsPerSecond { get; set; } = 200;

    /// <summary>Searches that are worked on at once; uploads have a quarter as many places of their own.</summary>
    [Range(1, 10_000)]
    public int ConcurrentRequests { get; set; } = 64;

    /// <summary>Searches, and uploads, that wait while <see cref="ConcurrentRequests"/> are worked on; more are answered 503.</summary>
    [Range(0, 1_000_000)]
    public int QueuedRequests { get; set; } = 256;

    /// <summary>The largest upload of a dataset or an encoder pack, in bytes.</summary>
    [Range(typeof(long), "1024", "1099511627776")]
    public long MaxUploadBytes { get; set; } = 1L << 30;

    /// <summary>Whether only this machine can reach the node.</summary>
    public bool IsLoopback => IPAddress.TryParse(Address, out var address) && IPAddress.IsLoopback(address);

    internal void Validate(ConfigurationProblems problems)
    {
        if (!IPAddress.TryParse(Address, out _))
        {
            problems.Add(
                "FuseMix:Http:Address",
                $"is '{Address}'; it must be an IP address of this machine, e.g. 127.0.0.1, or 0.0.0.0 for all of them");
        }
        else if (!IsLoopback && ApiKeys.Count == 0)
        {
            problems.Add(
                "FuseMix:Http:ApiKeys",
                $"is empty, but others can reach {Address}; add a key, or set FuseMix:Http:Address to a loopback address such as "
                    + "127.0.0.1");
        }

        // Whoever reaches a node without keys may do everything, and a web page in a browser on this machine reaches what has a public
        // name.
        if (PublicNames.Count > 0 && ApiKeys.Count == 0)
            problems.Add(
                "FuseMix:Http:ApiKeys", "is empty, but FuseMix:Http:PublicNames is not; a node that others reach by name needs keys");

        foreach (var (name, i) in PublicNames.Select((name, i) => (name, i)))
        {
            if (Uri.CheckHostName(name) == UriHostNameType.Unknown)
                problems.Add(
                    $"FuseMix:Http:PublicNames:{i}",
                    $"is '{name}'; it must be a host name or IP address without scheme and port, e.g. fusemix.example.org");
        }

        Certificate.Validate(problems, CertificateSection);

        foreach (var (key, i) in ApiKeys.Select((key, i) => (key, i)))
        {
            key.Validate(problems, $"FuseMix:Http:ApiKeys:{i}");
            if (ApiKeys.Take(i).Any(other => other.Name == key.Name))
                problems.Add($"FuseMix:Http:ApiKeys:{i}:Name", $"is '{key.Name}', as of another key; names are unique");
            if (ApiKeys.Take(i).Any(other => other.Sha256.Equals(key.Sha256, StringComparison.OrdinalIgnoreCase)))
                problems.Add($"FuseMix:Http:ApiKeys:{i}:Sha256", "is that of another key; make a new key");
        }
    }
}

/// <summary>Somebody who may use the HTTP API. The key itself is not kept, only its hash.</summary>
public sealed class ApiKeyOptions
{
    /// <summary>What may be in <see cref="Scopes"/>: to look and search; to import, extract, train and build; to add and remove encoders,
    /// and to delete.</summary>
    public static readonly IReadOnlyList<string> AllScopes = ["read", "write", "admin"];

    /// <summary>Who that is, as logs name it.</summary>
    public string Name { get; set; } = "";

    /// <summary>SHA-256 of the key's UTF-8 bytes, 64 hexadecimal digits.</summary>
    public string Sha256 { get; set; } = "";

    /// <summary>One or more of <see cref="AllScopes"/>.</summary>
    public IReadOnlyList<string> Scopes { get; set; } = [];

    internal void Validate(ConfigurationProblems problems, string path)
    {
        if (!ResourceName.IsValid(Name))
            problems.Add(
                $"{path}:Name", $"is '{Name}'; it must be 1 to {ResourceName.MaxLength} lower-case letters, digits, '-', '_' or '.'");

        // Not quoted: it may be the key itself.
        if (Sha256.Length != 64 || !Sha256.All(char.IsAsciiHexDigit))
            problems.Add($"{path}:Sha256", "is not 64 hexadecimal digits; it is the SHA-256 of the key: printf %s \"$KEY\" | sha256sum");
        if (Scopes.Count == 0) problems.Add($"{path}:Scopes", $"is empty; it must name some of: {string.Join(", ", AllScopes)}");
        foreach (var scope in Scopes)
        {
            if (AllScopes.Contains(scope)) continue;
            var nearest = NearestName.Of(scope, AllScopes);
            problems.Add(
                $"{path}:Scopes",
                $"has '{scope}'; {(nearest is null ? $"known are {string.Join(", ", AllScopes)}" : $"did you mean '{nearest}'?")}");
        }
    }
}
