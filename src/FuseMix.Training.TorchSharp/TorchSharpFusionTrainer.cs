using System.Globalization;
using FuseMix.Training.Adapters;
using FuseMix.Training.Matrices;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;
using TorchSharp;

namespace FuseMix.Training.TorchSharp;

/// <summary>Trains with libtorch: on a GPU, or on the CPU where that is faster or to check it.</summary>
/// <remarks>
/// Batches, λ, initial weights, transforms and checkpoints are those of every trainer, so that a run may go on on another device; with
/// dropout the masks are libtorch's own, the same again on the same device.
/// </remarks>
public sealed class TorchSharpFusionTrainer : FusionTrainer
{
    private readonly torch.Device _device;

    /// <summary>A trainer for one device.</summary>
    /// <exception cref="FuseMixException">There is no such device here, or libtorch does not load.</exception>
    public TorchSharpFusionTrainer(TorchSharpOptions? options = null)
        : base((options ?? new()).Threads, OneDnnMatrixMultiply.TryLoad() is { } oneDnn ? oneDnn : new PackedMatrixMultiply())
    {
        Options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.MicroBatch, 1);
        _device = Open(Options.Device);
        if (_device.type == DeviceType.CPU) torch.set_num_threads(Threads);
    }

    /// <inheritdoc/>
    public override string Device => string.Create(
        CultureInfo.InvariantCulture,
        $"{Options.Device}, libtorch by TorchSharp {typeof(torch).Assembly.GetName().Version!.ToString(3)}, "
            + $"{Options.Precision.ToString().ToLowerInvariant()}");

    /// <summary>As they were given.</summary>
    public TorchSharpOptions Options { get; }

    /// <summary>Called before each forward pass with its rows: for tests of what happens when it fails.</summary>
    internal Action<int>? BeforeForward { get; init; }

    /// <summary>Most logits held at a time.</summary>
    internal long MostLogits { get; init; } = 1 << 25;

    internal override IFusionNetwork CreateNetwork(NetworkLayout layout, TrainingRecipe recipe, ulong seed, ThreadTeam team)
    {
        var precision = recipe.Precision switch
        {
            TrainingPrecision.Bf16 => TorchPrecision.Bf16,
            TrainingPrecision.Fp32 => TorchPrecision.Fp32,
            _ => Options.Precision,
        };
        var temperature = new TemperatureRange(recipe.Temperature, recipe.TemperatureLeast, recipe.TemperatureMost);
        return new TorchNetwork(layout, temperature, recipe.Dropout, seed, _device, Options with { Precision = precision }, MostLogits)
        {
            BeforeForward = BeforeForward,
        };
    }

    private static torch.Device Open(string name)
    {
        var parts = name.Split(':');
        var index = 0;
        var known = parts.Length is 1 or 2
            && (parts.Length == 1 || int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out index));
        if (!known || parts[0] is not ("cpu" or "cuda") || (parts[0] == "cpu" && index != 0))
            throw FuseMixException.UnknownName("training device", name, ["cpu", "cuda", "cuda:1"], FailureKind.Invalid);
        try
        {
            if (parts[0] == "cpu")
            {
                torch.InitializeDeviceType(DeviceType.CPU);
                return torch.CPU;
            }

            torch.InitializeDeviceType(DeviceType.CUDA);
            if (torch.cuda.is_available() && index < torch.cuda.device_count()) return new torch.Device(DeviceType.CUDA, index);
        }
        catch (Exception e) when (e is TypeInitializationException or NotSupportedException or InvalidOperationException
            or DllNotFoundException)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"libtorch does not load for the device '{name}'.",
                "Build with the property TorchSharp set to Cpu or Cuda, on a system with libstdc++ of GCC 13 or later (Debian 13, "
                    + "Ubuntu 24.04).",
                e);
        }

        throw new FuseMixException(
            FailureKind.Unavailable, $"libtorch finds no device '{name}' here.", "Look at nvidia-smi, or train on the CPU.");
    }
}
