using System.Globalization;
using System.Threading.RateLimiting;
using FuseMix.Silo.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;

namespace FuseMix.Silo.Security;

/// <summary>How much a node takes on: so many requests per second of each key, so many searches and uploads at once, and a queue that
/// ends.</summary>
internal static class RequestLimits
{
    /// <summary>The policy of searches.</summary>
    public const string Search = "search";

    /// <summary>The policy of uploads: they are long, so they have places of their own and never keep searches waiting.</summary>
    public const string Upload = "upload";

    /// <summary>Seconds after which to try again where no limiter knows better.</summary>
    public const int RetryAfter = 1;

    /// <summary>Of the places for searches, one in so many is there for an upload, too.</summary>
    private const int SearchesPerUpload = 4;

    public static void Configure(RateLimiterOptions limits, HttpOptions options, ApiKeyRing keys)
    {
        limits.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context =>
            keys.IsEmpty || context.Request.Path.StartsWithSegments("/health")
                ? RateLimitPartition.GetNoLimiter("")
                : RateLimitPartition.GetTokenBucketLimiter(
                CallerOf(context),
                _ => new TokenBucketRateLimiterOptions
                {
                    TokenLimit = options.RequestsPerSecond,
                    TokensPerPeriod = options.RequestsPerSecond,
                    ReplenishmentPeriod = TimeSpan.FromSeconds(1),
                }));
        AddWork(Search, options.ConcurrentRequests);
        AddWork(Upload, Math.Max(1, options.ConcurrentRequests / SearchesPerUpload));
        limits.OnRejected = (rejected, _) =>
        {
            // A bucket knows when it is filled again; a full queue does not know when it moves on.
            var tooMany = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after);
            var response = rejected.HttpContext.Response;
            response.StatusCode = tooMany ? StatusCodes.Status429TooManyRequests : StatusCodes.Status503ServiceUnavailable;
            response.Headers.RetryAfter = Math.Max(RetryAfter, (int)Math.Ceiling(after.TotalSeconds)).ToString(
                CultureInfo.InvariantCulture);
            rejected.HttpContext.Features.Set(tooMany
                ? new Refusal(
                    $"More than {options.RequestsPerSecond} requests per second came from this caller.",
                    "Send fewer, or put several queries into one request.")
                : new Refusal("The node has more to do than it can take on.", "Try again after the seconds that Retry-After names."));
            return ValueTask.CompletedTask;
        };

        void AddWork(string name, int places) => limits.AddPolicy(name, _ => RateLimitPartition.GetConcurrencyLimiter(
            name,
            _ => new ConcurrencyLimiterOptions
            {
                PermitLimit = places,
                QueueLimit = options.QueuedRequests,
                QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
            }));
    }

    /// <summary>A key, wherever it is used; without one the address, so that guessing keys is slow and harms nobody else.</summary>
    private static string CallerOf(HttpContext context) => context.User.Identity is { IsAuthenticated: true, Name: { } key }
        ? $"key {key}"
        : $"address {context.Connection.RemoteIpAddress}";
}
