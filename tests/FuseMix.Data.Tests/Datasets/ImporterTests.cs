using FuseMix.Data.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets;

public sealed class ImporterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;

    public ImporterTests()
    {
        _home = new FuseMixHome(_folder["home"]);
        Directory.CreateDirectory(_folder["data"]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_takes_captions_from_the_texts_beside_its_pictures_one_a_line()
    {
        Put("cats/tom.png", "1");
        Put("cats/tom.txt", "A cat.\r\n\n  A grey cat \n");
        Put("dog.JPG", "2");
        Put("dog.txt", "A dog.");
        Put("bark.wav", "3");
        var dataset = Folder();
        Assert.Equal(["bark.wav", "cats/tom.png", "dog.JPG"], dataset.Items.Where(i => i.Modality != Modality.Text).Select(i => i.Id));
        Assert.Equal(["A cat.", "A grey cat", "A dog."], dataset.ItemsOf(Modality.Text).Select(i => i.Text));
        Assert.Equal(["cats/tom.png", "cats/tom.png", "dog.JPG"], dataset.Pairs.Select(p => p.First));
        Assert.Equal("1"u8.ToArray(), dataset.ReadBytes(dataset.Item("cats/tom.png")));
        Assert.Empty(dataset.Failures);
        Assert.Contains(dataset.Notices, n => n.StartsWith("1 items are in no pair"));
    }

    [Fact]
    public void What_a_folder_import_cannot_use_is_recorded_with_the_reason()
    {
        Put("a.png", "1");
        Put("a.txt", " \n");
        Put("empty.png", "");
        Put("orphan.txt", "nobody");
        Put("notes.pdf", "x");
        Put(".DS_Store", "x");
        Put(".git/x.png", "x");
        Put("b.png", "2");
        File.WriteAllBytes(_folder["data/b.txt"], [0xff, 0xfe, 0x41]);
        var dataset = Folder();
        Assert.Equal(["a.png", "b.png"], dataset.Items.Select(i => i.Id));
        Assert.Equal(
            ["a.txt", "b.txt", "empty.png", "notes.pdf", "orphan.txt"],
            dataset.Failures.Select(f => f.Source).Order());
        Assert.Contains("UTF-8", dataset.Failures.Single(f => f.Source == "b.txt").Reason);
    }

    [Theory]
    [InlineData("../secret.png")]
    [InlineData("inner/../../secret.png")]
    [InlineData("/")]
    public void A_table_from_somebody_else_names_no_files_outside_of_its_folder(string path)
    {
        Put("../secret.png", "1");
        Put("a.png", "2");
        if (path == "/") path = _folder["secret.png"];
        Put("table.csv", $"image,text\n{path},stolen\na.png,fine\ngone.png,lost\n");
        var settings = new ImportSettings("mine") { Within = _folder["data"] };
        var dataset = TableImporter.ImportCsv(
            _home, _folder["data/table.csv"], settings, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(["a.png"], dataset.ItemsOf(Modality.Image).Select(item => item.Id));
        Assert.Equal(
            ["the file lies outside of the dataset's folder", "there is no file 'gone.png'"],
            dataset.Failures.Select(failure => failure.Reason));

        // The user's own may lie anywhere.
        Assert.Equal(2, TableImporter.ImportCsv(_home, _folder["data/table.csv"], new ImportSettings("mine"), cancellation: TestContext.Current.CancellationToken).ItemsOf(Modality.Image).Count);
    }

    [Fact]
    public void Folders_named_after_splits_are_splits()
    {
        foreach (var (folder, split) in
            (ReadOnlySpan<(string, Split)>)[("train", Split.Train), ("val", Split.Validation), ("test", Split.Test)])
        {
            Put($"{folder}/{folder}.png", folder);
            Put($"{folder}/{folder}.txt", $"a {folder}");
            Assert.Equal(split, Folder().Item($"{folder}/{folder}.png").Split);
        }
    }

    [Fact]
    public void Identical_files_and_equal_captions_are_one_group_so_that_no_split_leaks()
    {
        Put("train/a.png", "same");
        Put("train/a.txt", "Apple");
        Put("b.png", "same");
        Put("b.txt", "pear");
        Put("test/c.png", "other");
        Put("test/c.txt", " APPLE ");
        var dataset = Folder();
        Assert.Single(dataset.Items.Select(i => i.Group).Distinct());
        Assert.All(dataset.Items, i => Assert.Equal(Split.Test, i.Split));
        Assert.Equal(2, dataset.ItemsOf(Modality.Text).Count);
        Assert.Contains(dataset.Notices, n => n.Contains("identical files"));
        Assert.Contains(dataset.Notices, n => n.Contains("share a caption"));
        Assert.Contains(dataset.Notices, n => n.Contains("given to several splits"));
        Assert.Contains(dataset.Notices, n => n.Contains("train split has no pairs"));
    }

    [Fact]
    public void A_table_gives_the_same_dataset_as_CSV_and_as_JSON_lines()
    {
        Put("1.png", "1");
        Put("2.png", "2");
        Put("2.wav", "3");
        Put(
            "t.csv",
            "image,audio,text,group,split,metadata.artist\r\n1.png,,\"A \"\"big\"\", "
                + "red\nball\",g,test,Ann\r\n1.png,,second,g,,\r\n\r\n2.png,2.wav,a bell,,,\r\n");
        Put("t.jsonl", """
            {"image":"1.png","text":["A \"big\", red\nball","second"],"group":"g","split":"test","metadata":{"artist":"Ann"}}

            {"image":"2.png","audio":"2.wav","text":"a bell"}
            """);
        var csv = TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d"));
        var json = TableImporter.ImportJsonLines(_home, _folder["data/t.jsonl"], new ImportSettings("d"));
        Assert.Equal(csv.Fingerprint, json.Fingerprint);
        Assert.Empty(csv.Failures);
        Assert.Equal("A \"big\", red\nball", csv.ItemsOf(Modality.Text)[0].Text);
        Assert.Equal(2, csv.Pairs.Count(p => p.First == "1.png"));
        Assert.Contains(new DatasetPair("2.png", "2.wav"), csv.Pairs);
        Assert.Equal("Ann", csv.Item("1.png").Metadata["artist"]);
        Assert.Equal(Split.Test, csv.Item("1.png").Split);
        Assert.Equal(csv.Item("2.png").Group, csv.Item("2.wav").Group);
        Assert.Equal(["1.png", "2.png", "2.wav"], TableImporter.FilesOf(_folder["data/t.csv"], isCsv: true));
        Assert.Equal(["1.png", "2.png", "2.wav"], TableImporter.FilesOf(_folder["data/t.jsonl"], isCsv: false));
    }

    [Fact]
    public void A_row_whose_file_is_missing_or_whose_caption_is_empty_is_recorded_and_the_rest_imported()
    {
        Put("1.png", "1");
        Put("t.csv", "image,text\n1.png,one\nmissing.png,two\n1.png,   \n1.txt,three\n,\n");
        var dataset = TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d"));
        Assert.Equal(["t.csv line 3", "t.csv line 4", "t.csv line 5", "t.csv line 6"], dataset.Failures.Select(f => f.Source));
        Assert.Contains("missing.png", dataset.Failures[0].Reason);
        Assert.Single(dataset.Pairs);
    }

    [Theory]
    [InlineData("image,text\n1.png,\"one\"\n\n1.png,two")]
    [InlineData("image,text\r\n1.png,\"one\"\r\n1.png,\"two\"\r\n\r\n\r\n")]
    [InlineData("\n\"image\",\"text\"\n\n1.png,one\n\n1.png,two\n")]
    public void Empty_lines_are_skipped_whatever_stands_before_them(string csv)
    {
        Put("1.png", "1");
        Put("t.csv", csv);
        var dataset = TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d"));
        Assert.Empty(dataset.Failures);
        Assert.Equal(["one", "two"], dataset.ItemsOf(Modality.Text).Select(item => item.Text));
    }

    [Fact]
    public void A_line_with_nothing_but_quotes_is_a_row()
    {
        Put("t.csv", "text\none\n\"\"\n\n\"two\"\n\"\"");
        var dataset = TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d"));
        Assert.Equal(["t.csv line 3", "t.csv line 6"], dataset.Failures.Select(failure => failure.Source));
        Assert.Equal(2, dataset.ItemsOf(Modality.Text).Count);
    }

    [Theory]
    [InlineData("image,text\n1.png,\"open", 2, 7, "never closed")]
    [InlineData("image,text\n1.png,a\"b", 2, 8, "quote stands within")]
    [InlineData("image,text\n1.png,\"a\"b", 2, 10, "followed by something else")]
    [InlineData("image,text\n1.png", 2, 1, "1 fields, the header 2")]
    [InlineData("image,text\n1.png,\"a\nb\",c", 3, 4, "3 fields, the header 2")]
    [InlineData("image,text\r1.png,\"a\rb\",c", 3, 4, "3 fields, the header 2")]
    [InlineData("image,text\r\n1.png,\"a\r\nb\",c", 3, 4, "3 fields, the header 2")]
    [InlineData("image,text\n1.png,", 0, 0, "")]
    [InlineData("image,txt\n1.png,a", 1, 7, "no column 'txt'")]
    [InlineData("image,image\n1.png,a", 1, 1, "twice")]
    [InlineData("\n\nimage,image\n1.png,a", 3, 1, "twice")]
    [InlineData("image,split,text\n1.png,tests,a", 2, 7, "no split 'tests'")]
    public void A_malformed_CSV_is_refused_naming_line_and_column(string csv, int line, int column, string complaint)
    {
        Put("1.png", "1");
        Put("t.csv", csv);
        if (line == 0)
        {
            Assert.Empty(TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d")).Pairs);
            return;
        }

        var refused = Assert.Throws<FuseMixException>(() => TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d")));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains($"t.csv', line {line}, column {column}: ", refused.Message);
        Assert.Contains(complaint, refused.Message);
    }

    [Theory]
    [InlineData("{\"text\":\"a\"}\n{\"text\":}", 2, 9, "not valid JSON")]
    [InlineData("[1]", 1, 1, "not a JSON object")]
    [InlineData("{\"text\":\"a\",\"text\":\"b\"}", 1, 0, "not valid JSON")]
    [InlineData("{\"text\":1}", 1, 2, "'text' is not a text")]
    [InlineData("{\"texts\":\"a\"}", 1, 2, "no column 'texts'")]
    [InlineData("{\"text\":\"\\ud800\"}", 1, 1, "surrogate")]
    [InlineData("{\"text\":\"a\",\"metadata\":[]}", 1, 13, "'metadata' is not an object")]
    public void A_malformed_JSON_line_is_refused_naming_line_and_column(string json, int line, int column, string complaint)
    {
        Put("t.jsonl", json);
        var refused = Assert.Throws<FuseMixException>(
            () => TableImporter.ImportJsonLines(_home, _folder["data/t.jsonl"], new ImportSettings("d")));
        Assert.Equal(FailureKind.Invalid, refused.Kind);
        Assert.Contains($"t.jsonl', line {line}, column {(column == 0 ? "" : $"{column}: ")}", refused.Message);
        Assert.Contains(complaint, refused.Message);
    }

    [Fact]
    public void Importing_nothing_is_refused_with_the_first_reason()
    {
        Put("t.csv", "image,text\nmissing.png,a\n");
        var refused = Assert.Throws<FuseMixException>(() => TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d")));
        Assert.Contains("missing.png", refused.Remedy);
        Put("e.csv", "");
        Assert.Contains(
            "empty",
            Assert.Throws<FuseMixException>(() => TableImporter.ImportCsv(_home, _folder["data/e.csv"], new ImportSettings("d"))).Message);
        Assert.Equal(
            FailureKind.NotFound,
            Assert.Throws<FuseMixException>(() => TableImporter.ImportCsv(_home, _folder["nowhere"], new ImportSettings("d"))).Kind);
        Assert.Equal(
            FailureKind.NotFound,
            Assert.Throws<FuseMixException>(() => FolderImporter.Import(_home, _folder["nowhere"], new ImportSettings("d"))).Kind);
        Assert.Equal(
            FailureKind.Invalid,
            Assert.Throws<FuseMixException>(() => FolderImporter.Import(_home, _folder["data"], new ImportSettings("../d"))).Kind);
    }

    [Fact]
    public void Two_thousand_mutated_tables_are_imported_or_refused_and_nothing_else()
    {
        Put("1.png", "1");
        var csv = "image,text,split\n1.png,\"a \"\"b\"\"\nc\",train\r\n1.png,é,test\n"u8.ToArray();
        var json = """{"image":"1.png","text":["a","b"],"metadata":{"k":"v"}}"""u8.ToArray();
        int imported = 0, refused = 0;
        foreach (var (seed, content) in Mutations.Of(csv, 1, 1000).Index().Concat(Mutations.Of(json, 2, 1000).Index()))
        {
            File.WriteAllBytes(_folder["data/t"], content);
            try
            {
                if (content.Length > 0 && content[0] == '{')
                    TableImporter.ImportJsonLines(_home, _folder["data/t"], new ImportSettings("d"));
                else TableImporter.ImportCsv(_home, _folder["data/t"], new ImportSettings("d"));
                imported++;
            }
            catch (FuseMixException)
            {
                refused++;
            }
        }

        Assert.True(imported > 10 && refused > 500, $"{imported} imported, {refused} refused");
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_first_column()
    {
        Put("1.png", "1");
        File.WriteAllBytes(_folder["data/t.csv"], [0xef, 0xbb, 0xbf, .. "image,text\n1.png,one\n"u8]);
        Assert.Single(TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("d")).Pairs);
    }

    [Fact]
    public void Splits_follow_from_the_group_alone_in_about_the_wanted_shares()
    {
        var ratios = new SplitRatios(0.6, 0.1, 0.3).Checked();
        var counts = Enumerable.Range(0, 20_000).Select(i => ratios.Of("d", $"group {i}")).CountBy(s => s).ToDictionary();
        Assert.InRange(counts[Split.Train], 11_700, 12_300);
        Assert.InRange(counts[Split.Validation], 1_850, 2_150);
        Assert.InRange(counts[Split.Test], 5_750, 6_250);
        Assert.Throws<FuseMixException>(() => new SplitRatios(0.5, 0.5, 0.5).Checked());
        Assert.Throws<FuseMixException>(() => new SplitRatios(1.5, -0.5, 0).Checked());
    }

    [Fact]
    public void Groups_have_the_same_name_in_whatever_order_they_are_merged()
    {
        var random = new System.Random(7);
        for (var round = 0; round < 50; round++)
        {
            var union = new GroupUnion();
            var edges = ((string, string)[])[("d", "c"), ("c", "b"), ("b", "a"), ("x", "y")];
            random.Shuffle(edges);
            foreach (var (a, b) in edges) union.Union(a, b);
            Assert.All((string[])["a", "b", "c", "d"], g => Assert.Equal("a", union.Root(g)));
            Assert.Equal("x", union.Root("y"));
        }
    }

    private Dataset Folder() => FolderImporter.Import(_home, _folder["data"], new ImportSettings("d"));

    private void Put(string path, string content)
    {
        var full = _folder[$"data/{path}"];
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, content);
    }
}
