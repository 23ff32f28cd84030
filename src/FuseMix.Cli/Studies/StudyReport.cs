using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Studies;

/// <summary>How methods compare on the same data and seeds.</summary>
/// <param name="Study">What was varied.</param>
/// <param name="Dataset">Name of the dataset.</param>
/// <param name="Split">The split measured.</param>
/// <param name="Seeds">Seeds per method.</param>
/// <param name="Methods">One per method, in the order of the table.</param>
internal sealed record StudyReport(string Study, string Dataset, string Split, int Seeds, StudyMethod[] Methods)
{
    /// <summary>The table in Markdown, with a heading that says what was measured.</summary>
    public string ToMarkdown()
    {
        var directions = Methods[0].Runs[0].Directions;
        string[] header = ["method", .. directions.Select(d => $"{EvaluationTable.Direction(d)} R@1 / 5 / 10"), "mean of all"];
        var rows = Methods.Select(m => (IReadOnlyList<string>)Cells(m)).ToArray();
        return $"# Study: {Study}\n\nDataset {Dataset}, {Split} split, mean ± standard deviation of {Phrases.Count(Seeds, "seed")}.\n\n{MarkdownTable.Write(header, rows)}";
    }

    /// <summary>The cells of a method's row.</summary>
    public static string[] Cells(StudyMethod method) =>
    [
        method.Name,
        .. method.Runs[0].Directions.Select(d => string.Join(" / ", new Func<DirectionRecall, double>[] { r => r.At1, r => r.At5, r => r.At10 }
            .Select(figure => Spread.Of(method.Runs.Select(run => figure(run.Directions.Single(o => o.From == d.From && o.To == d.To)))).ToString()))),
        Spread.Of(method.Runs.Select(r => r.Mean)).ToString(),
    ];
}

/// <summary>One method of a study.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Models">The fusion models, one per seed.</param>
/// <param name="Runs">Their recall, in the same order.</param>
internal sealed record StudyMethod(string Name, string[] Models, EvaluationReport[] Runs);

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
