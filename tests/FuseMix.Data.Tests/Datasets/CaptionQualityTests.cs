using FuseMix.Data.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets;

public sealed class CaptionQualityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_sentence_is_what_is_kept_and_nothing_else_of_an_item_changes()
    {
        var whole = Captions(("a", "motor scooter. vehicle, vespa", Split.Train), ("b", "cat", Split.Test));
        var brief = CaptionQuality.FirstSentences(whole, "brief");
        Assert.Equal(["motor scooter", "cat"], brief.ItemsOf(Modality.Text).Select(item => item.Text));
        Assert.Equal(whole.ItemsOf(Modality.Image), brief.ItemsOf(Modality.Image));
        Assert.Equal(whole.Pairs, brief.Pairs);
        var (before, after) = (whole.Item("a"), brief.Item("a"));
        Assert.Equal((before.Group, before.Split, before.Metadata), (after.Group, after.Split, after.Metadata));
        Assert.Equal((Fingerprint.Of("motor scooter").Hex, 13L), (after.Sha256, after.Size));
        Assert.Equal("brief", brief.Name);
        Assert.True(File.Exists(brief.PathOf(brief.Item("a.png"))));
    }

    [Fact]
    public void No_caption_is_learnt_that_is_asked_about()
    {
        var whole = Captions(
            ("a", "cat. pet", Split.Train),
            ("b", "Cat. feline", Split.Validation),
            ("c", "cat. animal", Split.Test),
            ("d", "dog. pet", Split.Train));
        var brief = CaptionQuality.FirstSentences(whole, "brief");
        Assert.Equal(["c.png", "d.png"], brief.Pairs.Select(pair => pair.First));
        Assert.Equal(8, brief.Items.Count);
    }

    [Fact]
    public void As_many_words_as_asked_for_are_those_of_other_captions()
    {
        string[] own = ["one two, three-four. five", "six seven eight"];
        var whole = Captions([.. Enumerable.Range(0, 400).Select(i => ($"i{i}", $"{own[i % 2]} w{i}", Split.Train))]);
        var words = whole.ItemsOf(Modality.Text).SelectMany(item => Words(item.Text!)).ToHashSet();
        foreach (var share in (double[])[0, 0.3, 1])
        {
            var spoilt = CaptionQuality.ReplacedWords(whole, "spoilt", share);
            var pairs = whole.ItemsOf(Modality.Text).Zip(spoilt.ItemsOf(Modality.Text)).SelectMany(
                both => Words(both.First.Text!).Zip(Words(both.Second.Text!))).ToArray();
            Assert.Equal(200 * 10, pairs.Length);
            Assert.All(pairs, pair => Assert.Contains(pair.Second, words));
            // A word may be drawn in place of itself: one in ten is "one".
            var changed = pairs.Count(pair => pair.First != pair.Second) / (double)pairs.Length;
            Assert.InRange(changed, share * 0.85, share);
        }

        Assert.Matches("^[^ ]+ [^ ]+, [^ ]+-[^ ]+\\. [^ ]+ [^ ]+$", CaptionQuality.ReplacedWords(whole, "spoilt", 1).Item("i0").Text!);
    }

    [Fact]
    public void A_seed_spoils_the_same_words()
    {
        var whole = Captions([.. Enumerable.Range(0, 20).Select(i => ($"i{i}", $"these are some words {i}", Split.Train))]);
        var first = CaptionQuality.ReplacedWords(whole, "spoilt", 0.5, seed: 1);
        Assert.Equal(first.Fingerprint, CaptionQuality.ReplacedWords(whole, "spoilt", 0.5, seed: 1).Fingerprint);
        Assert.NotEqual(first.Fingerprint, CaptionQuality.ReplacedWords(whole, "spoilt", 0.5, seed: 2).Fingerprint);
    }

    [Fact]
    public void Captions_that_cannot_be_made_poorer_are_refused()
    {
        var home = new FuseMixHome(_folder.Path);
        Refused(
            "has no captions",
            () => CaptionQuality.ReplacedWords(SampleData.Of(home, "none", [Picture(home, "a.png", Split.Train)]), "x", 0.5));
        Refused(
            "has no captions",
            () => CaptionQuality.FirstSentences(SampleData.Of(home, "none", [Picture(home, "a.png", Split.Train)]), "x"));
        Refused("more than one sentence", () => CaptionQuality.FirstSentences(Captions(("a", "cat", Split.Train)), "x"));
        Assert.Throws<ArgumentOutOfRangeException>(() => CaptionQuality.ReplacedWords(Captions(("a", "cat", Split.Train)), "x", 1.1));

        static void Refused(string part, Func<Dataset> make) =>
            Assert.Contains(part, Assert.Throws<FuseMixException>(make).Message, StringComparison.Ordinal);
    }

    private static string[] Words(string text) => text.Split([' ', ',', '-', '.'], StringSplitOptions.RemoveEmptyEntries);

    private Dataset Captions(params (string Id, string Text, Split Split)[] captions)
    {
        var home = new FuseMixHome(_folder.Path);
        return SampleData.Of(
            home,
            "whole",
            [.. captions.SelectMany(one => (DatasetItem[])[SampleData.Text(one.Id, one.Text, split: one.Split), Picture(home, $"{one.Id}.png", one.Split)])],
            [.. captions.Select(one => new DatasetPair($"{one.Id}.png", one.Id))]);
    }

    private DatasetItem Picture(FuseMixHome home, string name, Split split)
    {
        File.WriteAllText(_folder[name], name);
        return SampleData.File(home, name, _folder[name], split: split);
    }
}
