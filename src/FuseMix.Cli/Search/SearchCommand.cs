using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Pictures;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Search;

namespace FuseMix.Cli.Search;

/// <summary><c>fusemix search</c></summary>
internal static class SearchCommand
{
    /// <summary>How strongly <c>--minus</c> pushes away: a full step back mostly leaves the neighbourhood of the query altogether.</summary>
    private const float MinusWeight = -0.5f;

    private static readonly Argument<string> Collection = new("collection") { Description = "Name of a collection" };

    private static readonly Argument<string?> Text = new("text") { Description = "A text to search by", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string?> Image = FilePath.Option("--image", "file", "A picture to search by (PNG, JPEG, WebP)");

    private static readonly Option<string?> Item = new("--item") { Description = "An item of the collection to search by", HelpName = "id" };

    private static readonly Option<string[]> Minus = new("--minus") { Description = "A text to move away from; may be repeated", HelpName = "text" };

    private static readonly Option<string> Target = Choice.Of("--target", SearchRequest.DefaultTarget.Word(), "What to find", "image", "text", "audio", "any");

    private static readonly Option<int> K = new("-k", "--top")
    {
        Description = "Number of hits, 1 to 10,000 (default: 10)",
        HelpName = "n",
        DefaultValueFactory = _ => 10,
    };

    private static readonly Option<double?> MinScore = new("--min-score") { Description = "Least cosine of a hit, -1 to 1", HelpName = "score" };

    private static readonly Option<string[]> Filter = new("--filter")
    {
        Description = "Only items with this metadata; may be repeated (the same key twice: either value)",
        HelpName = "key=value",
    };

    private static readonly Option<bool> NoPictures = new("--no-pictures") { Description = "Never draw pictures in the terminal" };

    public static Command Create() =>
        new CliCommand("search", "Search a collection by text, picture or item. Several of these are added up: \"this picture, but snow\".")
            .With(Collection, Text, Image, Item, Minus, Target, K, MinScore, Filter, NoPictures)
            .WithExample("./fusemix search emoji \"a happy cat\"", "text → image")
            .WithExample("./fusemix search emoji --image cat.png --target text", "image → text")
            .WithExample("./fusemix search emoji snow --image mountain.png --minus summer -k 5", "this picture, but snow, and away from summer")
            .WithExample("./fusemix search emoji flag --filter vendor=google --json", "only some items, as JSON")
            .Does(Run);

    private static async Task Run(CliRun run)
    {
        var collection = run.Get(Collection);
        var request = new SearchRequest(collection, [await Query(run)], ReadTarget(run.Get(Target)!), run.Get(K))
        {
            MinScore = (float?)run.Get(MinScore),
            Filter = ReadFilter(run.Get(Filter) ?? []),
        };
        var response = await run.ClientToSearch(request).Search(request, run.Stop);
        var pictures = run.Terminal.ShowsPictures && !run.Get(NoPictures) ? await PictureStrip.Fetch(run, collection, response.Results[0]) : null;
        run.Terminal.Result(response, CliJson.Relaxed.SearchResponse, r =>
        {
            SearchResults.Show(run, r.Results[0], pictures);
            run.Terminal.Say(run.Terminal.Out.Dim($"{Phrases.Count(r.Results[0].Length, "hit")} in {Phrases.Duration(r.Elapsed)}, generation {r.Generation}"));
        });
        if (!response.Complete)
            run.Terminal.Warn($"the answer is not complete: {string.Join("; ", response.MissingShards)}");
    }

    private static async Task<SearchQuery> Query(CliRun run)
    {
        var terms = new List<QueryTerm>();
        if (run.Get(Text) is { } text) terms.Add(new QueryTerm { Text = text });
        if (run.Get(Image) is { } file) terms.Add(new QueryTerm { Modality = Modality.Image, Content = await ReadImage(file, run.Stop) });
        if (run.Get(Item) is { } item) terms.Add(new QueryTerm { ItemId = item });
        if (terms.Count == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid, "There is nothing to search by.", $"Give a text, --image FILE or --item ID: ./fusemix search {run.Get(Collection)} \"a happy cat\".");
        }

        terms.AddRange((run.Get(Minus) ?? []).Select(t => new QueryTerm { Text = t, Weight = MinusWeight }));
        return new SearchQuery([.. terms]);
    }

    internal static async Task<byte[]> ReadImage(string file, CancellationToken cancellationToken)
    {
        const long most = 64L << 20;
        var info = new FileInfo(file);
        if (!info.Exists)
        {
            var near = info.Directory is { Exists: true } folder ? NearestName.Of(info.Name, folder.EnumerateFiles().Take(10_000).Select(f => f.Name)) : null;
            throw new FuseMixException(FailureKind.NotFound, $"There is no file '{file}'.", near is null ? "Check the path." : $"Did you mean '{Path.Combine(Path.GetDirectoryName(file) ?? "", near)}'?");
        }

        if (info.Length > most)
            throw new FuseMixException(FailureKind.Invalid, $"'{file}' has {Phrases.Bytes(info.Length)}, more than the {Phrases.Bytes(most)} that a query may have.", "Make it smaller: the encoder sees at most a few hundred pixels a side anyway.");
        return await File.ReadAllBytesAsync(file, cancellationToken);
    }

    internal static Modality? ReadTarget(string word) => word == "any" ? null : Enum.Parse<Modality>(word, ignoreCase: true);

    internal static Dictionary<string, string[]>? ReadFilter(IReadOnlyList<string> filters)
    {
        if (filters.Count == 0) return null;
        return filters
            .Select(f => f.IndexOf('=', StringComparison.Ordinal) is > 0 and var at
                ? (Key: f[..at], Value: f[(at + 1)..])
                : throw new FuseMixException(FailureKind.Invalid, $"--filter needs key=value, not '{f}'.", "For example --filter split=test."))
            .GroupBy(f => f.Key, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.Select(f => f.Value).ToArray(), StringComparer.Ordinal);
    }
}
