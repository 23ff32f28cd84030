namespace FuseMix.Client;

/// <summary>Where a cluster is, and how patient to be with it.</summary>
public sealed class HttpFuseMixClientOptions
{
    /// <summary>Addresses of one or more gateways of one cluster, e.g. <c>https://host:5080</c>. Where one does not answer, the next one is
    /// asked.</summary>
    public required IReadOnlyList<Uri> Addresses { get; init; }

    /// <summary>The API key; null for a cluster that asks for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>How long one attempt may take, 1 ms or more; evaluations, baselines and uploads may take longer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a call that is safe to repeat may go on failing before another attempt is no longer made; zero for one attempt
    /// only.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the watching of a job goes on trying once nothing is heard of it any more.</summary>
    public TimeSpan RewatchFor { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Times all of this; the real clock unless a test says otherwise.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The addresses, each ending in '/'.</summary>
    /// <exception cref="FuseMixException">There is none, or one is not of HTTP.</exception>
    internal Uri[] Checked()
    {
        if (Addresses.Count == 0) throw new FuseMixException(
            FailureKind.Invalid, "A client needs the address of a cluster.", "For example http://localhost:5080.");
        return [.. Addresses.Select(address =>
        {
            if (!address.IsAbsoluteUri
                || address.Scheme is not ("http" or "https")
                || address.Query.Length + address.Fragment.Length > 0
                || address.UserInfo.Length > 0)
            {
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"'{address.OriginalString}' is not the address of a cluster.",
                    address.OriginalString.Contains("://", StringComparison.Ordinal)
                        ? "It is written like http://localhost:5080."
                        : $"Did you mean 'http://{address.OriginalString}'?");
            }

            return address.AbsolutePath.EndsWith('/') ? address : new Uri($"{address.AbsoluteUri}/");
        })];
    }
}
