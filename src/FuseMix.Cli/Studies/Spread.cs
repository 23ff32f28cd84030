using FuseMix.Cli.Output;

namespace FuseMix.Cli.Studies;

/// <summary>Mean and sample standard deviation.</summary>
internal readonly record struct Spread(double Mean, double? Deviation)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var all = values.ToArray();
        var mean = all.Average();
        return new Spread(mean, all.Length > 1 ? Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1)) : null);
    }

    /// <summary>"37.2±0.5"; a single value has no spread to show.</summary>
    public override string ToString() => Deviation is { } d ? $"{Phrases.Fixed(Mean, 1)}±{Phrases.Fixed(d, 1)}" : Phrases.Fixed(Mean, 1);
}
