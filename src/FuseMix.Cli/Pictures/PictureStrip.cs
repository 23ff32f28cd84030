using FuseMix.Cli.Output;
using FuseMix.Contracts.Collections;
using FuseMix.Data.Datasets;
using FuseMix.Encoders.Images;

namespace FuseMix.Cli.Pictures;

/// <summary>A row of small pictures, each with a label under it.</summary>
internal static class PictureStrip
{
    private const int Columns = 16;
    private const int Gap = 2;

    /// <summary>Draws the pictures among some hits, as many as fit beside each other.</summary>
    public static void Show(Terminal terminal, Dataset dataset, IReadOnlyList<Hit> hits) =>
        Show(terminal, [.. hits.Where(h => h.Modality == Modality.Image).Select(h => (h.Id, Phrases.Fixed(h.Score, 3)))], dataset);

    private static void Show(Terminal terminal, IReadOnlyList<(string Id, string Label)> pictures, Dataset dataset)
    {
        var drawn = pictures.Take(Math.Max(1, (terminal.Width + Gap) / (Columns + Gap))).Select(p => (Lines: Draw(dataset, p.Id), p.Label)).ToArray();
        if (drawn.Length == 0) return;
        for (var row = 0; row < Columns / 2; row++)
            terminal.Say(string.Join(new string(' ', Gap), drawn.Select(d => d.Lines[row])));
        terminal.Say(string.Join(new string(' ', Gap), drawn.Select(d => terminal.Out.Dim(Phrases.Fit(d.Label, Columns)))));
    }

    /// <summary>One picture on its own.</summary>
    public static void Show(Terminal terminal, Dataset dataset, string itemId, string label) => Show(terminal, [(itemId, label)], dataset);

    private static string[] Draw(Dataset dataset, string id)
    {
        try
        {
            using var image = ImageDecoder.Decode(dataset.ReadBytes(dataset.Item(id)));
            return HalfBlockPicture.Draw(image.Pixels, image.Width, image.Height, image.Channels, Columns);
        }
        catch (FuseMixException)
        {
            // A picture is decoration here: the table beside it names the item, and 'doctor' finds missing files.
            return [.. Enumerable.Repeat(Phrases.Fit("", Columns), (Columns / 2) - 1), Phrases.Fit("(no picture)", Columns)];
        }
    }
}
