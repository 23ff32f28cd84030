using System.Diagnostics.Metrics;

namespace FuseMix.Grains.Hosting;

/// <summary>Makes the instruments of all meters alike.</summary>
internal static class Instruments
{
    /// <summary>A histogram of durations in seconds, with the upper bounds of its buckets.</summary>
    public static Histogram<double> CreateSeconds(this Meter meter, string name, string description, params double[] bounds) =>
        meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    /// <summary>A counter that is there at zero from the start, so that a rate sees the first event too.</summary>
    /// <param name="meter">Whose it is.</param>
    /// <param name="name">Its name.</param>
    /// <param name="unit">What it counts, in braces.</param>
    /// <param name="description">What it counts, in a sentence.</param>
    /// <param name="series">The labels of every series that it can ever have; none for one without labels.</param>
    public static Counter<long> CreateEvents(
        this Meter meter, string name, string unit, string description, params KeyValuePair<string, object?>[][] series)
    {
        var counter = meter.CreateCounter<long>(name, unit, description);
        if (series.Length == 0) counter.Add(0);
        foreach (var labels in series) counter.Add(0, labels);
        return counter;
    }

    /// <summary>The series of one label's values.</summary>
    public static KeyValuePair<string, object?>[][] Each(string name, params string[] values) =>
        Array.ConvertAll(values, value => (KeyValuePair<string, object?>[])[Label(name, value)]);

    /// <summary>One label.</summary>
    public static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);

    /// <summary>The label of a modality, or of all of them.</summary>
    public static string LabelOf(Modality? modality) => modality switch
    {
        Modality.Image => "image",
        Modality.Text => "text",
        Modality.Audio => "audio",
        _ => "any",
    };
}
