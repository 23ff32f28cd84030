using FuseMix.Contracts;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Grains.Training;
using FuseMix.Testing;
using FuseMix.Training;

namespace FuseMix.Grains.Tests.Training;

public sealed class TrainingMetricsTests : IDisposable
{
    private readonly MeterBook _meters = new();
    private readonly TrainingMetrics _metrics;

    public TrainingMetricsTests() => _metrics = new TrainingMetrics(_meters);

    public void Dispose() => _meters.Dispose();

    [Fact]
    public void A_step_counts_with_its_pairs_and_its_time_and_leaves_its_figures()
    {
        _metrics.Stepped(Step(loss: 2, TimeSpan.FromMilliseconds(30)));
        _metrics.Stepped(Step(loss: 1.5, TimeSpan.FromMilliseconds(20)));
        Assert.Equal(2, _meters.Sum("fusemix.training.steps"));
        Assert.Equal(512, _meters.Sum("fusemix.training.pairs"));
        Assert.Equal([0.03, 0.02], _meters.Values("fusemix.training.step.duration"));
        Assert.Equal([2, 1.5], _meters.Values("fusemix.training.loss"));
        Assert.Equal([0.07, 0.07], _meters.Values("fusemix.training.temperature"));
        Assert.Equal([0.001, 0.001], _meters.Values("fusemix.training.learning_rate"));
    }

    [Fact]
    public void Jobs_count_by_whether_they_wait_or_run_and_no_others_do()
    {
        Assert.Equal(
            (0, 0), (_meters.Look("fusemix.training.jobs", "state=queued"), _meters.Look("fusemix.training.jobs", "state=running")));
        _metrics.Has(
            ((JobState[])[JobState.Completed, JobState.Running, JobState.Queued, JobState.Queued, JobState.Failed, JobState.Cancelled])
                .Select(
            state => new TrainingJobRecord { Request = PreparedHome.Request("job"), State = state }));
        Assert.Equal(
            (2, 1), (_meters.Look("fusemix.training.jobs", "state=queued"), _meters.Look("fusemix.training.jobs", "state=running")));
        _metrics.Has([]);
        Assert.Equal(
            (0, 0), (_meters.Look("fusemix.training.jobs", "state=queued"), _meters.Look("fusemix.training.jobs", "state=running")));
    }

    [Fact]
    public void Checkpoints_and_refused_writes_are_counted()
    {
        _metrics.Checkpointed();
        _metrics.Fenced();
        Assert.Equal((1, 1), (_meters.Sum("fusemix.training.checkpoints"), _meters.Sum("fusemix.training.fenced")));
    }

    private static TrainingProgress Step(double loss, TimeSpan time) =>
        new(1, 40, 1, 1, loss, 0.001, 0.07, 100, TimeSpan.Zero, 0, null, 256, time);
}
