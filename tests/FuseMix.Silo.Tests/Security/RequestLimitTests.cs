using System.Formats.Tar;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using FuseMix.Silo.Configuration;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Security;

public sealed class RequestLimitTests(ServedHome served)
{
    private const string Search = "/api/v1/collections/boats/search";

    [Fact]
    public async Task A_key_that_asks_too_often_is_told_when_to_come_back_and_nobody_else_suffers()
    {
        var keys = new TestKeys();
        var options = keys.Options();
        options.RequestsPerSecond = 10;
        await using var node = await StartedNode.StartAsync(options);
        var (greedy, other) = (node.Client(keys.Read), node.Client(keys.Write));

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => greedy.GetAsync("/api/v1/cluster")));
        Assert.All(
            answers,
            answer => Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, $"{answer.StatusCode}"));

        // A full bucket, and what drips into it meanwhile.
        Assert.InRange(answers.Count(answer => answer.IsSuccessStatusCode), 10, 90);
        var refused = answers.First(answer => !answer.IsSuccessStatusCode);
        await ServedHome.AssertProblem(refused, 429, "too-many-requests", "More than 10 requests per second");
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 10);

        Assert.Equal(HttpStatusCode.OK, (await other.GetAsync("/api/v1/cluster", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await greedy.GetAsync("/health/ready", TestContext.Current.CancellationToken)).StatusCode);
        await Patience.Until(async () => (await greedy.GetAsync("/api/v1/cluster")).StatusCode, status => status == HttpStatusCode.OK);
    }

    [Fact]
    public async Task Who_guesses_keys_is_slowed_down_too()
    {
        var options = new TestKeys().Options();
        options.RequestsPerSecond = 5;
        await using var node = await StartedNode.StartAsync(options);
        var client = node.Client("fmx_guess");
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.GetAsync("/api/v1/cluster")));
        Assert.All(
            answers,
            answer => Assert.True(
                answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests, $"{answer.StatusCode}"));
        Assert.True(answers.Count(answer => answer.StatusCode == HttpStatusCode.TooManyRequests) > 10);
    }

    [Fact]
    public async Task Where_nobody_needs_a_key_nobody_is_counted()
    {
        await using var node = await StartedNode.StartAsync(new HttpOptions { RequestsPerSecond = 1 });
        var client = node.Client();
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.GetAsync("/api/v1/cluster")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
    }

    [Fact]
    public async Task Ten_times_the_searches_that_a_node_takes_on_are_shed_and_the_others_answered()
    {
        const int places = 2, queue = 3, sent = 10 * (places + queue);
        await using var node = await StartedNode.StartAsync(
            new HttpOptions { ConcurrentRequests = places, QueuedRequests = queue }, served.Home.Home);
        using var gate = new Gate();
        var client = WaitingClient(node);
        var requests = Enumerable.Range(0, sent).Select(_ => Post(client, gate.Query())).ToList();

        // Whoever is let in begins to send: as many as there are places. As many wait. All others are told to come back, at once.
        await gate.Entered(places);
        var shed = new List<HttpResponseMessage>();
        while (shed.Count < sent - places - queue)
        {
            var done = await Task.WhenAny(requests).WaitAsync(Patience.Long, TestContext.Current.CancellationToken);
            requests.Remove(done);
            shed.Add(await done);
        }

        Assert.All(requests, request => Assert.False(request.IsCompleted));
        Assert.Equal(places, gate.Count);
        Assert.All(shed, answer => Assert.Equal(1, answer.Headers.RetryAfter?.Delta?.TotalSeconds));
        await ServedHome.AssertProblem(shed[0], 503, "unavailable", "more to do than it can take on", "Retry-After");

        // What is not a search goes on all the while.
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/ready", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/collections", TestContext.Current.CancellationToken)).StatusCode);

        gate.Open();
        foreach (var answer in await Task.WhenAll(requests)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(places + queue, gate.Count);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"{Search}?q=dog", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task Uploads_have_places_of_their_own_and_keep_no_search_waiting()
    {
        await using var node = await StartedNode.StartAsync(
            new HttpOptions { ConcurrentRequests = 4, QueuedRequests = 0 }, served.Home.Home);
        using var gate = new Gate();
        var client = WaitingClient(node);
        var upload = Put(client, "/api/v1/datasets/waiting", gate.Tar());
        await gate.Entered(1);
        using var second = await Put(client, "/api/v1/datasets/waiting-too", gate.Tar());
        await ServedHome.AssertProblem(second, 503, "unavailable");
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync($"{Search}?q=dog", TestContext.Current.CancellationToken)).StatusCode);
        gate.Open();
        using var first = await upload;
        await ServedHome.AssertProblem(first, 400, "invalid", "breaks off");
    }

    [Fact]
    public async Task A_caller_that_gives_up_while_it_waits_makes_room()
    {
        await using var node = await StartedNode.StartAsync(
            new HttpOptions { ConcurrentRequests = 1, QueuedRequests = 1 }, served.Home.Home);
        using var gate = new Gate();
        var client = WaitingClient(node);
        var first = Post(client, gate.Query());
        await gate.Entered(1);

        // Of two more, one waits and the other is told to come back.
        using var gone = new CancellationTokenSource();
        Task<HttpResponseMessage>[] two = [.. Enumerable.Range(0, 2).Select(_ => Post(client, gate.Query(), gone.Token))];
        var refused = await Task.WhenAny(two).WaitAsync(Patience.Long, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await refused).StatusCode);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => two.Single(request => request != refused));

        // There is a place in the queue again, as soon as the node has noticed: one that does not come back at once has it.
        var next = await Patience.Until(
            async () =>
            {
                var request = Post(client, gate.Query());
                await Task.WhenAny(request, Task.Delay(200, TestContext.Current.CancellationToken));
                return request;
            },
            request => !request.IsCompleted);
        gate.Open();
        Assert.Equal(HttpStatusCode.OK, (await first).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await next).StatusCode);
    }

    /// <summary>A client that sends no body before it is asked to: whoever is asked has been let in.</summary>
    private static HttpClient WaitingClient(StartedNode node) =>
        node.Client(handler: new SocketsHttpHandler { Expect100ContinueTimeout = Timeout.InfiniteTimeSpan });

    private static Task<HttpResponseMessage> Post(HttpClient client, HttpContent content, CancellationToken cancellationToken = default) =>
        Send(client, HttpMethod.Post, Search, content, cancellationToken);

    private static Task<HttpResponseMessage> Put(HttpClient client, string address, HttpContent content) =>
        Send(client, HttpMethod.Put, address, content, default);

    private static Task<HttpResponseMessage> Send(
        HttpClient client, HttpMethod method, string address, HttpContent content, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(method, address) { Content = content };
        request.Headers.ExpectContinue = true;
        return client.SendAsync(request, cancellationToken);
    }

    /// <summary>Holds back the bodies of requests until it is opened, and counts those that were asked for theirs.</summary>
    private sealed class Gate : IDisposable
    {
        private const int Ahead = 64 << 10;

        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SemaphoreSlim _entered = new(0);
        private int _count;

        public int Count => Volatile.Read(ref _count);

        /// <summary>A search, which begins with as much white space as keeps a server from taking its sender for too slow.</summary>
        public HttpContent Query() => new Held(
            this,
            Encoding.ASCII.GetBytes(new string(' ', Ahead)),
            """{"queries":[{"terms":[{"itemId":"img-20"}]}],"k":1}"""u8.ToArray(),
            "application/json");

        /// <summary>A tar that breaks off after a file that is as large.</summary>
        public HttpContent Tar()
        {
            using var tar = new MemoryStream();
            using (var writer = new TarWriter(tar, leaveOpen: true))
                writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "a.txt") { DataStream = new MemoryStream(new byte[Ahead]) });
            return new Held(this, tar.ToArray()[..^1024], [], "application/x-tar");
        }

        public async Task Entered(int count)
        {
            for (var i = 0; i < count; i++)
            {
                if (!await _entered.WaitAsync(Patience.Long)) throw new TimeoutException($"Only {Count} requests were let in.");
            }
        }

        public void Open() => _open.TrySetResult();

        public void Dispose()
        {
            Open();
            _entered.Dispose();
        }

        private sealed class Held : HttpContent
        {
            private readonly Gate _gate;
            private readonly byte[] _before;
            private readonly byte[] _after;

            public Held(Gate gate, byte[] before, byte[] after, string mediaType)
            {
                (_gate, _before, _after) = (gate, before, after);
                Headers.ContentType = new MediaTypeHeaderValue(mediaType);
            }

            protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            {
                Interlocked.Increment(ref _gate._count);
                await stream.WriteAsync(_before);
                await stream.FlushAsync();
                _gate._entered.Release();
                await _gate._open.Task.WaitAsync(Patience.Long);
                await stream.WriteAsync(_after);
            }

            /// <remarks>A client sends what it knows to be short whether it is asked to or not.</remarks>
            protected override bool TryComputeLength(out long length)
            {
                length = 0;
                return false;
            }
        }
    }
}
