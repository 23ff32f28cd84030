using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Studies;

/// <summary>How methods compare on the same data and seeds.</summary>
/// <param name="Study">What was varied.</param>
/// <param name="About">What it asks.</param>
/// <param name="Command">The command that makes it.</param>
/// <param name="Dataset">Name of the dataset.</param>
/// <param name="Split">The split measured.</param>
/// <param name="Seeds">Seeds per method.</param>
/// <param name="Axis">What the methods' values count; null where they are not on a scale.</param>
/// <param name="Logarithmic">Whether the scale is logarithmic.</param>
/// <param name="Methods">One per method, in the order of the table.</param>
internal sealed record StudyReport(
    string Study, string About, string Command, string Dataset, string Split, int Seeds, string? Axis, bool Logarithmic, StudyMethod[] Methods)
{
    /// <summary>The table in Markdown, with a heading that says what was measured, the command, and the plot.</summary>
    /// <param name="plot">Where the plot is, relative to the page.</param>
    public string ToMarkdown(string plot)
    {
        var directions = Methods[0].Runs[0].Directions;
        string[] header = ["method", .. directions.Select(d => $"{EvaluationTable.Direction(d)} R@1 / 5 / 10"), "mean of all"];
        var rows = Methods.Select(m => (IReadOnlyList<string>)Cells(m)).ToArray();
        return $"""
            # Study: {Study}

            {About}. Dataset {Dataset}, {Split} split, mean ± standard deviation of {Phrases.Count(Seeds, "seed")}.

            {MarkdownTable.Write(header, rows).TrimEnd()}

            ![{About}]({plot})

            Made by `{Command}`.

            """;
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
/// <param name="Series">The curve that it is a point of; "" where there is only one.</param>
/// <param name="Value">Where it is on the scale; null for nowhere.</param>
/// <param name="Settings">Keys of the recipe that it sets.</param>
/// <param name="Models">The fusion models, one per seed.</param>
/// <param name="Runs">Their recall, in the same order.</param>
internal sealed record StudyMethod(string Name, string Series, double? Value, string[] Settings, string[] Models, EvaluationReport[] Runs);
