using FuseMix.Contracts.Http;
using FuseMix.Silo.Api;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Describing;

/// <summary>All that is said of a route, once: for its callers in the OpenAPI document, for who may call it, and for how its query string
/// is read.</summary>
/// <param name="Id">Name of the operation, unique.</param>
/// <param name="Scope">The least scope that a caller's key must have; see <see cref="Security.Scope"/>.</param>
/// <param name="Summary">What it does, in a few words.</param>
internal sealed record ApiRoute(string Id, string Scope, string Summary)
{
    /// <summary>What else there is to know.</summary>
    public string? Description { get; init; }

    /// <summary>What its query string may hold.</summary>
    public QueryParameter[] Query { get; init; } = [];

    /// <summary>What its body is; null for none.</summary>
    public Body? Body { get; init; }

    /// <summary>What it answers when all is well.</summary>
    public required Answer[] Answers { get; init; }

    /// <summary>Statuses of the problems that it may answer with, beside those that any route may.</summary>
    public int[] Problems { get; init; } = [];

    /// <summary>Which of the <see cref="RequestLimits"/> it counts for; null for none but the caller's own.</summary>
    public string? Limit { get; init; }

    /// <summary>Whether it is a stream of events, which counts for no limit.</summary>
    public bool IsStream { get; init; }

    /// <summary>Statuses of the problems that any route may answer with.</summary>
    public static IReadOnlyList<int> CommonProblems { get; } =
    [
        StatusCodes.Status400BadRequest,
        StatusCodes.Status401Unauthorized,
        StatusCodes.Status403Forbidden,
        StatusCodes.Status421MisdirectedRequest,
        StatusCodes.Status429TooManyRequests,
        StatusCodes.Status500InternalServerError,
        StatusCodes.Status503ServiceUnavailable,
        StatusCodes.Status504GatewayTimeout,
    ];
}

/// <summary>One parameter of a query string.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it means.</param>
internal sealed record QueryParameter(string Name, string Description)
{
    /// <summary>The words that it may be; null for any text.</summary>
    public string[]? Words { get; init; }

    /// <summary>The whole numbers that it may be; null for text.</summary>
    public (int Least, int Most)? Range { get; init; }

    /// <summary>Whether it is true or false.</summary>
    public bool IsFlag { get; init; }

    /// <summary>What is taken where it is missing; null for nothing.</summary>
    public string? Preset { get; init; }

    /// <summary>Whether it must be there.</summary>
    public bool IsRequired { get; init; }

    /// <summary>What it may look like.</summary>
    public string? Example { get; init; }
}

/// <summary>What the body of a request is.</summary>
/// <param name="Type">Type of the JSON document, or <see cref="Stream"/> for bytes.</param>
/// <param name="MediaType">Its content type.</param>
/// <param name="Description">What it means.</param>
internal sealed record Body(Type Type, string MediaType, string Description)
{
    /// <summary>A body as it may look, in JSON.</summary>
    public string? Example { get; init; }

    /// <summary>Whether it may be left out.</summary>
    public bool IsOptional { get; init; }

    /// <summary>A JSON document.</summary>
    public static Body Json<T>(string description, string example) => new(typeof(T), "application/json", description) { Example = example };
}

/// <summary>What a route answers when all is well.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Type">Type of the JSON document, <see cref="Stream"/> for bytes, null for nothing.</param>
/// <param name="Description">What it means.</param>
/// <param name="MediaTypes">What its content type may be; none for nothing.</param>
internal sealed record Answer(int Status, Type? Type, string Description, params string[] MediaTypes)
{
    /// <summary>A JSON document.</summary>
    public static Answer Json<T>(string description, int status = StatusCodes.Status200OK) =>
        new(status, typeof(T), description, "application/json");

    /// <summary>Status 204, and nothing.</summary>
    public static Answer Nothing(string description) => new(StatusCodes.Status204NoContent, null, description);
}

/// <summary>Maps routes together with what is said of them.</summary>
internal static class RouteMapping
{
    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Routes of one noun.</summary>
    public static RouteGroupBuilder About(this IEndpointRouteBuilder routes, string noun) => routes.MapGroup("").WithTags(noun);

    /// <summary>Answers GET and HEAD.</summary>
    public static void Get(this IEndpointRouteBuilder routes, string pattern, Delegate handler, ApiRoute route) =>
        routes.Map(Reading, pattern, handler, route);

    /// <summary>Answers PUT.</summary>
    public static void Put(this IEndpointRouteBuilder routes, string pattern, Delegate handler, ApiRoute route) =>
        routes.Map([HttpMethods.Put], pattern, handler, route);

    /// <summary>Answers POST.</summary>
    public static void Post(this IEndpointRouteBuilder routes, string pattern, Delegate handler, ApiRoute route) =>
        routes.Map([HttpMethods.Post], pattern, handler, route);

    /// <summary>Answers DELETE.</summary>
    public static void Delete(this IEndpointRouteBuilder routes, string pattern, Delegate handler, ApiRoute route) =>
        routes.Map([HttpMethods.Delete], pattern, handler, route);

    private static void Map(this IEndpointRouteBuilder routes, string[] methods, string pattern, Delegate handler, ApiRoute route)
    {
        var mapped = routes.MapMethods(pattern, methods, handler)
            .WithName(route.Id)
            .WithSummary(route.Summary)
            .WithMetadata(route)
            .RequireAuthorization(route.Scope)
            .AddEndpointFilter(static (call, next) =>
            {
                // Also where the handler asks for no parameter: one that was given is refused.
                _ = QueryParameters.Of(call.HttpContext.Request);
                return next(call);
            });
        if (route.Description is { } description) mapped.WithDescription(description);
        if (route.Body is { } body) mapped.Accepts(body.Type, body.IsOptional, body.MediaType);
        foreach (var answer in route.Answers)
            mapped.WithMetadata(new ProducesResponseTypeMetadata(answer.Status, answer.Type ?? typeof(void), answer.MediaTypes));
        foreach (var status in ApiRoute.CommonProblems.Concat(route.Problems))
            mapped.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(Problem), ["application/problem+json"]));
        if (route.Limit is { } limit) mapped.RequireRateLimiting(limit);
        if (route.IsStream) mapped.DisableRateLimiting();
    }
}
