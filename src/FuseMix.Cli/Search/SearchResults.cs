using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Pictures;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Collections;

namespace FuseMix.Cli.Search;

/// <summary>Hits for people: a row of small pictures where the terminal can draw them, and a table.</summary>
internal static class SearchResults
{
    /// <param name="run">The run.</param>
    /// <param name="hits">What was found.</param>
    /// <param name="pictures">The picture of an item, or null where it cannot be had; itself null for no pictures.</param>
    public static void Show(CliRun run, IReadOnlyList<Hit> hits, Func<string, byte[]?>? pictures)
    {
        if (hits.Count == 0)
        {
            run.Terminal.Say("Nothing found.");
            return;
        }

        if (pictures is not null) PictureStrip.Show(run.Terminal, hits, pictures);
        var table = new Table(">rank", ">score", "what", "id", "…caption");
        for (var i = 0; i < hits.Count; i++)
        {
            var hit = hits[i];
            table.Row(
                Phrases.Count(i + 1), Phrases.Fixed(hit.Score, 3), EvaluationTable.Word(hit.Modality), hit.Id, Caption(hit));
        }

        run.Terminal.Draw(table);
    }

    public static string Caption(Hit hit) => HitMetadata.Caption(hit.Metadata) ?? "";
}
