using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FuseMix.Silo.Security;

/// <summary>Knows a caller by the key in <c>Authorization: Bearer KEY</c> or <c>X-Api-Key: KEY</c>.</summary>
internal sealed partial class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, ApiKeyRing keys)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    /// <summary>Name of the scheme.</summary>
    public const string SchemeName = "ApiKey";

    /// <summary>The header beside <c>Authorization</c>.</summary>
    public const string HeaderName = "X-Api-Key";

    private const string BearerPrefix = "Bearer ";

    private readonly ILogger _logger = loggers.CreateLogger<ApiKeyHandler>();
    private string? _refused;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // Nobody needs a key here, and a key that nobody asked for proves nothing.
        if (keys.IsEmpty || (!Request.Headers.ContainsKey("Authorization") && !Request.Headers.ContainsKey(HeaderName)))
            return Task.FromResult(AuthenticateResult.NoResult());
        if (Presented(out var why) is { } key)
        {
            if (keys.Find(key) is { } known)
                return Task.FromResult(
                    AuthenticateResult.Success(
                        new AuthenticationTicket(CallerOf(known.Name, Security.Scope.Highest(known.Scopes)), Scheme.Name)));
            why = "The key is not one that this node knows.";
        }

        // Who it was is known by address alone, and what was sent is not for logs: it may be a key of another system.
        LogRefused(Request.Method, Request.Path, Context.Connection.RemoteIpAddress?.ToString(), why);
        _refused = why;
        return Task.FromResult(AuthenticateResult.NoResult());
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        _ = await HandleAuthenticateOnceSafeAsync();
        Context.Features.Set(new Refusal(
            _refused ?? "This needs a key.",
            $"Send one as 'Authorization: Bearer KEY' or '{HeaderName}: KEY'; whoever runs the node makes them."));
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        Response.Headers.WWWAuthenticate =
            _refused is null ? "Bearer realm=\"fusemix\"" : "Bearer realm=\"fusemix\", error=\"invalid_token\"";
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties)
    {
        var needed = Context.GetEndpoint()?.Metadata.GetOrderedMetadata<Microsoft.AspNetCore.Authorization.IAuthorizeData>()
            .LastOrDefault()?.Policy ?? Security.Scope.Read;
        Context.Features.Set(new Refusal(
            $"The key '{Context.User.Identity?.Name}' has the scope '{ScopeOf(Context.User)}', but this needs '{needed}'.",
            "Take another key, or have its scopes changed in the configuration."));
        Response.StatusCode = StatusCodes.Status403Forbidden;
        LogForbidden(Context.User.Identity?.Name, ScopeOf(Context.User), Request.Method, Request.Path, needed);
        return Task.CompletedTask;
    }

    /// <summary>The scope of a caller; empty for nobody in particular.</summary>
    public static string ScopeOf(ClaimsPrincipal caller) => caller.FindFirst(ScopeClaim)?.Value ?? "";

    private const string ScopeClaim = "scope";

    private static ClaimsPrincipal CallerOf(string name, string scope) =>
        new(new ClaimsIdentity([new Claim(ClaimTypes.Name, name), new Claim(ScopeClaim, scope)], SchemeName));

    /// <summary>The one key that the request carries, or null and why there is none.</summary>
    private string? Presented(out string why)
    {
        var bearer = Request.Headers.Authorization;
        var header = Request.Headers[HeaderName];
        why = "";
        if (bearer.Count + header.Count > 1)
            why = $"The request carries more than one key: 'Authorization' and '{HeaderName}' are for one, once.";
        else if (header.Count == 1) return header[0]?.Trim() is { Length: > 0 } key ? key : Empty(out why);
        else if (bearer[0]?.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase) != true)
            why = "The header 'Authorization' is not of the form 'Bearer KEY'.";
        else return bearer[0]![BearerPrefix.Length..].Trim() is { Length: > 0 } key ? key : Empty(out why);
        return null;

        static string? Empty(out string why)
        {
            why = "The key is empty.";
            return null;
        }
    }

    [LoggerMessage(4101, LogLevel.Warning, "{Method} {Path} from {Address} is refused: {Reason}")]
    private partial void LogRefused(string method, PathString path, string? address, string reason);

    [LoggerMessage(4102, LogLevel.Warning, "The key {Key} with the scope {Scope} may not {Method} {Path}, which needs {Needed}")]
    private partial void LogForbidden(string? key, string scope, string method, PathString path, string? needed);
}

/// <summary>Why a caller was turned away, for the problem that the answer carries.</summary>
internal sealed record Refusal(string Detail, string Remedy);
