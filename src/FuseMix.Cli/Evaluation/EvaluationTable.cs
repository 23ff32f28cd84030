using FuseMix.Cli.Output;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Evaluation;

/// <summary>Recall as tables.</summary>
internal static class EvaluationTable
{
    /// <summary>One report: a row per direction.</summary>
    public static Table Of(EvaluationReport report)
    {
        var table = new Table("direction", ">queries", ">candidates", ">R@1", ">R@5", ">R@10", ">median rank");
        foreach (var d in report.Directions)
        {
            table.Row(
                Direction(d), Phrases.Count(d.Queries), Phrases.Count(d.Candidates),
                Phrases.Fixed(d.At1, 1), Phrases.Fixed(d.At5, 1), Phrases.Fixed(d.At10, 1), Phrases.Fixed(d.MedianRank, d.MedianRank % 1 == 0 ? 0 : 1));
        }

        return table;
    }

    /// <summary>Several reports of the same directions: a row per method.</summary>
    public static Table Compare(IReadOnlyList<(string Method, EvaluationReport Report)> rows)
    {
        var directions = rows[0].Report.Directions;
        var table = new Table(["method", .. directions.Select(d => $">{Direction(d)} R@1 / 5 / 10"), ">mean"]);
        foreach (var (method, report) in rows)
        {
            table.Row([method, .. directions.Select(d => Figures(report.Directions.Single(o => o.From == d.From && o.To == d.To))), Phrases.Fixed(report.Mean, 1)]);
        }

        return table;
    }

    public static string Direction(DirectionRecall direction) => $"{Word(direction.From)} → {Word(direction.To)}";

    public static string Figures(DirectionRecall d) => $"{Phrases.Fixed(d.At1, 1)} / {Phrases.Fixed(d.At5, 1)} / {Phrases.Fixed(d.At10, 1)}";

    public static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
