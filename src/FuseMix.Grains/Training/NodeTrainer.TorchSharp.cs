using FuseMix.Contracts.Cluster;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Sessions;
using FuseMix.Training;
using FuseMix.Training.TorchSharp;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Training;

/// <summary>The trainer of a node that was built with libtorch; NodeTrainer.Cpu.cs has the one without it.</summary>
internal static partial class NodeTrainer
{
    /// <summary>The trainer that fits the node: libtorch for those that train, on the GPU where the build and the node have one.</summary>
    /// <exception cref="FuseMixException">libtorch does not load, or finds no GPU although the node names one.</exception>
    public static IFusionTrainer Create(NodeOptions options, DeviceHealth devices, ILogger<DeviceHealth> logger)
    {
#if TORCH_CUDA
        const string Device = "cuda";
        var fits = options.Accelerators.Contains(Accelerators.Cuda);
#else
        const string Device = "cpu";
        const bool fits = true;
#endif
        if (!fits || !options.Roles.Contains(NodeRoles.Train)) return new CpuFusionTrainer(options.Threads);
        return new TorchSharpFusionTrainer(new TorchSharpOptions
        {
            Device = Device,
            Precision = TorchPrecision.Tf32,
            Threads = options.Threads,
            DeviceLost = devices.ReportLost,
            Reduced = reason => LogReduced(logger, reason),
        });
    }

    [LoggerMessage(2007, LogLevel.Warning, "Training takes smaller parts of a batch: {Reason}")]
    private static partial void LogReduced(ILogger logger, string reason);
}
