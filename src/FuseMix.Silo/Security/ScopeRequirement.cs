using System.Net;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Security;

/// <summary>The caller's key must have a scope.</summary>
/// <param name="Scope">The least one; see <see cref="Security.Scope"/>.</param>
/// <param name="OrFromThisMachine">Whether whoever calls from this machine itself needs none.</param>
internal sealed record ScopeRequirement(string Scope, bool OrFromThisMachine = false) : IAuthorizationRequirement;

/// <summary>Decides by the caller's key; where nobody needs a key, everybody may do everything.</summary>
internal sealed class ScopeRequirementHandler(ApiKeyRing keys) : AuthorizationHandler<ScopeRequirement>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, ScopeRequirement requirement)
    {
        if (keys.IsEmpty
            || Scope.Holds(ApiKeyHandler.ScopeOf(context.User), requirement.Scope)
            || (requirement.OrFromThisMachine && context.Resource is HttpContext http && IsFromThisMachine(http)))
        {
            context.Succeed(requirement);
        }

        return Task.CompletedTask;
    }

    /// <summary>Not what a proxy on this machine passes on for others.</summary>
    private static bool IsFromThisMachine(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } remote && IPAddress.IsLoopback(remote)
        && !context.Request.Headers.ContainsKey("Forwarded") && !context.Request.Headers.ContainsKey("X-Forwarded-For");
}
