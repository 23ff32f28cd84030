using FuseMix.Cli.Output;
using FuseMix.Cli.Pictures;
using FuseMix.Cli.Search;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Data.Datasets;

namespace FuseMix.Cli.Demo;

/// <summary>The searches that the demo shows: text → image, image → text, image → image.</summary>
internal static class DemoSearches
{
    private const int Shown = 5;

    private static readonly string[] Texts =
        ["a happy cat", "something hot to drink", "it is raining", "time to celebrate", "travel by train", "I am so angry"];

    public static async Task<DemoSearch[]> Run(CliRun run, string collection, Dataset dataset)
    {
        var pictures = Unseen(dataset);

        var byText = await Ask([.. Texts.Select(SearchQuery.OfText)], Modality.Image);
        var toText = await Ask([.. pictures.Select(p => SearchQuery.OfContent(Modality.Image, dataset.ReadBytes(p)))], Modality.Text);
        var toImage = await Ask([.. pictures.Select(p => SearchQuery.OfItem(p.Id))], Modality.Image);
        return
        [
            .. Texts.Zip(byText, (text, hits) => new DemoSearch(text, Modality.Text, Modality.Image, hits)),
            .. pictures.Zip(toText, (p, hits) => new DemoSearch(p.Id, Modality.Image, Modality.Text, hits)),
            // The nearest picture to a picture is itself, which nobody needs to be shown.
            .. pictures.Zip(
                toImage, (p, hits) => new DemoSearch(p.Id, Modality.Image, Modality.Image, [.. hits.Where(h => h.Id != p.Id).Take(Shown)])),
        ];

        async Task<Hit[][]> Ask(SearchQuery[] queries, Modality target)
        {
            var response = await run.Client.Search(new SearchRequest(collection, queries, target, Shown + 1), run.Stop);
            if (!response.Complete) run.Terminal.Warn($"an answer is not complete: {string.Join("; ", response.MissingShards)}");
            return target == Modality.Image && queries.All(q => q.Terms[0].ItemId is not null)
                ? response.Results
                : [.. response.Results.Select(r => r[..Math.Min(Shown, r.Length)])];
        }
    }

    public static void Show(Terminal terminal, Dataset dataset, IReadOnlyList<DemoSearch> searches)
    {
        var pictures = terminal.ShowsPictures;
        foreach (var kind in searches.GroupBy(s => (s.From, s.To)))
        {
            terminal.Say();
            terminal.Say(terminal.Out.Bold($"{Word(kind.Key.From)} → {Word(kind.Key.To)}") + terminal.Out.Dim(kind.Key switch
            {
                (Modality.Text, _) => "  words, and the nearest of all pictures",
                (_, Modality.Text) => "  pictures that training has never seen, and the nearest captions",
                _ => "  the same pictures, and the pictures nearest to them",
            }));
            if (pictures && kind.Key.To == Modality.Image)
            {
                foreach (var search in kind)
                {
                    terminal.Say();
                    terminal.Say($"  {Title(dataset, search)}");
                    PictureStrip.Show(terminal, search.Hits, id => Picture(dataset, id));
                }
            }

            // A line per query: symbols of several characters would push the borders of a table about.
            foreach (var search in kind.Where(_ => !(pictures && kind.Key.To == Modality.Image)))
            {
                var hits = search.Hits.Select(h => $"{Phrases.Cut(HitLabel.Of(h), 26)} {terminal.Out.Dim(Phrases.Fixed(h.Score, 2))}");
                terminal.Say($"  {Phrases.Fit(Title(dataset, search), 28)} {terminal.Out.Dim("→")} {string.Join("  ", hits)}");
            }
        }
    }

    private static byte[]? Picture(Dataset dataset, string id)
    {
        try
        {
            return dataset.ReadBytes(dataset.Item(id));
        }
        catch (FuseMixException)
        {
            // Missing or changed since: the rest of the demo is worth showing nevertheless.
            return null;
        }
    }

    private static string Title(Dataset dataset, DemoSearch search) =>
        search.From == Modality.Text ? $"“{search.Query}”" : HitLabel.Of(dataset.Item(search.Query));

    /// <summary>Pictures of the test split that are easy to judge: one per group, no flags, the same ones every time.</summary>
    private static DatasetItem[] Unseen(Dataset dataset) =>
    [
        .. dataset.ItemsOf(Modality.Image)
            .Where(
                i => i.Split == Split.Test
                    && i.Metadata.GetValueOrDefault("isFlag") != "true"
                    && i.Metadata.GetValueOrDefault("category") is not ("Symbols" or "People & Body" or "Component"))
            .GroupBy(i => i.Group).Select(g => g.First())
            .OrderBy(i => Fingerprint.Of(i.Id).Hex, StringComparer.Ordinal)
            .Take(Shown),
    ];

    private static string Word(Modality modality) => modality.ToString().ToLowerInvariant();
}
