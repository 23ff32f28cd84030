using FuseMix.Embedded.Tests.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FuseMix.Embedded.Tests;

public sealed class StatelessWorkerTests(SharedCluster cluster)
{
    [Fact]
    public async Task A_worker_runs_on_the_calling_node()
    {
        foreach (var node in SharedCluster.Nodes)
        {
            var worker = cluster.ServicesOf(node).GetRequiredService<IGrainFactory>().GetGrain<IWorkerGrain>(0);
            Assert.Equal(node, await worker.Node());
        }
    }

    [Fact]
    public async Task Busy_workers_are_joined_by_more_up_to_the_maximum()
    {
        var key = System.Random.Shared.NextInt64();
        var worker = cluster.ServicesOf(SharedCluster.Nodes[0]).GetRequiredService<IGrainFactory>().GetGrain<IWorkerGrain>(key);
        var held = new[] { worker.Hold("1"), worker.Hold("2"), worker.Hold("3"), worker.Hold("4") };
        await Signals.Get(key + "busy-3");
        Assert.False(Signals.IsSet(key + "busy-4"));
        for (var n = 1; n <= 4; n++) Signals.Set(key + "release-" + n);
        Assert.Equal(3, (await Task.WhenAll(held)).Distinct().Count());
    }
}

public interface IWorkerGrain : IGrainWithIntegerKey
{
    Task<string> Node();

    Task<Guid> Hold(string name);
}

[StatelessWorker(3)]
public sealed class WorkerGrain(ILocalSiloDetails node) : Grain, IWorkerGrain
{
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<long, int> Busy = new();
    private readonly Guid _activation = Guid.NewGuid();

    public Task<string> Node() => Task.FromResult(node.Name);

    public async Task<Guid> Hold(string name)
    {
        var key = this.GetPrimaryKeyLong();
        Signals.Set($"{key}busy-{Busy.AddOrUpdate(key, 1, (_, n) => n + 1)}");
        await Signals.Get($"{key}release-{name}");
        Busy.AddOrUpdate(key, 0, (_, n) => n - 1);
        return _activation;
    }
}
