using FuseMix.Data.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets;

public sealed class EmojiImporterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("1F468-200D-1F33E", "1F9D1-200D-1F33E")] // man farmer, farmer
    [InlineData("1F3C3-200D-2640-FE0F-200D-27A1-FE0F", "1F3C3")] // woman running facing right, person running
    [InlineData("1F469-200D-1F9B0", "1F468-200D-1F9B3")] // woman red hair, man white hair
    [InlineData("1F468-200D-1F469-200D-1F466", "1F469-200D-1F469-200D-1F467")] // families
    [InlineData("1F474", "1F475")] // old man, old woman
    [InlineData("1F46B", "1F46D")] // holding hands
    [InlineData("1F469-200D-2764-FE0F-200D-1F468", "1F491")] // couples with heart
    [InlineData("1F478", "1FAC5")] // princess, person with crown
    public void What_differs_only_by_gender_age_hair_or_direction_is_one_kind(string a, string b) =>
        Assert.Equal(EmojiKind.Of(a), EmojiKind.Of(b));

    [Theory]
    [InlineData("2640-FE0F", "2642-FE0F")] // the female and the male sign
    [InlineData("27A1-FE0F", "2640-FE0F")] // the right arrow
    [InlineData("1F468-200D-1F33E", "1F468-200D-1F373")] // farmer, cook
    [InlineData("1F9B0", "1F9B1")]
    [InlineData("1F1E6-1F1E8", "1F1E6-1F1E9")]
    public void What_differs_by_more_is_not(string a, string b) => Assert.NotEqual(EmojiKind.Of(a), EmojiKind.Of(b));

    [Fact]
    public void Both_vendors_of_an_emoji_are_paired_with_its_name_and_keywords()
    {
        Write("""
            [
              {"name":"MOTOR SCOOTER","unified":"1F6F5","image":"1f6f5.png","category":"Travel & Places","skin_variations":{"X":{"image":"no.png"}}},
              {"name":"HASH KEY","unified":"0023-FE0F-20E3","image":"h.png","category":"Symbols"},
              {"name":"Norway Flag","unified":"1F1F3-1F1F4","image":"no.png","category":"Flags"},
              {"name":"Svalbard Flag","unified":"1F1F8-1F1EF","image":"sj.png","category":"Flags"},
              {"name":"LOST","unified":"1F600","image":"lost.png","category":"Smileys"}
            ]
            """,
            """{"🛵":["motor_scooter","vehicle","vespa"],"#️⃣":["keycap_","symbol"],"🇳🇴":["flag_norway"]}""",
            ("1f6f5.png", "scooter"), ("h.png", "hash"), ("no.png", "same flag"), ("sj.png", "same flag"));
        var dataset = EmojiImporter.Import(
            new FuseMixHome(_folder["home"]), _folder["twitter"], _folder["google"], _folder["lib"], null, default);

        Assert.Equal("motor scooter. vehicle, vespa", dataset.Item("1f6f5.text").Text);
        Assert.Equal("hash key. symbol", dataset.Item("0023-fe0f-20e3.text").Text);
        Assert.Equal("flag norway", dataset.Item("1f1f3-1f1f4.text").Text);
        Assert.Equal("svalbard flag", dataset.Item("1f1f8-1f1ef.text").Text);
        Assert.Contains(new DatasetPair("1f6f5.twitter", "1f6f5.text"), dataset.Pairs);
        Assert.Contains(new DatasetPair("1f6f5.google", "1f6f5.text"), dataset.Pairs);
        Assert.Equal(("🛵", "motor scooter", "google", "false"), Shown(dataset.Item("1f6f5.google")));
        Assert.Equal("true", dataset.Item("1f1f3-1f1f4.twitter").Metadata["isFlag"]);
        Assert.Equal("1f1f3-1f1f4", dataset.Item("1f1f8-1f1ef.google").Group);
        Assert.Equal(["1F600 by twitter", "1F600 by google"], dataset.Failures.Select(f => f.Source));
        Assert.Contains(dataset.Notices, n => n.Contains("identical files"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void The_real_packages_give_1685_groups_of_1911_emoji()
    {
        var folders = EmojiImporter.Packages.Select(p => TestPackages.Find(p.Name, p.Version)).ToArray();
        if (Array.FindIndex(folders, f => f is null) is >= 0 and var missing)
            Assert.Skip(TestPackages.WhyMissing(EmojiImporter.Packages[missing].Name, EmojiImporter.Packages[missing].Version));
        var dataset = EmojiImporter.Import(new FuseMixHome(_folder["home"]), folders[0]!, folders[1]!, folders[2]!, null, default);
        var statistics = dataset.Statistics();
        Assert.Empty(dataset.Failures);
        Assert.Equal(3822, dataset.ItemsOf(Modality.Image).Count);
        Assert.Equal(1911, dataset.ItemsOf(Modality.Text).Count);
        Assert.Equal(1685, statistics.Groups);
        Assert.Equal(
            (2820, 414, 588), (statistics.PairsIn(Split.Train), statistics.PairsIn(Split.Validation), statistics.PairsIn(Split.Test)));
        Assert.Equal(270, dataset.ItemsOf(Modality.Text).Count(i => i.Metadata["isFlag"] == "true"));
        Assert.Equal(1911, dataset.ItemsOf(Modality.Text).Select(i => DatasetBuilder.Normalise(i.Text!)).Distinct().Count());
        var splits = dataset.Items.GroupBy(i => i.Sha256).Select(g => g.Select(i => i.Split).Distinct().Count());
        Assert.All(splits, s => Assert.Equal(1, s));
    }

    private static (string, string, string, string) Shown(DatasetItem item) =>
        (item.Metadata["emoji"], item.Metadata["name"], item.Metadata["vendor"], item.Metadata["isFlag"]);

    private void Write(string records, string library, params (string Name, string Content)[] images)
    {
        foreach (var vendor in (string[])["twitter", "google"])
        {
            Directory.CreateDirectory(_folder[$"{vendor}/img/{vendor}/64"]);
            File.WriteAllText(_folder[$"{vendor}/emoji.json"], records);
            foreach (var (name, content) in images)
                File.WriteAllText(_folder[$"{vendor}/img/{vendor}/64/{name}"], $"{content} by {vendor}");
        }

        Directory.CreateDirectory(_folder["lib/dist"]);
        File.WriteAllText(_folder["lib/dist/emoji-en-US.json"], library);
    }
}
