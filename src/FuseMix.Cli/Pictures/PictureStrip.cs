using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Collections;
using FuseMix.Encoders.Images;

namespace FuseMix.Cli.Pictures;

/// <summary>A row of small pictures, each with a label under it.</summary>
internal static class PictureStrip
{
    private const int Columns = 16;
    private const int Gap = 2;

    /// <summary>Fetches the pictures among some hits, as far as they are going to be shown.</summary>
    public static async Task<Func<string, byte[]?>> Fetch(CliRun run, string collection, IReadOnlyList<Hit> hits)
    {
        var pictures = await Task.WhenAll(Shown(run.Terminal, hits).Select(async hit => (hit.Id, Content: await Content(hit.Id))));
        return id => pictures.FirstOrDefault(picture => picture.Id == id).Content;

        async Task<byte[]?> Content(string id)
        {
            try
            {
                return (await run.Client.Content(collection, id, run.Stop)).Bytes;
            }
            catch (FuseMixException)
            {
                // A picture is decoration here: the table beside it names the item.
                return null;
            }
        }
    }

    /// <summary>Draws the pictures among some hits, as many as fit beside each other.</summary>
    public static void Show(Terminal terminal, IReadOnlyList<Hit> hits, Func<string, byte[]?> content)
    {
        var drawn = Shown(terminal, hits).Select(hit => (Lines: Draw(content(hit.Id)), Label: Phrases.Fixed(hit.Score, 3))).ToArray();
        if (drawn.Length == 0) return;
        for (var row = 0; row < Columns / 2; row++)
            terminal.Say(string.Join(new string(' ', Gap), drawn.Select(d => d.Lines[row])));
        terminal.Say(string.Join(new string(' ', Gap), drawn.Select(d => terminal.Out.Dim(Phrases.Fit(d.Label, Columns)))));
    }

    private static IEnumerable<Hit> Shown(Terminal terminal, IEnumerable<Hit> hits) =>
        hits.Where(hit => hit.Modality == Modality.Image).Take(Math.Max(1, (terminal.Width + Gap) / (Columns + Gap)));

    private static string[] Draw(byte[]? content)
    {
        try
        {
            if (content is null) return None();
            using var image = ImageDecoder.Decode(content);
            return HalfBlockPicture.Draw(image.Pixels, image.Width, image.Height, image.Channels, Columns);
        }
        catch (FuseMixException)
        {
            return None();
        }

        static string[] None() => [.. Enumerable.Repeat(Phrases.Fit("", Columns), (Columns / 2) - 1), Phrases.Fit("(no picture)", Columns)];
    }
}
