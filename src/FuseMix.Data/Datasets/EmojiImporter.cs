using System.Text.Json;
using FuseMix.Data.Packages;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>The demo's dataset: every emoji as two vendors draw it, with its name and keywords as the caption.</summary>
/// <remarks>
/// Twemoji and Noto Emoji (64 × 64 PNG, from <c>emoji-datasource-twitter</c> and <c>-google</c> 16.0.0) and English names and
/// keywords (<c>emojilib</c> 4.0.3). 1,911 emoji in 1,685 groups: what differs only by skin tone is left out, what
/// differs only by gender, age, hair or direction is one group, and so is what is drawn with identical bytes.
/// </remarks>
public static class EmojiImporter
{
    /// <summary>The dataset's name.</summary>
    public const string Name = "emoji";

    /// <summary>The terms of the three packages.</summary>
    public const string Licence = "images CC-BY-4.0 (Twemoji) and Apache-2.0 (Noto Emoji); names and keywords MIT (emojilib)";

    private const string About =
        "1,911 emoji as Twemoji and Noto draw them, each with its English name and keywords. Fetched from packages, not redistributed.";
    private static readonly string[] Vendors = ["twitter", "google"];

    /// <summary>The packages that the dataset is made of, about 136 MB to fetch, of which 9 MB are unpacked.</summary>
    public static IReadOnlyList<NpmPackage> Packages { get; } =
    [
        new(
            "emoji-datasource-twitter",
            "16.0.0",
            "sha512-7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
            ["img/twitter/64/", "emoji.json", "LICENSE"]),
        new(
            "emoji-datasource-google",
            "16.0.0",
            "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
            ["img/google/64/", "emoji.json", "LICENSE"]),
        new(
            "emojilib",
            "4.0.3",
            "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
            ["dist/emoji-en-US.json", "LICENSE"]),
    ];

    /// <summary>Fetches the packages where they are missing and makes the dataset of them; it is not saved.</summary>
    /// <param name="home">The home folder.</param>
    /// <param name="packages">The packages of that home.</param>
    /// <param name="fetching">Told about the packages.</param>
    /// <param name="importing">Told about the emoji.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="FuseMixException">A package cannot be had, or is not what it should be.</exception>
    public static async Task<Dataset> ImportAsync(
        FuseMixHome home,
        PackageStore packages,
        IProgress<PackageProgress>? fetching = null,
        IProgress<ImportProgress>? importing = null,
        CancellationToken cancellation = default)
    {
        var folders = new List<string>();
        foreach (var package in Packages) folders.Add(await packages.FetchAsync(package, fetching, cancellation).ConfigureAwait(false));
        return Import(home, folders[0], folders[1], folders[2], importing, cancellation);
    }

    internal static Dataset Import(
        FuseMixHome home, string twitter, string google, string keywords, IProgress<ImportProgress>? progress,
        CancellationToken cancellation)
    {
        using var records = Read(Path.Combine(twitter, "emoji.json"));
        using var library = Read(Path.Combine(keywords, "dist", "emoji-en-US.json"));
        var builder = new DatasetBuilder(home, Name, SplitRatios.Default);
        var firstOfKind = new Dictionary<string, string>(StringComparer.Ordinal);
        var total = records.RootElement.GetArrayLength();
        var done = 0;
        foreach (var record in records.RootElement.EnumerateArray())
        {
            cancellation.ThrowIfCancellationRequested();
            Add(record);
            progress?.Report(new ImportProgress(++done, total, builder.FailureCount));
        }

        return builder.Build(Name, Licence, About);

        void Add(JsonElement record)
        {
            var code = record.GetProperty("unified").GetString()!;
            var id = code.ToLowerInvariant();
            var kind = EmojiKind.Of(code);
            if (!firstOfKind.TryAdd(kind, id)) builder.Join(firstOfKind[kind], id);

            var characters = string.Concat(code.Split('-').Select(c => char.ConvertFromUtf32(Convert.ToInt32(c, 16))));
            var (name, words) = Describe(record.GetProperty("name").GetString()!, characters, library.RootElement);
            var metadata = new Dictionary<string, string>
            {
                ["emoji"] = characters,
                ["name"] = name,
                ["category"] = record.GetProperty("category").GetString()!,
                ["isFlag"] = record.GetProperty("category").GetString() == "Flags" ? "true" : "false",
            };
            var caption = builder.AddCaption(
                code,
                words.Length == 0 ? name : $"{name}. {string.Join(", ", words)}",
                id,
                null,
                $"{id}.text",
                metadata);
            foreach (var (vendor, folder) in Vendors.Zip((string[])[twitter, google]))
            {
                var path = Path.Combine(folder, "img", vendor, "64", record.GetProperty("image").GetString()!);
                var shown = new Dictionary<string, string>(metadata) { ["vendor"] = vendor };
                var image = builder.AddFile($"{code} by {vendor}", $"{id}.{vendor}", Modality.Image, path, id, null, shown);
                if (image is not null && caption is not null) builder.AddPair(image, caption);
            }
        }
    }

    /// <summary>The common name and the keywords; a name that the library leaves unfinished ("keycap_") or lacks is Unicode's
    /// own.</summary>
    private static (string Name, string[] Keywords) Describe(string unicodeName, string characters, JsonElement library)
    {
        var words = library.TryGetProperty(characters, out var list) ? list.EnumerateArray().Select(w => w.GetString()!).ToArray() : [];
        var name = words.Length == 0 || words[0].EndsWith('_') ? unicodeName.ToLowerInvariant() : words[0].Replace('_', ' ');
        return (name, words.Skip(1).ToArray());
    }

    private static JsonDocument Read(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"'{path}' cannot be read: {e.Message}",
                "Remove its package's folder and run the command again.",
                e);
        }
    }
}

/// <summary>What an emoji depicts, whatever the person's gender, age and hair and whichever way it faces.</summary>
internal static class EmojiKind
{
    private const string Joiner = "200D";

    // Signs that follow a joiner or a person and change nothing but gender, hair or direction.
    private static readonly HashSet<string> Modifiers = ["FE0F", "2640", "2642", "1F9B0", "1F9B1", "1F9B2", "1F9B3", "27A1"];

    private static readonly Dictionary<string, string> Persons = new()
    {
        ["1F468"] = "1F9D1", // man
        ["1F469"] = "1F9D1", // woman
        ["1F466"] = "1F9D2", // boy
        ["1F467"] = "1F9D2", // girl
        ["1F474"] = "1F9D3", // old man
        ["1F475"] = "1F9D3", // old woman
    };

    // Characters of their own that Unicode later gave a neutral sequence or sibling.
    private static readonly Dictionary<string, string> Neutral = new()
    {
        ["1F46B"] = "1F9D1-200D-1F91D-200D-1F9D1", // woman and man, men, women holding hands: people holding hands
        ["1F46C"] = "1F9D1-200D-1F91D-200D-1F9D1",
        ["1F46D"] = "1F9D1-200D-1F91D-200D-1F9D1",
        ["1F48F"] = "1F9D1-200D-2764-200D-1F48B-200D-1F9D1", // kiss
        ["1F491"] = "1F9D1-200D-2764-200D-1F9D1", // couple with heart
        ["1F478"] = "1FAC5", // princess, prince: person with crown
        ["1F934"] = "1FAC5",
        ["1F930"] = "1FAC4", // pregnant woman, man: person
        ["1FAC3"] = "1FAC4",
    };

    /// <param name="code">Code points in hexadecimal, joined by '-'.</param>
    public static string Of(string code)
    {
        var kept = code.Split('-').Where(c => !Modifiers.Contains(c)).Select(c => Persons.GetValueOrDefault(c, c)).ToList();
        // What was left out leaves its joiner behind.
        for (var i = kept.Count - 1; i >= 0; i--)
            if (kept[i] == Joiner && (i == kept.Count - 1 || kept[i + 1] == Joiner)) kept.RemoveAt(i);
        var kind = string.Join('-', kept);
        // The gender signs and the arrow themselves are emoji too.
        return kind.Length == 0 ? code : Neutral.GetValueOrDefault(kind, kind);
    }
}
