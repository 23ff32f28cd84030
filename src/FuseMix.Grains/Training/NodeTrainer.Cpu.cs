using FuseMix.Grains.Cluster;
using FuseMix.Grains.Sessions;
using FuseMix.Training;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Training;

/// <summary>The trainer of a node that was built without libtorch; NodeTrainer.TorchSharp.cs has the one with it.</summary>
internal static class NodeTrainer
{
    /// <summary>The trainer that fits the node.</summary>
    public static IFusionTrainer Create(NodeOptions options, DeviceHealth devices, ILogger<DeviceHealth> logger) =>
        new CpuFusionTrainer(options.Threads);
}
