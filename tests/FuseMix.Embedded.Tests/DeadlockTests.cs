using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Embedded.Tests;

public sealed class DeadlockTests(SharedCluster cluster)
{
    [Fact]
    public async Task A_grain_that_calls_back_into_its_caller_times_out()
    {
        var grain = cluster.Client.GetGrain<ICycleGrain>(Guid.NewGuid().ToString());
        Assert.Equal(nameof(TimeoutException), await grain.CallVia(cluster.Client.GetGrain<ICycleGrain>(Guid.NewGuid().ToString())));
        Assert.Equal("here", await grain.Hello());
    }

    [Fact]
    public async Task A_call_back_that_always_interleaves_goes_through()
    {
        var grain = cluster.Client.GetGrain<ICycleGrain>(Guid.NewGuid().ToString());
        Assert.Equal("here", await grain.PeekVia(cluster.Client.GetGrain<ICycleGrain>(Guid.NewGuid().ToString())));
    }
}

public interface ICycleGrain : IGrainWithStringKey
{
    Task<string> CallVia(ICycleGrain other);

    Task<string> PeekVia(ICycleGrain other);

    Task<string> CallBack(ICycleGrain caller);

    Task<string> PeekBack(ICycleGrain caller);

    [ResponseTimeout("00:00:01")]
    Task<string> Hello();

    [AlwaysInterleave]
    Task<string> Peek();
}

public sealed class CycleGrain : Grain, ICycleGrain
{
    public async Task<string> CallVia(ICycleGrain other)
    {
        try
        {
            return await other.CallBack(this.AsReference<ICycleGrain>());
        }
        catch (TimeoutException failure)
        {
            return failure.GetType().Name;
        }
    }

    public Task<string> PeekVia(ICycleGrain other) => other.PeekBack(this.AsReference<ICycleGrain>());

    public Task<string> CallBack(ICycleGrain caller) => caller.Hello();

    public Task<string> PeekBack(ICycleGrain caller) => caller.Peek();

    public Task<string> Hello() => Task.FromResult("here");

    public Task<string> Peek() => Task.FromResult("here");
}
