using System.Text.Json.Serialization;
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
    string Study, string About, string Command, string Dataset, string Split, int Seeds, string? Axis, bool Logarithmic,
    StudyMethod[] Methods)
{
    /// <summary>Folds of train and validation, each measured by models that learnt from the others; null where a split was
    /// measured.</summary>
    public int? Folds { get; init; }

    /// <summary>What was measured, for a heading.</summary>
    [JsonIgnore]
    public string Measured => Folds is { } folds ? $"{folds} folds of train and validation" : $"{Split} split";

    /// <summary>The column titles of the table, <see cref="Cells"/> in the same order.</summary>
    [JsonIgnore]
    public string[] Header =>
    [
        "method",
        .. Methods[0].Runs[0].Directions.Select(d => $"{EvaluationTable.Direction(d)} R@1 / 5 / 10"),
        "mean of all",
        .. Folds is null ? (string[])[] : ["ahead of the first"],
    ];

    /// <summary>The table in Markdown, with a heading that says what was measured, the command, and the plot.</summary>
    /// <param name="plot">Where the plot is, relative to the page.</param>
    public string ToMarkdown(string plot)
    {
        var figures = Folds is null
            ? $"mean ± standard deviation of {Phrases.Count(Seeds, "seed")}"
            : $"{Phrases.Count(Seeds, "seed")} each: means, and by how much ± standard deviation a method is ahead of the first one on "
                + "the same fold and seed";
        var rows = Methods.Select(m => (IReadOnlyList<string>)Cells(m)).ToArray();
        return $"""
            # Study: {Study}

            {About}. Dataset {Dataset}, {Measured}, {figures}.

            {MarkdownTable.Write(Header, rows).TrimEnd()}

            ![{About}]({plot})

            Made by `{Command}`.

            """;
    }

    /// <summary>The cells of a method's row.</summary>
    /// <remarks>
    /// Some folds are harder than others, for every method: what tells methods apart is not how far recall spreads over them, but the
    /// difference on the same fold and seed, and on how many of them it is above 0.
    /// </remarks>
    public string[] Cells(StudyMethod method) =>
    [
        method.Name,
        .. method.Runs[0].Directions.Select(
            d => string.Join(" / ", new Func<DirectionRecall, double>[] { r => r.At1, r => r.At5, r => r.At10 }
            .Select(figure => Figure(method.Runs.Select(run => figure(run.Directions.Single(o => o.From == d.From && o.To == d.To))))))),
        Figure(method.Runs.Select(r => r.Mean)),
        .. Folds is null ? (string[])[] : [method == Methods[0] ? "" : Ahead(method)],
    ];

    /// <summary>The mean recall of a method with what tells it apart: its spread over seeds, or on folds that of the difference from the
    /// first method.</summary>
    public Spread Recall(StudyMethod method)
    {
        var recall = Spread.Of(method.Runs.Select(run => run.Mean));
        return Folds is null ? recall : recall with { Deviation = Spread.Of(Differences(method)).Deviation };
    }

    private string Figure(IEnumerable<double> runs)
    {
        var spread = Spread.Of(runs);
        return $"{(Folds is null ? spread : spread with { Deviation = null })}";
    }

    private string Ahead(StudyMethod method)
    {
        var differences = Differences(method);
        return $"{Spread.Of(differences)}, on {differences.Count(difference => difference > 0)} of {differences.Length}";
    }

    private double[] Differences(StudyMethod method) => [.. method.Runs.Zip(Methods[0].Runs, (own, first) => own.Mean - first.Mean)];
}

/// <summary>One method of a study.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Series">The curve that it is a point of; "" where there is only one.</param>
/// <param name="Value">Where it is on the scale; null for nowhere.</param>
/// <param name="Settings">Keys of the recipe that it sets.</param>
/// <param name="Models">The fusion models, one per seed.</param>
/// <param name="Runs">Their recall, in the same order.</param>
internal sealed record StudyMethod(string Name, string Series, double? Value, string[] Settings, string[] Models, EvaluationReport[] Runs);
