using System.Collections.Concurrent;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using Orleans.Hosting;

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>Stands before the shards of every node: their calls wait or fail there as the test says.</summary>
internal sealed class ShardGate
{
    private int _searching;

    /// <summary>What calls of shards go through first.</summary>
    public Func<ShardCall, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>The calls of shards that have come, in order.</summary>
    public ConcurrentQueue<ShardCall> Calls { get; } = [];

    /// <summary>How many searches the search grains have in hand.</summary>
    public int Searching => _searching;

    public void Configure(ISiloBuilder silo, NodeName node) => silo.AddIncomingGrainCallFilter(async call =>
    {
        switch (call.Grain)
        {
            case IIndexShardGrain:
                var come = new ShardCall(
                    IndexShardKey.Parse(call.TargetId.Key.ToString()!),
                    node.Name,
                    call.MethodName,
                    call.Request.GetArgumentCount() == 0 ? null : call.Request.GetArgument(0));
                Calls.Enqueue(come);
                await Before(come);
                await call.Invoke();
                break;
            case ISearchGrain:
                Interlocked.Increment(ref _searching);
                try
                {
                    await call.Invoke();
                }
                finally
                {
                    Interlocked.Decrement(ref _searching);
                }

                break;
            default:
                await call.Invoke();
                break;
        }
    });

    /// <summary>A call of a shard.</summary>
    public sealed record ShardCall(IndexShardKey Shard, string Node, string Method, object? Argument);
}
