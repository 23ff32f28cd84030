using System.Globalization;
using FuseMix.Data.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets.Regressions;

/// <summary>An import takes what is there or says what it did not take, and puts it where its owner said.</summary>
public sealed class DroppedWithoutARecordTests : IDisposable
{
    private const string Composed = "caf\u00e9";
    private const string Decomposed = "cafe\u0301";
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;

    public DroppedWithoutARecordTests() => _home = new FuseMixHome(_folder["home"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Captions_are_found_whatever_the_case_of_their_suffix_and_of_two_files_both_are()
    {
        Put("cat.JPG", "1");
        Put("cat.Txt", "a cat");
        Put("dog.png", "2");
        Put("dog.txt", "a dog");
        Put("dog.TXT", "a hound");
        var dataset = Folder();
        Assert.Empty(dataset.Failures);
        Assert.Equal(["a cat", "a dog", "a hound"], dataset.ItemsOf(Modality.Text).Select(item => item.Text).Order());
        Assert.Equal(3, dataset.Pairs.Count);
    }

    [Theory]
    [InlineData(Composed, Decomposed)]
    [InlineData(Decomposed, Composed)]
    public void A_name_that_looks_the_same_is_the_same(string picture, string caption)
    {
        Put($"{picture}.png", "1");
        Put($"{caption}.txt", "a coffee");
        Put("tea.png", "2");
        Put("tea.txt", "a tea");
        var dataset = Folder();
        Assert.Empty(dataset.Failures);
        Assert.Contains(dataset.Pairs, pair => pair.First == $"{picture}.png");

        Put("t.csv", $"image,text\n{caption}.png,a coffee\n");
        Assert.Equal([$"{caption}.png"], Table().ItemsOf(Modality.Image).Select(item => item.Id));
    }

    [Fact]
    public void Of_two_names_that_look_the_same_each_has_its_own_captions()
    {
        Put($"{Composed}.png", "1");
        Put($"{Composed}.txt", "one");
        Put($"{Decomposed}.png", "2");
        Put($"{Decomposed}.txt", "two");
        var dataset = Folder();
        Assert.Equal(
            ["one", "two"],
            dataset.Pairs.OrderBy(pair => pair.First, StringComparer.Ordinal).Select(pair => dataset.Item(pair.Second).Text).Order());
        Assert.Equal(2, dataset.Pairs.Count);
    }

    [Theory]
    [InlineData("TEST", Split.Test)]
    [InlineData("Train", Split.Train)]
    [InlineData("training", Split.Train)]
    [InlineData("valid", Split.Validation)]
    [InlineData("Val", Split.Validation)]
    [InlineData("dev", Split.Validation)]
    public void A_folder_or_a_column_named_like_a_split_is_that_split(string word, Split split)
    {
        for (var i = 0; i < 12; i++)
            Put(string.Create(CultureInfo.InvariantCulture, $"{word}/{i}.png"), string.Create(CultureInfo.InvariantCulture, $"{i}"));
        Assert.All(Folder().Items, item => Assert.Equal(split, item.Split));
        Put("t.csv", $"image,text,split\n{word}/0.png,one,{word}\n{word}/1.png,two,{word}\n{word}/2.png,three,{word}\n");
        Assert.All(Table().Items, item => Assert.Equal(split, item.Split));
    }

    [Fact]
    public void A_second_row_of_a_picture_adds_what_it_knows_and_contradictions_are_recorded()
    {
        Put("1.png", "1");
        Put("t.csv", "image,text,metadata.artist,metadata.year\n1.png,one,Ann,\n1.png,two,Ann,1999\n1.png,three,Bob,\n");
        var dataset = Table();
        Assert.Equal(("Ann", "1999"), (dataset.Item("1.png").Metadata["artist"], dataset.Item("1.png").Metadata["year"]));
        var failure = Assert.Single(dataset.Failures);
        Assert.Equal("t.csv line 4", failure.Source);
        Assert.Contains("'artist' of '1.png' is 'Bob'", failure.Reason);
        Assert.Equal(3, dataset.Pairs.Count);
    }

    [Fact]
    public void Metadata_may_not_be_called_as_ours_are()
    {
        Put("1.png", "1");
        Put("t.csv", "image,metadata.fusemix.split\n1.png,one\n");
        Assert.Contains("line 1, column 7", Assert.Throws<FuseMixException>(() => Table()).Message);
    }

    [Fact]
    public void Splits_follow_from_the_content_whatever_the_dataset_and_its_files_are_called()
    {
        for (var i = 0; i < 30; i++)
        {
            var number = i.ToString(CultureInfo.InvariantCulture);
            Put($"{number}.png", $"picture {number}");
            Put($"{number}.txt", $"caption {number}");
        }

        var first = Folder("mine");
        Directory.Move(_folder["data"], _folder["before"]);
        for (var i = 0; i < 30; i++)
        {
            var number = i.ToString(CultureInfo.InvariantCulture);
            Put($"renamed {30 - i}.png", $"picture {number}");
            Put($"renamed {30 - i}.txt", $"a better caption {number}");
        }

        Assert.Equal(Splits(first), Splits(Folder("yours")));
        Assert.All(Enum.GetValues<Split>(), split => Assert.NotEqual(0, first.Statistics().PairsIn(split)));

        static IEnumerable<(string Sha256, Split Split)> Splits(Dataset dataset) =>
            dataset.ItemsOf(Modality.Image).Select(item => (item.Sha256, item.Split)).OrderBy(item => item.Sha256, StringComparer.Ordinal);
    }

    [Fact]
    public void No_split_is_empty_where_there_are_three_groups()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            for (var i = 0; i < 3; i++)
            {
                Put(string.Create(CultureInfo.InvariantCulture, $"{i}.png"), string.Create(CultureInfo.InvariantCulture, $"{seed} {i}"));
                Put(
                    string.Create(CultureInfo.InvariantCulture, $"{i}.txt"),
                    string.Create(CultureInfo.InvariantCulture, $"{seed} caption {i}"));
            }

            Put("alone.png", string.Create(CultureInfo.InvariantCulture, $"{seed} alone"));
            var statistics = Folder().Statistics();
            Assert.All(Enum.GetValues<Split>(), split => Assert.Equal(1, statistics.PairsIn(split)));
        }
    }

    [Fact]
    public void What_was_given_a_split_stays_in_it()
    {
        Put("t.csv", "text,image,split\na,1.png,train\nb,2.png,train\nc,3.png,train\nd,4.png,\n");
        for (var i = 1; i <= 4; i++)
            Put(string.Create(CultureInfo.InvariantCulture, $"{i}.png"), string.Create(CultureInfo.InvariantCulture, $"{i}"));
        var dataset = Table();
        Assert.All((string[])["1.png", "2.png", "3.png"], id => Assert.Equal(Split.Train, dataset.Item(id).Split));
    }

    [Fact]
    public void One_caption_for_all_and_splits_that_are_tiny_are_said()
    {
        for (var i = 0; i < 20; i++)
        {
            Put(string.Create(CultureInfo.InvariantCulture, $"{i}.png"), string.Create(CultureInfo.InvariantCulture, $"{i}"));
            Put(string.Create(CultureInfo.InvariantCulture, $"{i}.txt"), "A photo");
        }

        var notices = Folder().Notices;
        Assert.Contains(notices, notice => notice.StartsWith("One caption is all that 20 pairs have", StringComparison.Ordinal));
        Assert.Contains(notices, notice => notice.Contains("split has only 20 pairs", StringComparison.Ordinal));
        for (var i = 0; i < 200; i++)
        {
            Put(string.Create(CultureInfo.InvariantCulture, $"{i}.png"), string.Create(CultureInfo.InvariantCulture, $"{i}"));
            Put(string.Create(CultureInfo.InvariantCulture, $"{i}.txt"), string.Create(CultureInfo.InvariantCulture, $"Photo {i}"));
        }

        Assert.DoesNotContain(
            Folder().Notices,
            notice => notice.Contains("all that", StringComparison.Ordinal) || notice.Contains(
                "train split has only", StringComparison.Ordinal));
    }

    [Fact]
    public void What_systems_leave_behind_is_counted_and_other_hidden_files_are_recorded()
    {
        Put("1.png", "1");
        foreach (var name in (string[])[".DS_Store", "sub/Thumbs.db", "Desktop.ini", "__MACOSX/._1.png", "._1.png", ".git/config", ".hidden.png", ".secret/2.png"]) Put(name, "x");
        var dataset = Folder();
        Assert.Equal([".hidden.png", ".secret"], dataset.Failures.Select(failure => failure.Source));
        Assert.Contains(dataset.Notices, notice => notice.StartsWith("6 files and folders of systems", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_that_may_not_be_read_is_said()
    {
        Assert.SkipWhen(Environment.UserName == "root", "Root may read everything.");
        Put("1.png", "1");
        Put("closed/2.png", "2");
        Allow(_folder["data/closed"], UnixFileMode.None);
        Assert.Equal("closed", Assert.Single(Folder().Failures).Source);
        Allow(_folder["data/closed"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Allow(_folder["data"], UnixFileMode.None);
        Assert.Contains("cannot be read", Assert.Throws<FuseMixException>(() => Folder()).Message);
        Allow(_folder["data"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static void Allow(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, mode);
    }

    private Dataset Folder(string name = "d") => FolderImporter.Import(_home, _folder["data"], new ImportSettings(name));

    private Dataset Table() => TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d"));

    private void Put(string path, string content)
    {
        var full = _folder[$"data/{path}"];
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
    }
}
