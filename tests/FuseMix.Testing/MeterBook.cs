using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace FuseMix.Testing;

/// <summary>A factory of meters that remembers what they measure, and only they: two hosts of one process have meters of the same
/// names.</summary>
public sealed class MeterBook : IMeterFactory
{
    private readonly ConcurrentQueue<Entry> _entries = [];
    private readonly List<Meter> _meters = [];
    private readonly MeterListener _listener = new();

    public MeterBook()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == this) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public Meter Create(MeterOptions options)
    {
        var meter = new Meter(options.Name, options.Version, options.Tags, scope: this);
        lock (_meters) _meters.Add(meter);
        return meter;
    }

    /// <summary>Every value measured with these labels, each as "name=value", in order; those of gauges that are asked, once per
    /// look.</summary>
    public double[] Values(string instrument, params string[] labels) =>
        [.. _entries.Where(entry => entry.Instrument.Name == instrument && labels.All(entry.Labels.Contains)).Select(entry => entry.Value)];

    /// <summary>The sum of <see cref="Values"/>.</summary>
    public double Sum(string instrument, params string[] labels) => Values(instrument, labels).Sum();

    /// <summary>What a gauge says now.</summary>
    public double Look(string gauge, params string[] labels)
    {
        _listener.RecordObservableInstruments();
        return Values(gauge, labels) is [.., var last]
            ? last
            : throw new InvalidOperationException($"Nothing measures {gauge} with {string.Join(", ", labels)}.");
    }

    /// <summary>Every instrument whose name begins so, with each set of labels that it was ever measured with:
    /// "name{label=value,…}".</summary>
    public string[] Series(string prefix)
    {
        _listener.RecordObservableInstruments();
        var series =
            from entry in _entries
            where entry.Instrument.Name.StartsWith(prefix, StringComparison.Ordinal)
            select $"{entry.Instrument.Name}{{{string.Join(",", entry.Labels)}}}";
        return [.. series.Distinct().Order(StringComparer.Ordinal)];
    }

    public void Dispose()
    {
        _listener.Dispose();
        lock (_meters) _meters.ForEach(meter => meter.Dispose());
    }

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new string[tags.Length];
        for (var i = 0; i < labels.Length; i++) labels[i] = $"{tags[i].Key}={tags[i].Value}";
        _entries.Enqueue(new Entry(instrument, labels, value));
    }

    private sealed record Entry(Instrument Instrument, string[] Labels, double Value);
}
