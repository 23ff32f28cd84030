using System.Globalization;
using FuseMix.Training.Adapters;
using FuseMix.Training.Matrices;
using FuseMix.Training.Recipe;
using FuseMix.Training.Threading;

namespace FuseMix.Training;

/// <summary>Which matrix product the CPU trainer uses.</summary>
public enum MatrixKernel
{
    /// <summary>oneDNN where <c>libdnnl.so.2</c> is installed, else our own.</summary>
    Automatic,

    /// <summary>oneDNN; refused where it is not installed. Results depend in their last bits on the number of threads.</summary>
    OneDnn,

    /// <summary>Our own, with 512- or 256-bit vectors. Results do not depend on the number of threads.</summary>
    Own,
}

/// <summary>Trains on the CPU: explicit fused forward and backward passes, AdamW; in fp32, or with products of bf16 where the recipe says
/// so.</summary>
public sealed class CpuFusionTrainer : FusionTrainer
{
    /// <summary>A trainer for this machine.</summary>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    /// <param name="kernel">Which matrix product to use.</param>
    /// <exception cref="FuseMixException">oneDNN was asked for and is not installed.</exception>
    public CpuFusionTrainer(int threads = 0, MatrixKernel kernel = MatrixKernel.Automatic)
        : base(threads, Choose(kernel))
    {
    }

    /// <inheritdoc/>
    public override string Device =>
        string.Create(CultureInfo.InvariantCulture, $"CPU, {Threads} thread{(Threads == 1 ? "" : "s")}, {Kernel.Name}");

    internal override IFusionNetwork CreateNetwork(NetworkLayout layout, TrainingRecipe recipe, ulong seed, ThreadTeam team) =>
        new FusionNetwork(
        layout, new TemperatureRange(recipe.Temperature, recipe.TemperatureLeast, recipe.TemperatureMost), recipe.Dropout, seed, team,
        Kernel,
        recipe.Precision ?? TrainingPrecision.Fp32);

    private static IMatrixMultiply Choose(MatrixKernel kernel)
    {
        var oneDnn = kernel == MatrixKernel.Own ? null : OneDnnMatrixMultiply.TryLoad();
        if (oneDnn is null && kernel == MatrixKernel.OneDnn)
            throw new FuseMixException(
                FailureKind.Unavailable, "oneDNN is not installed.", "Install it (Debian: libdnnl2), or use our own kernel.");
        return oneDnn is null ? new PackedMatrixMultiply() : oneDnn;
    }
}
