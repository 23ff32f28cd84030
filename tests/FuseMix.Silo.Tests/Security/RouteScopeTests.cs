using System.Net;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FuseMix.Silo.Tests.Security;

public sealed class RouteScopeTests(GuardedNode guarded)
{
    private static readonly string[] Public = ["/", "/page.css", "/page.js", "/icon.svg", "/api/v1/openapi.json"];

    [Fact]
    public void Every_endpoint_says_who_may_call_it_or_is_one_of_the_few_public_ones()
    {
        var endpoints = Endpoints();
        Assert.True(endpoints.Length > 30);
        foreach (var endpoint in endpoints)
        {
            var pattern = $"/{endpoint.RoutePattern.RawText!.TrimStart('/')}";
            if (endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            {
                Assert.True(Public.Contains(pattern) || pattern.StartsWith("/health/", StringComparison.Ordinal), $"{pattern} is public.");
                continue;
            }

            var policies = endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(data => data.Policy).ToArray();
            Assert.True(
                policies is [{ } policy] && (ApiKeyOptions.AllScopes.Contains(policy) || policy == Scope.Metrics),
                $"{pattern} needs '{string.Join(", ", policies)}'.");
        }
    }

    [Fact]
    public async Task Every_scope_reaches_its_routes_and_no_others()
    {
        string[] scopes = ["read", "write", "admin"];
        foreach (var endpoint in Endpoints())
        {
            if (endpoint.Metadata.GetMetadata<ApiRoute>() is not { } route) continue;
            foreach (var method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            {
                foreach (var (who, client) in guarded.Clients)
                {
                    using var request = new HttpRequestMessage(new HttpMethod(method), AddressOf(endpoint));
                    using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
                    var status = response.StatusCode;
                    var call = $"{method} {request.RequestUri} by '{who}' is answered {status}, and needs '{route.Scope}'.";
                    if (!scopes.Contains(who)) Assert.True(status == HttpStatusCode.Unauthorized, call);
                    else if (Array.IndexOf(scopes, who) < Array.IndexOf(scopes, route.Scope))
                        Assert.True(status == HttpStatusCode.Forbidden, call);
                    else Assert.True(status is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) && (int)status < 500, call);
                }
            }
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/page.js")]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/api/v1/openapi.json")]
    public async Task What_is_public_needs_no_key_and_minds_no_wrong_one(string address)
    {
        foreach (var (_, client) in guarded.Clients)
        {
            using var response = await client.GetAsync(address);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task Strangers_do_not_learn_what_is_there()
    {
        using var nothing = await guarded.Clients["none"].GetAsync("/api/v1/nothing");
        Assert.Equal(HttpStatusCode.Unauthorized, nothing.StatusCode);
        using var unknown = await guarded.Clients["read"].GetAsync("/api/v1/nothing");
        await ServedHome.AssertProblem(unknown, 404, "not-found", "/api/v1/nothing");
    }

    private RouteEndpoint[] Endpoints() =>
        [.. guarded.Node.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()];

    private static string AddressOf(RouteEndpoint endpoint) => string.Concat(
        endpoint.RoutePattern.PathSegments.Select(segment => "/" + string.Concat(segment.Parts.Select(part => part switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart => "nowhere",
            _ => "",
        }))));
}
