using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Datasets;

public sealed class DatasetsCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public DatasetsCommandTests()
    {
        Directory.CreateDirectory(_folder["pictures"]);
        foreach (var name in (string[])["a", "b", "c"])
        {
            File.WriteAllBytes(_folder[$"pictures/{name}.png"], [(byte)name[0]]);
            File.WriteAllText(_folder[$"pictures/{name}.txt"], $"the letter {name}\n");
        }

        File.WriteAllText(_folder["pictures/notes.doc"], "?");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_could_not_be_imported_is_counted_and_named()
    {
        var imported = await Run("datasets", "import", "--folder", _folder["pictures"], "--name", "mine", "--licence", "mine alone");
        Assert.Equal(0, imported.Code);
        Assert.Contains("✓ mine: 3 images, 3 texts", imported.Out, StringComparison.Ordinal);
        Assert.Contains("1 source could not be imported", imported.Out, StringComparison.Ordinal);

        var shown = await Run("datasets", "show", "mine");
        Assert.Contains("notes.doc: it is neither a picture, a sound nor a text", shown.Out, StringComparison.Ordinal);
        Assert.Contains("Licence: mine alone.", shown.Out, StringComparison.Ordinal);

        var json = (await Run("datasets", "show", "mine", "--json")).Json;
        Assert.Equal("notes.doc", json.GetProperty("failures")[0].GetProperty("source").GetString());
        Assert.Equal(3, json.GetProperty("summary").GetProperty("items").GetProperty("image").GetInt32());
        Assert.Equal("train", json.GetProperty("pairs")[0].GetProperty("split").GetString());
    }

    [Fact]
    public async Task A_table_is_a_source_too()
    {
        File.WriteAllText(_folder["pictures/pairs.csv"], "image,text\na.png,the first letter\nb.png,the second\n");
        var result = await Run("datasets", "import", "--csv", _folder["pictures/pairs.csv"], "--name", "table", "--json");
        Assert.Equal("table", result.Json.GetProperty("name").GetString());
        Assert.Matches("^[0-9a-f]{64}$", result.Json.GetProperty("fingerprint").GetString());
    }

    [Fact]
    public async Task A_removed_dataset_leaves_its_files()
    {
        await Run("datasets", "import", "--folder", _folder["pictures"], "--name", "mine");
        Assert.Contains("Forgot mine", (await Run("datasets", "remove", "mine")).Out, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["pictures/a.png"]));
        Assert.Contains("No datasets yet.", (await Run("datasets", "list")).Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "One source is needed", "datasets", "import")]
    [InlineData(2, "One source is needed", "datasets", "import", "emoji", "--folder", "x")]
    [InlineData(2, "Your own dataset needs a name.", "datasets", "import", "--folder", "x")]
    [InlineData(1, "There is no known dataset named 'emojis'. Did you mean 'emoji'?", "datasets", "import", "emojis")]
    [InlineData(1, "'emoji' is the name of a known dataset.", "datasets", "import", "--folder", "x", "--name", "emoji")]
    [InlineData(2, "'../x' is not a valid dataset name.", "datasets", "import", "--folder", "x", "--name", "../x")]
    [InlineData(1, "There is no dataset named 'mine'.", "datasets", "show", "mine")]
    public async Task Wrong_requests_are_refused_in_one_sentence(int code, string expected, params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(code, result.Code);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    private Task<CliResult> Run(params string[] args) => new CliTester { Home = _folder["home"], RealCluster = true }.Run(args);
}
