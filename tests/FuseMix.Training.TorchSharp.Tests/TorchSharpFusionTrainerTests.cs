using System.Runtime.InteropServices;
using FuseMix.Testing;
using FuseMix.Testing.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Recipe;
using TorchSharp;

namespace FuseMix.Training.TorchSharp.Tests;

/// <summary>On libtorch's CPU: what differs on a GPU are its kernels and its failures, which are played here.</summary>
public sealed class TorchSharpFusionTrainerTests : FusionTrainerContract
{
    private static readonly TrainingRecipe Plain = Recipe("\"steps\": 12, \"batchSize\": 24, \"dropout\": 0");

    private protected override FusionTrainer Trainer { get; } = new TorchSharpFusionTrainer(new() { Threads = 1 });

    [Fact]
    public void Gradients_losses_and_final_weights_are_those_of_the_reference() => GoldenSteps.Hold(
        layout => new TorchNetwork(layout, new TemperatureRange(0.07, 0.001, 0.5), 0, 1, torch.CPU, new TorchSharpOptions(), 1 << 20),
        network => network.Gradients());

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_goes_on_on_another_device(bool torchFirst)
    {
        var data = PlantedData.Create();
        FusionTrainer cpu = new CpuFusionTrainer(1), own = Trainer;
        var (expected, _) = Losses(cpu, data, Plain);
        using var folder = new TemporaryFolder();
        var run = new TrainingRun(3, folder.Path, CheckpointEverySteps: 4);
        var losses = new List<double>();
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => (torchFirst ? own : cpu).Train(data, Plain, run, Observe, stop.Token));
        (torchFirst ? cpu : own).Train(data, Plain, run, Observe, default);
        Assert.Equal(12, losses.Count);
        for (var i = 0; i < losses.Count; i++) Assert.Equal(expected[i], losses[i], 1e-3);

        void Observe(TrainingProgress progress)
        {
            losses.Add(progress.Loss);
            Assert.Equal(losses.Count, progress.Step);
            if (progress.Step == 6) stop.Cancel();
        }
    }

    [Theory]
    [InlineData(0.0, "infoNce")]
    [InlineData(0.4, "infoNce")]
    [InlineData(0.4, "sigmoid")]
    public void Micro_batches_and_blocks_of_logits_change_nothing_but_rounding(double dropout, string loss)
    {
        var data = PlantedData.Create(1400);
        var recipe = Recipe(FormattableString.Invariant($"\"steps\": 4, \"batchSize\": 700, \"dropout\": {dropout}, \"loss\": \"{loss}\""));
        var (whole, _) = Losses(Trainer, data, recipe);
        var rows = new List<int>();
        var (parts, _) = Losses(
            new TorchSharpFusionTrainer(new() { Threads = 1, MicroBatch = 256 }) { BeforeForward = rows.Add, MostLogits = 90 * 700 },
            data,
            recipe);
        for (var i = 0; i < whole.Length; i++) Assert.Equal(whole[i], parts[i], 1e-4);

        // Two sides, twice: without a graph and with one.
        Assert.Equal([256, 256, 188, 256, 256, 188, 256, 256, 188, 256, 256, 188], rows[..12]);
    }

    [Fact]
    public void Memory_that_runs_out_is_answered_with_half_the_rows()
    {
        var data = PlantedData.Create(1400, audio: true);
        var recipe = Recipe("\"steps\": 3, \"batchSize\": 700, \"dropout\": 0.2");
        var (whole, _) = Losses(Trainer, data, recipe);
        var said = new List<string>();
        var passes = 0;
        var trainer = new TorchSharpFusionTrainer(new() { Threads = 1, Reduced = said.Add })
        {
            // In the second list of a step, when the first one's gradients are there.
            BeforeForward = rows =>
            {
                if (++passes > 2 && rows > 300) throw new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB.\nframes");
            },
        };
        var (reduced, _) = Losses(trainer, data, recipe);
        for (var i = 0; i < whole.Length; i++) Assert.Equal(whole[i], reduced[i], 1e-4);
        Assert.Equal("cpu ran out of memory with 768 rows at a time; going on with 256.", Assert.Single(said));
    }

    [Fact]
    public void Memory_that_not_even_the_smallest_part_fits_into_is_a_failure_with_a_way_out()
    {
        var trainer = new TorchSharpFusionTrainer
        {
            BeforeForward = _ => throw new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB."),
        };
        var failure = Assert.Throws<FuseMixException>(() => trainer.Train(PlantedData.Create(), Plain, new TrainingRun(1)));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("not even 256 at a time", failure.Message);
        Assert.Contains("batchSize", failure.Remedy);
    }

    [Theory]
    [InlineData("CUDA error: unspecified launch failure\nframes")]
    [InlineData("CUDA error: device-side assert triggered")]
    [InlineData("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")]
    public void A_device_that_is_lost_is_reported(string said)
    {
        string? lost = null;
        var trainer = new TorchSharpFusionTrainer(new() { DeviceLost = reason => lost = reason })
        {
            BeforeForward = _ => throw new ExternalException(said),
        };
        var failure = Assert.Throws<FuseMixException>(() => trainer.Train(PlantedData.Create(), Plain, new TrainingRun(1)));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Equal(said.Split('\n')[0], lost);
        Assert.Contains("has failed in training", failure.Message);
    }

    [Fact]
    public void A_fault_that_is_not_the_devices_is_not_called_one()
    {
        var trainer = new TorchSharpFusionTrainer(new() { DeviceLost = _ => Assert.Fail("It is not lost.") })
        {
            BeforeForward = _ => throw new ExternalException("mat1 and mat2"),
        };
        Assert.Throws<ExternalException>(() => trainer.Train(PlantedData.Create(), Plain, new TrainingRun(1)));
    }

    [Theory]
    [InlineData(8192)]
    [InlineData(256)]
    public void No_tensor_outlives_its_step(int microBatch)
    {
        var counts = new List<long>();
        var before = torch.Tensor.TotalCount;
        var recipe = Recipe("\"steps\": 6, \"batchSize\": 300, \"dropout\": 0.3, \"validateEveryEpochs\": 1, \"averageDecay\": 0.9");
        new TorchSharpFusionTrainer(new() { MicroBatch = microBatch }).Train(
            PlantedData.Create(700), recipe, new TrainingRun(1), _ => counts.Add(torch.Tensor.TotalCount));
        Assert.Equal(6, counts.Count);
        Assert.Single(counts.Distinct());
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void Bf16_trains_close_to_fp32_and_not_the_same_where_the_trainer_or_the_recipe_asks_for_it()
    {
        var data = PlantedData.Create();
        var (exact, _) = Losses(Trainer, data, Plain);
        var bf16 = new TorchSharpFusionTrainer(new() { Threads = 1, Precision = TorchPrecision.Bf16 });
        var (narrow, _) = Losses(bf16, data, Plain);
        Assert.Equal(narrow, Losses(Trainer, data, Plain with { Precision = TrainingPrecision.Bf16 }).Losses);
        Assert.Equal(exact, Losses(bf16, data, Plain with { Precision = TrainingPrecision.Fp32 }).Losses);
        Assert.NotEqual(exact, narrow);
        for (var i = 0; i < exact.Length; i++) Assert.Equal(exact[i], narrow[i], 0.05);
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:x")]
    [InlineData("cpu:1")]
    [InlineData("cuda:1:2")]
    public void A_device_of_no_such_name_is_refused(string name) =>
        Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => new TorchSharpFusionTrainer(new() { Device = name })).Kind);

    [Fact]
    public void A_device_that_is_not_here_is_refused_with_a_way_out()
    {
        var failure = Assert.Throws<FuseMixException>(() => new TorchSharpFusionTrainer(new() { Device = "cuda:99" }));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.NotNull(failure.Remedy);
    }

    private static TrainingRecipe Recipe(string keys) =>
        TrainingRecipe.Parse($$"""{ "sharedDimension": 16, "learningRate": 0.003, {{keys}} }""");
}
