using System.Net;
using System.Text;
using FuseMix.Testing;

namespace FuseMix.Client.Tests.Http;

/// <summary>Gateways that answer as a test says, one answer after the other; the last one for ever.</summary>
internal sealed class FakeGateways : HttpMessageHandler
{
    private readonly Queue<Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>>> _answers = [];

    public ManualTimeProvider Clock { get; } = new();

    /// <summary>Method and address of every request, in order.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Body of every request; null for none.</summary>
    public List<byte[]?> Bodies { get; } = [];

    /// <summary>When each request came.</summary>
    public List<DateTimeOffset> Times { get; } = [];

    /// <summary>The request that came last.</summary>
    public HttpRequestMessage Last { get; private set; } = null!;

    public FakeGateways Answer(HttpStatusCode status, string? json = null, string type = "application/json", int? retryAfter = null) =>
        Answer((_, _) =>
    {
        var response = new HttpResponseMessage(status) { Content = new StringContent(json ?? "", Encoding.UTF8, type) };
        if (retryAfter is { } seconds) response.Headers.Add("Retry-After", $"{seconds}");
        return Task.FromResult(response);
    });

    public FakeGateways Answer(string json) => Answer(HttpStatusCode.OK, json);

    public FakeGateways Problem(HttpStatusCode status, string type, string detail, string? remedy = null, int? retryAfter = null) => Answer(
        status,
        $$"""{ "type": "urn:fusemix:problem:{{type}}", "title": "?", "status": {{(int)status}}, "detail": "{{detail}}", "remedy": {{(remedy is null ? "null" : $"\"{remedy}\"")}}, "requestId": "0HN7" }""",
        "application/problem+json",
        retryAfter);

    /// <summary>The connection cannot be made.</summary>
    public FakeGateways Refuse() =>
        Answer((_, _) => throw new HttpRequestException(HttpRequestError.ConnectionError, "Connection refused"));

    /// <summary>The connection breaks after the request was sent.</summary>
    public FakeGateways Break() =>
        Answer((_, _) => throw new HttpRequestException(HttpRequestError.ResponseEnded, "The response ended prematurely."));

    /// <summary>Nothing ever comes.</summary>
    public FakeGateways Hang() => Answer(async (_, cancellationToken) =>
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        throw new InvalidOperationException();
    });

    /// <summary>A stream of events.</summary>
    public FakeGateways Stream(Stream events) => Answer((_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
    {
        Content = new StreamContent(events) { Headers = { ContentType = new("text/event-stream") } },
    }));

    public FakeGateways Events(params string[] events) => Stream(new MemoryStream(Encoding.UTF8.GetBytes(string.Concat(events))));

    public FakeGateways Answer(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer)
    {
        _answers.Enqueue(answer);
        return this;
    }

    /// <summary>A client of these gateways.</summary>
    public HttpFuseMixClient Client(int gateways = 1, string? apiKey = null, TimeSpan? retryFor = null)
    {
        // What the client does runs on within the step of the clock that set it going, so that no time passes meanwhile.
        SynchronizationContext.SetSynchronizationContext(null);
        return new HttpFuseMixClient(
            new HttpClient(this) { Timeout = Timeout.InfiniteTimeSpan },
            new HttpFuseMixClientOptions
            {
                Addresses = [.. Enumerable.Range(1, gateways).Select(n => new Uri($"http://gateway-{n}:5080"))],
                ApiKey = apiKey,
                RetryFor = retryFor ?? TimeSpan.FromSeconds(30),
                Clock = Clock,
            });
    }

    /// <summary>Lets time go by, as far as somebody waits for it, until the work ends.</summary>
    public async Task<T> Play<T>(Task<T> work)
    {
        while (!work.IsCompleted)
        {
            if (Clock.WaitingTimers > 0) Clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        return await work;
    }

    public Task Play(Task work) => Play(work.ContinueWith(
        done =>
        {
            done.GetAwaiter().GetResult();
            return true;
        },
        TaskScheduler.Default));

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Last = request;
        Requests.Add($"{request.Method} {request.RequestUri}");
        Times.Add(Clock.GetUtcNow());
        Bodies.Add(request.Content is { } content ? await content.ReadAsByteArrayAsync(cancellationToken) : null);
        var answer = _answers.Count > 1 ? _answers.Dequeue() : _answers.Peek();
        var response = await answer(request, cancellationToken);
        response.RequestMessage = request;
        return response;
    }
}
