using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo.Tests.Api;

public sealed class RequestIdsTests(ServedHome served, Security.GuardedNode guarded)
{
    [Theory]
    [InlineData("abc")]
    [InlineData("7b1e1c5a-0000-4c1e-9d2f-1f2e3d4c5b6a")]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    [InlineData("a_b.c:d/e+f=")]
    public async Task The_callers_own_id_comes_back(string id)
    {
        foreach (var address in (string[])["/api/v1/cluster", "/api/v1/nothing", "/", "/health/live"])
        {
            using var response = await Ask(served.Client, address, id);
            Assert.Equal(id, response.Headers.GetValues("X-Request-Id").Single());
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("<script>")]
    public async Task Any_other_gets_one_of_ours(string? id)
    {
        using var first = await Ask(served.Client, "/api/v1/cluster", id);
        using var second = await Ask(served.Client, "/api/v1/cluster", id);
        var (one, two) = (first.Headers.GetValues("X-Request-Id").Single(), second.Headers.GetValues("X-Request-Id").Single());
        Assert.Matches("^[0-9a-f]{32}$", one);
        Assert.NotEqual(one, two);
    }

    [Fact]
    public async Task One_that_is_too_long_is_not_taken()
    {
        using var response = await Ask(served.Client, "/api/v1/cluster", new string('a', 129));
        Assert.Equal(32, response.Headers.GetValues("X-Request-Id").Single().Length);
    }

    [Fact]
    public async Task A_trace_that_the_caller_began_gives_the_id()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/cluster");
        request.Headers.Add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        using var response = await served.Client.SendAsync(request);
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", response.Headers.GetValues("X-Request-Id").Single());
    }

    [Theory]
    [InlineData("/api/v1/nothing", 404)]
    [InlineData("/api/v1/collections/nothing", 404)]
    [InlineData("/api/v1/collections?limit=0", 400)]
    public async Task Problems_carry_it(string address, int status)
    {
        using var response = await Ask(served.Client, address, "id-7");
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal("id-7", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["requestId"]);
    }

    [Theory]
    [InlineData("none", 401)]
    [InlineData("read", 403)]
    public async Task So_do_those_who_are_turned_away(string who, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/api/v1/datasets/boats");
        request.Headers.Add("X-Request-Id", "id-8");
        using var response = await guarded.Clients[who].SendAsync(request);
        Assert.Equal((status, "id-8"), ((int)response.StatusCode, response.Headers.GetValues("X-Request-Id").Single()));
        Assert.Equal("id-8", (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["requestId"]);
    }

    [Fact]
    public async Task Log_lines_about_a_request_carry_its_id_and_the_name_of_the_key_but_never_the_key()
    {
        var log = new Journal();
        guarded.Node.Services.GetRequiredService<ILoggerFactory>().AddProvider(log);
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/api/v1/datasets/boats");
        request.Headers.Add("X-Request-Id", "id-9");
        using var response = await guarded.Clients["write"].SendAsync(request);
        var line = Assert.Single(log.Lines, line => line.Scope.GetValueOrDefault("RequestId") as string == "id-9" && line.Event == 4102);
        Assert.Equal("writer", line.Scope["ApiKey"]);
        Assert.Contains("'writer'", $"'{line.Text.Split(' ')[2]}'", StringComparison.Ordinal);
        Assert.All(log.Lines, entry => Assert.DoesNotContain(guarded.Keys.Write, entry.Text, StringComparison.Ordinal));
    }

    private static async Task<HttpResponseMessage> Ask(HttpClient client, string address, string? id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (id is not null) request.Headers.TryAddWithoutValidation("X-Request-Id", id);
        return await client.SendAsync(request);
    }

    private sealed record Line(int Event, string Text, Dictionary<string, object?> Scope);

    private sealed class Journal : ILoggerProvider, ISupportExternalScope
    {
        private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

        public ConcurrentQueue<Line> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => new Writer(this);

        public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

        public void Dispose()
        {
        }

        private sealed class Writer(Journal journal) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => journal._scopes.Push(state);

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                var scope = new Dictionary<string, object?>();
                journal._scopes.ForEachScope(
                    (part, all) =>
                    {
                        foreach (var (key, value) in part as IEnumerable<KeyValuePair<string, object?>> ?? []) all[key] = value;
                    },
                    scope);
                journal.Lines.Enqueue(new Line(eventId.Id, formatter(state, exception), scope));
            }
        }
    }
}
