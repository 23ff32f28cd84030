using System.ComponentModel.DataAnnotations;
using FuseMix.Contracts.Cluster;
using FuseMix.Encoders.Sessions;

namespace FuseMix.Grains.Cluster;

/// <summary>What one node is and how much of its machine it uses.</summary>
public sealed class NodeOptions
{
    /// <summary>Name of the node, unique in the cluster.</summary>
    public string Name { get; set; } = "local";

    /// <summary>What it does; see <see cref="NodeRoles"/>.</summary>
    public IReadOnlyList<string> Roles { get; set; } = NodeRoles.All;

    /// <summary>What it has beside its processor; see <see cref="Contracts.Cluster.Accelerators"/>. Encoders run on a GPU only where one is
    /// named here.</summary>
    public IReadOnlyList<string> Accelerators { get; set; } = [];

    /// <summary>Processor threads for encoding, training and search, 1 or more. As many shards are extracted at once.</summary>
    [Range(1, 1024)]
    public int Threads { get; set; } = Environment.ProcessorCount;

    /// <summary>Items per shard of a latent set: what a crash can cost at most, per extractor.</summary>
    [Range(1, 1_000_000)]
    public int ItemsPerShard { get; set; } = 512;

    /// <summary>How long an extractor may be silent before its shard goes to another.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How many times a shard is tried before the job fails.</summary>
    [Range(1, 100)]
    public int ShardAttempts { get; set; } = 3;

    /// <summary>Optimiser steps between two checkpoints.</summary>
    [Range(1, int.MaxValue)]
    public int CheckpointSteps { get; set; } = 100;

    /// <summary>How many trainings that are over are remembered; of more, those that ended first are forgotten with what they left to go on
    /// from.</summary>
    [Range(1, 100_000)]
    public int TrainingsKept { get; set; } = 1_000;

    /// <summary>How many evaluations and fits of baselines may wait on the node while one is worked on.</summary>
    [Range(0, 1_000)]
    public int EvaluationsQueued { get; set; } = 8;

    /// <summary>How many index nodes hold each shard, where there are so many; the same on every node.</summary>
    [Range(1, 16)]
    public int ShardReplicas { get; set; } = 2;

    /// <summary>How long a shard's replica may take before another one is asked too.</summary>
    [Range(typeof(TimeSpan), "00:00:00.0010000", "00:01:00")]
    public TimeSpan HedgeAfter { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often a shard looks whether a node has joined that it belongs to now.</summary>
    [Range(typeof(TimeSpan), "00:00:00.0500000", "01:00:00")]
    public TimeSpan BalanceEvery { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether it goes on with builds and other jobs that it finds unfinished: not where another process, which works in the same
    /// home folder, has them in hand.</summary>
    internal bool ResumesJobs { get; set; } = true;

    /// <summary>A node that does everything with what this machine has.</summary>
    public static NodeOptions OfThisMachine() =>
        new() { Accelerators = EncoderSession.IsCudaHere() ? [Contracts.Cluster.Accelerators.Cuda] : [] };

    /// <summary>The silo name that tells all this to the other nodes.</summary>
    /// <exception cref="FuseMixException">The name, a role or an accelerator is not valid.</exception>
    public NodeName ToNodeName() => NodeName.Create(Name, Roles, Accelerators, Threads);

    /// <summary>Fails, naming the key, where a value is out of range.</summary>
    /// <exception cref="FuseMixException">A value is out of range.</exception>
    public void Validate()
    {
        _ = ToNodeName();
        foreach (var (key, value, allowed) in OptionRange.Broken(this))
            throw new FuseMixException(
                FailureKind.Invalid, $"Node option {key} is {value}, which is out of range.", $"It must be {allowed}.");
    }
}
