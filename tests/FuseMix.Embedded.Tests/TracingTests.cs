using System.Diagnostics;
using System.Runtime.CompilerServices;
using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

public sealed class TracingTests : IDisposable
{
    private static readonly ActivitySource Spans = new("FuseMix.Embedded.Tests");

    private readonly SharedCluster _cluster;

    // What a tracer provider does. On Orleans calls are spans of its own, and only what is listened to travels.
    private readonly ActivityListener _listener = new()
    {
        ShouldListenTo = source => source.Name is "FuseMix.Embedded.Tests" or "Microsoft.Orleans.Application",
        Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
    };

    public TracingTests(SharedCluster cluster)
    {
        _cluster = cluster;
        ActivitySource.AddActivityListener(_listener);
    }

    private ITracedGrain Grain => _cluster.Client.GetGrain<ITracedGrain>(Guid.NewGuid().ToString());

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task A_grain_goes_on_with_the_trace_of_its_caller()
    {
        using var span = Spans.StartActivity("caller");
        Assert.Equal([span!.TraceId.ToString()], await Grain.Traces(0));
        Assert.Same(span, Activity.Current);
    }

    [Fact]
    public async Task A_grain_passes_the_trace_on_to_the_grains_that_it_calls()
    {
        using var span = Spans.StartActivity("caller");
        var trace = span!.TraceId.ToString();
        Assert.Equal([trace, trace, trace, trace], await Grain.Traces(3));
    }

    [Fact]
    public async Task Calls_of_different_callers_have_their_own_traces()
    {
        var grain = Grain;
        var traces = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var span = Spans.StartActivity("caller");
            return (Sent: span!.TraceId.ToString(), Seen: (await grain.Traces(0))[0]);
        }));
        Assert.All(traces, trace => Assert.Equal(trace.Sent, trace.Seen));
        Assert.Equal(8, traces.Select(trace => trace.Seen).Distinct().Count());
    }

    [Fact]
    public async Task A_sequence_is_part_of_the_trace_of_whoever_reads_it()
    {
        using var span = Spans.StartActivity("caller");
        var trace = span!.TraceId.ToString();
        Assert.Equal([trace, trace], await Grain.Sequence().ToListAsync());
    }

    [Fact]
    public async Task A_tick_of_a_timer_is_not_part_of_the_call_that_set_it()
    {
        var key = Guid.NewGuid().ToString();
        using var span = Spans.StartActivity("caller");
        await _cluster.Client.GetGrain<ITracedGrain>(key).SetTimer();
        Assert.NotEqual(span!.TraceId.ToString(), await Signals.Get(key));
    }
}

public interface ITracedGrain : IGrainWithStringKey
{
    /// <summary>The trace that it sees, and what as many grains further on see.</summary>
    Task<string[]> Traces(int further);

    IAsyncEnumerable<string> Sequence(CancellationToken cancellationToken = default);

    Task SetTimer();
}

public sealed class TracedGrain : Grain, ITracedGrain
{
    private static string Trace => Activity.Current?.TraceId.ToString() ?? "none";

    public async Task<string[]> Traces(int further)
    {
        await Task.Yield();
        return further == 0 ? [Trace] : [Trace, .. await GrainFactory.GetGrain<ITracedGrain>($"{this.GetPrimaryKeyString()}+").Traces(further - 1)];
    }

    public async IAsyncEnumerable<string> Sequence([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        yield return Trace;
        await Task.Yield();
        yield return Trace;
    }

    public Task SetTimer()
    {
        this.RegisterGrainTimer(
            () =>
            {
                Signals.Set(this.GetPrimaryKeyString(), Trace);
                return Task.CompletedTask;
            },
            new GrainTimerCreationOptions(TimeSpan.Zero, Timeout.InfiniteTimeSpan));
        return Task.CompletedTask;
    }
}
