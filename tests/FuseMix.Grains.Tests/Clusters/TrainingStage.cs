using System.Collections.Concurrent;
using FuseMix.Contracts.Cluster;
using FuseMix.Testing.Clusters;
using FuseMix.Training;
using FuseMix.Training.Models;
using FuseMix.Training.Recipe;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>The real trainer of every node of a test, with holds: a run stops after a step of the test's choice until it may go
/// on.</summary>
internal sealed class TrainingStage
{
    private readonly ConcurrentDictionary<(ulong Seed, int Step), Hold> _holds = new();

    /// <summary>Every run begun, in order.</summary>
    public ConcurrentQueue<Run> Runs { get; } = [];

    /// <summary>Holds the first run of that seed that has made its model, before it hands it over.</summary>
    public Hold HoldAtEnd(ulong seed) => HoldAt(seed, int.MaxValue);

    /// <summary>What runs of a seed fail with.</summary>
    public ConcurrentDictionary<ulong, Exception> Failures { get; } = new();

    /// <summary>Holds the first run of that seed that comes to that step.</summary>
    public Hold HoldAt(ulong seed, int step) => _holds.GetOrAdd((seed, step), _ => new Hold());

    public void Configure(ISiloBuilder silo, NodeName node) =>
        silo.Services.AddSingleton<IFusionTrainer>(new StagedTrainer(this, node.Name));

    /// <summary>One call of the trainer.</summary>
    public sealed class Run(string node, ulong seed)
    {
        private readonly TaskCompletionSource _toldToStop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<Exception?> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Node => node;

        public ulong Seed => seed;

        /// <summary>Steps that it made.</summary>
        public int Steps { get; set; }

        /// <summary>What it ended with; null where it made a model.</summary>
        public Task<Exception?> Ended => _ended.Task.WaitAsync(Patience.Long);

        /// <summary>Completes when it is told to stop.</summary>
        public Task ToldToStop => _toldToStop.Task.WaitAsync(Patience.Long);

        public void Stop() => _toldToStop.TrySetResult();

        public void End(Exception? failure) => _ended.SetResult(failure);
    }

    public sealed class Hold
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _released = new();

        public Task Reached => _reached.Task.WaitAsync(Patience.Long);

        public void Release() => _released.Set();

        public void Wait()
        {
            _reached.SetResult();
            if (!_released.Wait(Patience.Long)) throw new TimeoutException("The test never let the trainer go on.");
        }
    }

    private sealed class StagedTrainer(TrainingStage stage, string node) : IFusionTrainer
    {
        // Our own kernel: its results do not depend on what else is installed.
        private readonly CpuFusionTrainer _trainer = new(1, MatrixKernel.Own);

        public string Device => _trainer.Device;

        public FusionModel Train(
            TrainingData data,
            TrainingRecipe recipe,
            TrainingRun run,
            Action<TrainingProgress>? progress = null,
            CancellationToken cancellationToken = default)
        {
            var call = new Run(node, run.Seed);
            stage.Runs.Enqueue(call);
            using var told = cancellationToken.Register(call.Stop);
            try
            {
                if (stage.Failures.TryGetValue(run.Seed, out var failure)) throw failure;
                var model = _trainer.Train(
                    data,
                    recipe,
                    run,
                    step =>
                    {
                        call.Steps++;
                        progress?.Invoke(step);
                        if (stage._holds.TryRemove((run.Seed, step.Step), out var hold)) hold.Wait();
                    },
                    cancellationToken);
                if (stage._holds.TryRemove((run.Seed, int.MaxValue), out var last)) last.Wait();
                call.End(null);
                return model;
            }
            catch (Exception failure)
            {
                call.End(failure);
                throw;
            }
        }
    }
}
