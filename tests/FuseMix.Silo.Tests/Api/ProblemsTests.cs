using FuseMix.Silo.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace FuseMix.Silo.Tests.Api;

public sealed class ProblemsTests
{
    public static TheoryData<Exception, int, string> Failures => new()
    {
        { new FuseMixException(FailureKind.Invalid, "It is wrong."), 400, "invalid" },
        { new FuseMixException(FailureKind.NotFound, "It is not there."), 404, "not-found" },
        { new FuseMixException(FailureKind.Conflict, "It is another."), 409, "conflict" },
        { new FuseMixException(FailureKind.Corrupt, "It is damaged."), 500, "corrupt" },
        { new FuseMixException(FailureKind.Unavailable, "It is away."), 503, "unavailable" },
        { new BadHttpRequestException("It is too large.", 413), 413, "too-large" },
        { new BadHttpRequestException("It broke off."), 400, "invalid" },
        { new TimeoutException("It is late."), 504, "timeout" },
        { new SiloUnavailableException("It is gone."), 503, "unavailable" },
        { new OperationCanceledException("It is stopping."), 503, "unavailable" },
        { new InvalidOperationException("/secret/path"), 500, "internal" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Every_kind_of_failure_has_its_status_and_type(Exception failure, int status, string type)
    {
        var (problem, _, context) = await Handle(failure);
        Assert.Equal((status, status), (context.Response.StatusCode, problem.Status));
        Assert.Equal($"urn:fusemix:problem:{type}", problem.Type);
        Assert.NotEmpty(problem.Detail ?? "");
    }

    [Fact]
    public async Task A_known_failure_says_what_is_wrong_and_the_way_out()
    {
        var (problem, logged, _) = await Handle(new FuseMixException(FailureKind.Conflict, "It is another.", "Build it again."));
        Assert.Equal("It is another.", problem.Detail);
        Assert.Equal("Build it again.", problem.Extensions["remedy"]);
        Assert.Empty(logged);
    }

    [Fact]
    public async Task The_words_of_an_unexpected_failure_go_to_the_log_and_not_to_the_caller()
    {
        var failure = new InvalidOperationException("/secret/path");
        var (problem, logged, _) = await Handle(failure);
        Assert.DoesNotContain("secret", $"{problem.Title} {problem.Detail}", StringComparison.Ordinal);
        Assert.Same(failure, Assert.Single(logged));
    }

    private static async Task<(ProblemDetails Problem, List<Exception?> Logged, HttpContext Context)> Handle(Exception failure)
    {
        var (writer, log, context) = (new Writer(), new Journal(), new DefaultHttpContext());
        Assert.True(await new Problems(writer, log).TryHandleAsync(context, failure, TestContext.Current.CancellationToken));
        return (writer.Written!, log.Failures, context);
    }

    private sealed class Writer : IProblemDetailsService
    {
        public ProblemDetails? Written { get; private set; }

        public ValueTask WriteAsync(ProblemDetailsContext context)
        {
            Written = context.ProblemDetails;
            return ValueTask.CompletedTask;
        }

        public async ValueTask<bool> TryWriteAsync(ProblemDetailsContext context)
        {
            await WriteAsync(context);
            return true;
        }
    }

    private sealed class Journal : ILogger<Problems>
    {
        public List<Exception?> Failures { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Failures.Add(exception);
    }
}
