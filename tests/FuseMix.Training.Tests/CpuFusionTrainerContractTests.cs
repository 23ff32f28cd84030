using FuseMix.Testing.Training;

namespace FuseMix.Training.Tests;

public sealed class CpuFusionTrainerContractTests : FusionTrainerContract
{
    private protected override FusionTrainer Trainer { get; } = new CpuFusionTrainer(2);
}
