using System.Diagnostics;
using System.Diagnostics.Metrics;
using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Training;
using static FuseMix.Grains.Hosting.Instruments;

namespace FuseMix.Grains.Training;

/// <summary>How training goes on: the meter and the activity source <c>FuseMix.Training</c>. Only the node of the trainer has
/// figures.</summary>
internal sealed class TrainingMetrics
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "FuseMix.Training";

    private static readonly ActivitySource Spans = new(Name);

    private readonly Histogram<double> _step;
    private readonly Counter<long> _steps, _pairs, _checkpoints, _fenced;
    private readonly Gauge<double> _loss, _temperature, _learningRate;
    private int _queued;
    private int _running;

    public TrainingMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _steps = meter.CreateEvents("fusemix.training.steps", "{step}", "Optimiser steps.");
        _pairs = meter.CreateEvents("fusemix.training.pairs", "{pair}", "Mixed pairs trained on.");
        _step = meter.CreateSeconds(
            "fusemix.training.step.duration", "Time of an optimiser step.", 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
            5, 10);
        _loss = meter.CreateGauge<double>("fusemix.training.loss", description: "Loss of the last step.");
        _temperature = meter.CreateGauge<double>(
            "fusemix.training.temperature", description: "Temperature of the loss after the last step.");
        _learningRate = meter.CreateGauge<double>("fusemix.training.learning_rate", description: "Learning rate of the last step.");
        _checkpoints = meter.CreateEvents("fusemix.training.checkpoints", "{checkpoint}", "Checkpoints written.");
        _fenced = meter.CreateEvents("fusemix.training.fenced", "{write}", "Writes refused because another trainer had taken over.");
        meter.CreateObservableGauge("fusemix.training.jobs", Jobs, "{job}", "Training jobs that wait or run.");
    }

    /// <summary>Runs a training job in a span.</summary>
    public static T Trace<T>(TrainingRequest request, Func<T> run)
    {
        using var span = Spans.StartActivity("train");
        span?.SetTag("fusemix.job", request.JobId).SetTag("fusemix.model", request.Model);
        try
        {
            return run();
        }
        catch (Exception failure)
        {
            span?.SetStatus(ActivityStatusCode.Error, failure.Message);
            throw;
        }
    }

    /// <summary>A step was done.</summary>
    public void Stepped(TrainingProgress progress)
    {
        _steps.Add(1);
        _pairs.Add(progress.Pairs);
        _step.Record(progress.StepTime.TotalSeconds);
        _loss.Record(progress.Loss);
        _temperature.Record(progress.Temperature);
        _learningRate.Record(progress.LearningRate);
    }

    /// <summary>A checkpoint was written.</summary>
    public void Checkpointed() => _checkpoints.Add(1);

    /// <summary>A write was refused, as another trainer had taken over.</summary>
    public void Fenced() => _fenced.Add(1);

    /// <summary>These are the jobs that the trainer has; none once it leaves this node.</summary>
    public void Has(IEnumerable<TrainingJobRecord> jobs)
    {
        var (queued, running) = (0, 0);
        foreach (var job in jobs)
        {
            if (job.State == JobState.Queued) queued++;
            if (job.State == JobState.Running) running++;
        }

        Volatile.Write(ref _queued, queued);
        Volatile.Write(ref _running, running);
    }

    private Measurement<int>[] Jobs() =>
        [new(Volatile.Read(ref _queued), Label("state", "queued")), new(Volatile.Read(ref _running), Label("state", "running"))];
}
