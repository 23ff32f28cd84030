using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Client.Jobs;
using FuseMix.Contracts.Http;

namespace FuseMix.Client.Http;

/// <summary>One call of the API.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Address">Its address below <c>/api/v1/</c>, escaped.</param>
internal sealed record ApiCall(HttpMethod Method, string Address)
{
    /// <summary>Makes the body, anew for each attempt; null for none.</summary>
    public Func<HttpContent>? Body { get; init; }

    /// <summary>Whether doing it twice is the same as doing it once, answer included.</summary>
    public bool IsSafe { get; init; } = true;

    /// <summary>How long the cluster may work on it, which comes on top of what the options grant an attempt; infinite for no limit at
    /// all.</summary>
    public TimeSpan AnswersAfter { get; init; }
}

/// <summary>Sends calls to the gateways of one cluster: to the next one where one does not answer, and again where that is safe.</summary>
internal sealed class ApiConnection(HttpClient http, HttpFuseMixClientOptions options)
{
    /// <summary>A heartbeat comes every 15 s: a stream on which two of them are missing has nobody at its other end.</summary>
    private static readonly TimeSpan HeartbeatPatience = TimeSpan.FromSeconds(40);

    /// <summary>How often the cluster may say that it is busy: the caller should know of one that stays so.</summary>
    private const int MostRefusals = 4;

    private static readonly ProductInfoHeaderValue Agent = new(
        "FuseMix.Client", typeof(ApiConnection).Assembly.GetName().Version!.ToString(3));

    private readonly Uri[] _gateways = options.Checked();
    private int _current;

    public TimeProvider Clock => options.Clock;

    public TimeSpan RewatchFor => options.RewatchFor;

    /// <summary>Sends a call and reads the document that answers it.</summary>
    public Task<T> Send<T>(ApiCall call, JsonTypeInfo<T> type, CancellationToken cancellationToken) => Send(
        call,
        async (response, token) =>
        {
            using (response)
            {
                await using var body = await response.Content.ReadAsStreamAsync(token);
                return await JsonSerializer.DeserializeAsync(body, type, token) ?? throw new JsonException("The document is null.");
            }
        },
        cancellationToken);

    /// <summary>Sends a call until it is answered, as long as that is safe and allowed.</summary>
    /// <param name="call">The call.</param>
    /// <param name="read">Reads and disposes the answer to one that succeeded; where it breaks off, the call is sent again.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<T> Send<T>(
        ApiCall call, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        var retries = new Retries(Clock, options.RetryFor);
        for (var (round, refusals) = (1, 0); ; round++)
        {
            var gateway = Volatile.Read(ref _current);
            try
            {
                return await Attempt(call, _gateways[gateway], read, cancellationToken);
            }
            catch (Setback setback)
            {
                if (setback.IsBegun && !call.IsSafe) throw setback.Failure;

                // The others are asked before anybody waits, but for a rate limit, which is the same everywhere.
                if (!setback.IsLimit)
                {
                    _ = Interlocked.CompareExchange(ref _current, (gateway + 1) % _gateways.Length, gateway);
                    if (round % _gateways.Length != 0) continue;
                }

                if (setback.IsAnswer && ++refusals >= MostRefusals) throw setback.Failure;
                if (!await retries.Next(setback.RetryAfter, cancellationToken)) throw setback.Failure;
            }
        }
    }

    /// <summary>The statuses that one stream of events tells, until it ends.</summary>
    /// <exception cref="FuseMixException">The cluster says why it tells no more.</exception>
    public async IAsyncEnumerable<T> Events<T>(
        string address, JsonTypeInfo<T> type, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class
    {
        using var response = await Send(
            new ApiCall(HttpMethod.Get, address), static (answer, _) => Task.FromResult(answer), cancellationToken);
        await using var body = new IdleStream(await response.Content.ReadAsStreamAsync(cancellationToken), HeartbeatPatience, Clock);
        var events = SseParser.Create<object?>(body, (name, data) => name switch
        {
            "status" => JsonSerializer.Deserialize(data, type),
            "failure" => JsonSerializer.Deserialize(data, ApiJson.Client.Problem),
            _ => null,
        });
        await foreach (var item in events.EnumerateAsync(cancellationToken))
        {
            if (item.Data is Problem problem && ApiProblem.Of(problem) is { } failure) throw failure;
            if (item.Data is T status) yield return status;
        }
    }

    /// <exception cref="Setback">It did not come to an answer, but may at another gateway, or later.</exception>
    /// <exception cref="FuseMixException">It was answered that it cannot be done.</exception>
    private async Task<T> Attempt<T>(
        ApiCall call, Uri gateway, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        var patience = call.AnswersAfter == Timeout.InfiniteTimeSpan ? call.AnswersAfter : options.Timeout + call.AnswersAfter;
        using var timeout = new CancellationTokenSource(patience, Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using var request =
            new HttpRequestMessage(call.Method, new Uri(gateway, $"api/v1/{call.Address}")) { Content = call.Body?.Invoke() };
        request.Headers.UserAgent.Add(Agent);
        if (options.ApiKey is { } key) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);

        // Whoever may not upload, or too much, should hear so before everything was sent.
        if (request.Content is TarContent) request.Headers.ExpectContinue = true;
        try
        {
            var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (response.IsSuccessStatusCode) return await read(response, either.Token);
            using (response)
            {
                var failure = await ApiProblem.Read(response, either.Token);
                throw response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway
                    or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
                    ? new Setback(failure)
                    {
                        IsAnswer = true,
                        IsLimit = response.StatusCode == HttpStatusCode.TooManyRequests,
                        IsBegun = response.StatusCode != HttpStatusCode.TooManyRequests,
                        RetryAfter = ApiProblem.RetryAfter(response, Clock),
                    }
                    : failure;
            }
        }
        catch (JsonException error)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"{request.RequestUri!.GetLeftPart(UriPartial.Path)} does not answer as a FuseMix cluster does: {error.Message}",
                "Check the address, and the version of the cluster.",
                error);
        }
        catch (Exception error) when (error is HttpRequestException
            or IOException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            if ((request.Content as TarContent)?.Failure is { } unreadable) throw unreadable;
            var failure = Unanswered(gateway, error, error is OperationCanceledException ? patience : null);
            throw (error as HttpRequestException)?.HttpRequestError switch
            {
                HttpRequestError.SecureConnectionError => failure,
                HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError => new Setback(failure),
                _ => new Setback(failure) { IsBegun = true },
            };
        }
    }

    private static FuseMixException Unanswered(Uri gateway, Exception error, TimeSpan? patience)
    {
        var address = gateway.GetLeftPart(UriPartial.Authority);
        return patience is { } waited
            ? new FuseMixException(
                FailureKind.Unavailable,
                $"{address} did not answer within {waited.TotalSeconds} s.",
                "What it was doing may still finish: its status tells. The same call is safe to repeat.",
                error)
            : new FuseMixException(
                FailureKind.Unavailable,
                $"{address} cannot be reached: {error.GetBaseException().Message}",
                "Check the address, and that the cluster runs there.",
                error);
    }

    /// <summary>An attempt that came to nothing, though another one may.</summary>
    private sealed class Setback(FuseMixException failure) : Exception
    {
        public FuseMixException Failure => failure;

        /// <summary>Whether the cluster said so itself.</summary>
        public bool IsAnswer { get; init; }

        /// <summary>Whether it is the caller who asks too much, whichever gateway is asked.</summary>
        public bool IsLimit { get; init; }

        /// <summary>Whether it may have been done nevertheless, or a part of it.</summary>
        public bool IsBegun { get; init; }

        /// <summary>How long the cluster asks to wait; null where it does not.</summary>
        public TimeSpan? RetryAfter { get; init; }
    }
}
