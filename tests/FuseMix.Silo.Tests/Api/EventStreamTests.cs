using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using FuseMix.Silo.Api;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Runtime;

namespace FuseMix.Silo.Tests.Api;

public sealed class EventStreamTests(ServedHome served)
{
    [Fact]
    public async Task Statuses_come_as_they_change_and_the_stream_ends_with_the_last()
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        Assert.Equal(("status", 1, "a"), await stage.Next());
        stage.Tell("b");
        stage.Clock.Advance(EventStream.StatusAtMostEvery);
        Assert.Equal(("status", 2, "b"), await stage.Next());
        stage.End();
        await read;
        Assert.Equal(0, stage.Watching);
    }

    [Fact]
    public async Task Where_there_is_nothing_to_tell_comments_come()
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        _ = await stage.Next();
        for (var beat = 0; beat < 3; beat++)
        {
            await Patience.Until(() => Task.FromResult(stage.Clock.WaitingTimers), timers => timers > 0);
            var before = stage.Comments;
            stage.Clock.Advance(EventStream.HeartbeatEvery);
            await Patience.Until(() => Task.FromResult(stage.Comments), comments => comments > before);
        }

        stage.End();
        await read;
    }

    [Fact]
    public async Task A_job_that_changes_faster_than_anybody_looks_is_told_of_now_and_then()
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        _ = await stage.Next();
        stage.Tell("b");
        await Patience.Until(() => Task.FromResult(stage.Clock.WaitingTimers), timers => timers > 0);
        Assert.Equal(1, stage.Events);
        stage.Clock.Advance(EventStream.StatusAtMostEvery);
        Assert.Equal("b", (await stage.Next()).Data);
        stage.End();
        await read;
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_node_that_dies_breaks_no_stream(Exception death)
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        Assert.Equal(1, (await stage.Next()).Id);
        stage.Break(death);
        await Patience.Until(() => Task.FromResult(stage.Watches), watches =>
        {
            stage.Clock.Advance(TimeSpan.FromSeconds(1));
            return watches == 2;
        });
        stage.Tell("b");
        stage.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(("status", 2, "b"), await stage.Next());
        stage.End();
        await read;
    }

    public static TheoryData<Exception> Deaths =>
    [
        new SiloUnavailableException("It is gone."),
        new OrleansException("It is going."),
        Aborted(),
        new TimeoutException("It is late."),
        new OperationCanceledException("It is stopping."),
        new FuseMixException(FailureKind.Unavailable, "No node trains."),
    ];

    [Fact]
    public async Task A_job_that_nobody_finds_again_ends_the_stream_in_words()
    {
        var stage = new Stage();
        var read = stage.Start(_ => throw new SiloUnavailableException("It is gone."));
        await Patience.Until(() => Task.FromResult(read), task =>
        {
            stage.Clock.Advance(TimeSpan.FromSeconds(10));
            return task.IsCompleted;
        });
        await read;
        var (name, id, data) = await stage.Next();
        Assert.Equal(("failure", 1), (name, id));
        Assert.Contains("urn:fusemix:problem:unavailable", data, StringComparison.Ordinal);
        Assert.Contains("request-7", data, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FailureKind.NotFound, "not-found", "It was forgotten.")]
    [InlineData(FailureKind.Corrupt, "corrupt", "It was forgotten.")]
    public async Task Another_failure_ends_the_stream_at_once(FailureKind kind, string type, string words)
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        _ = await stage.Next();
        stage.Break(new FuseMixException(kind, "It was forgotten."));
        await read;
        var (name, id, data) = await stage.Next();
        Assert.Equal(("failure", 2), (name, id));
        Assert.Contains($"urn:fusemix:problem:{type}", data, StringComparison.Ordinal);
        Assert.Contains(words, data, StringComparison.Ordinal);
        Assert.Equal(1, stage.Watches);
    }

    [Fact]
    public async Task A_reader_that_goes_away_ends_the_watch()
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        _ = await stage.Next();
        stage.Gone.Cancel();
        await read;
        await Patience.Until(() => Task.FromResult(stage.Watching), watching => watching == 0);
    }

    [Fact]
    public async Task A_node_that_leaves_ends_its_streams()
    {
        var stage = new Stage();
        var read = stage.Start(stage.Watch);
        stage.Tell("a");
        _ = await stage.Next();
        stage.Leaving.Cancel();
        await read;
        await Patience.Until(() => Task.FromResult(stage.Watching), watching => watching == 0);
    }

    [Fact]
    public async Task A_reader_that_does_not_read_costs_one_status_and_holds_up_nothing_but_its_own_stream()
    {
        var stage = new Stage(capacity: 64);
        var asked = 0;
        var read = stage.Start(Endless);
        stage.Clock.Advance(EventStream.StatusAtMostEvery);
        await Patience.Until(() => Task.FromResult(Volatile.Read(ref asked)), count => count > 0);

        // The pipe to the reader is full: the stream waits, and asks for nothing more.
        for (var i = 0; i < 100; i++)
        {
            stage.Clock.Advance(EventStream.HeartbeatEvery);
            await Task.Yield();
        }

        Assert.InRange(Volatile.Read(ref asked), 1, 3);
        Assert.False(read.IsCompleted);
        stage.Gone.Cancel();
        await read;

        async IAsyncEnumerable<string> Endless([EnumeratorCancellation] CancellationToken stop)
        {
            while (true)
            {
                await Task.Yield();
                Interlocked.Increment(ref asked);
                yield return new string('x', 1000);
            }
        }
    }

    [Fact]
    public async Task Numbers_go_on_where_a_reader_that_comes_back_has_been()
    {
        var events = await EventReader.ReadAll(served.Client, "/api/v1/trainings/first/events", lastId: 41);
        var only = Assert.Single(events);
        Assert.Equal(("status", 42L, "completed"), (only.Name, only.Id, (string?)only.Data["state"]));
        Assert.Equal(1, (await EventReader.ReadAll(served.Client, "/api/v1/extractions/boats/tiny-text/events", lastId: -5))[0].Id);
    }

    [Fact]
    public async Task A_connection_that_is_cut_in_the_middle_of_a_stream_leaves_the_node_as_it_was()
    {
        var address = served.Client.BaseAddress!;
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
            socket.LingerState = new LingerOption(true, 0);
            await socket.GetStream()
                .WriteAsync(
                    Encoding.ASCII.GetBytes($"GET /api/v1/trainings/first/events HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                    TestContext.Current.CancellationToken);
            _ = await socket.GetStream().ReadAsync(new byte[10], TestContext.Current.CancellationToken);
        }

        Assert.Equal("completed", (string?)(await served.Get("/api/v1/trainings/first"))["state"]);
    }

    private static Exception Aborted() => (Exception)Activator.CreateInstance(typeof(EnumerationAbortedException), "It is gone.")!;

    /// <summary>A stream over a job that tells what the test says, to a reader that the test is.</summary>
    private sealed class Stage
    {
        private readonly Pipe _pipe;
        private readonly Channel<(string Name, long Id, string Data)> _read = Channel.CreateUnbounded<(string, long, string)>();
        private readonly Lock _gate = new();
        private Channel<string> _job = Channel.CreateUnbounded<string>();
        private int _watching;
        private int _watches;
        private int _comments;
        private int _events;

        public Stage(int capacity = 1 << 20)
        {
            _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: capacity, resumeWriterThreshold: capacity / 2));
            if (capacity > 1000) _ = Read();
        }

        public ManualTimeProvider Clock { get; } = new();

        public CancellationTokenSource Gone { get; } = new();

        public CancellationTokenSource Leaving { get; } = new();

        public int Watching => Volatile.Read(ref _watching);

        public int Watches => Volatile.Read(ref _watches);

        public int Comments => Volatile.Read(ref _comments);

        public int Events => Volatile.Read(ref _events);

        public Task Start(Func<CancellationToken, IAsyncEnumerable<string>> watch)
        {
            var context = new DefaultHttpContext { TraceIdentifier = "request-7", RequestAborted = Gone.Token };
            context.Response.Body = _pipe.Writer.AsStream();
            return Run();

            async Task Run()
            {
                await new EventStream(Clock, new Host(Leaving.Token), NullLogger<EventStream>.Instance)
                    .Send(context, watch, System.Text.Json.Serialization.Metadata.JsonMetadataServices.CreateValueInfo<string>(
                        System.Text.Json.JsonSerializerOptions.Default,
                        System.Text.Json.Serialization.Metadata.JsonMetadataServices.StringConverter))
                    .WaitAsync(Patience.Long);
                await _pipe.Writer.CompleteAsync();
            }
        }

        public async IAsyncEnumerable<string> Watch([EnumeratorCancellation] CancellationToken stop)
        {
            ChannelReader<string> job;
            lock (_gate) job = _job.Reader;
            Interlocked.Increment(ref _watches);
            Interlocked.Increment(ref _watching);
            try
            {
                await foreach (var status in job.ReadAllAsync(stop)) yield return status;
            }
            finally
            {
                Interlocked.Decrement(ref _watching);
            }
        }

        public void Tell(string status) => Assert.True(_job.Writer.TryWrite(status));

        public void End() => _job.Writer.Complete();

        /// <summary>The watch breaks off; the next one finds the job elsewhere.</summary>
        public void Break(Exception failure)
        {
            lock (_gate)
            {
                var broken = _job;
                _job = Channel.CreateUnbounded<string>();
                broken.Writer.Complete(failure);
            }
        }

        public async Task<(string Name, long Id, string Data)> Next() => await _read.Reader.ReadAsync().AsTask().WaitAsync(Patience.Long);

        private async Task Read()
        {
            using var reader = new StreamReader(_pipe.Reader.AsStream());
            var (name, id) = ("", 0L);
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line.StartsWith(':')) Interlocked.Increment(ref _comments);
                if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
                if (line.StartsWith("id: ", StringComparison.Ordinal)) id = long.Parse(line[4..], CultureInfo.InvariantCulture);
                if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
                Interlocked.Increment(ref _events);
                _read.Writer.TryWrite((name, id, line[6..].Trim('"')));
            }
        }

        private sealed class Host(CancellationToken leaving) : IHostApplicationLifetime
        {
            public CancellationToken ApplicationStarted => CancellationToken.None;

            public CancellationToken ApplicationStopping => leaving;

            public CancellationToken ApplicationStopped => CancellationToken.None;

            public void StopApplication() => throw new UnreachableException();
        }
    }
}
