using System.Formats.Tar;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Uploads;

public sealed class UploadsTests : IClassFixture<UploadsTests.UploadNode>, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StartedNode _node;
    private readonly HttpClient _client;

    public UploadsTests(UploadNode shared)
    {
        (_node, _client) = (shared.Node, shared.Client);

        // Every test begins with an empty home.
        foreach (var folder in
            (string[])[_node.Home.Datasets, _node.Home.Encoders, _node.Home.Uploads, Path.Combine(_node.Home.Root, "imports")])
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_of_pictures_becomes_a_dataset_whose_content_the_node_keeps()
    {
        File("dogs/one.png", TestHome.Picture(1));
        File("dogs/one.txt", "a dog\nan old dog");
        File("two.png", TestHome.Picture(2));
        File("readme.md", "not for importing");
        var imported = await Put(
            "/api/v1/datasets/mine?licence=CC0-1.0&about=Of+my+own", Tar(), HttpStatusCode.Created, "/api/v1/datasets/mine");
        Assert.Equal((2, 2, "CC0-1.0", "Of my own"), ((int?)imported["items"]!["image"], (int?)imported["items"]!["text"], (string?)imported["licence"], (string?)imported["about"]));

        var details = await Get("/api/v1/datasets/mine");
        Assert.True(JsonNode.DeepEquals(imported, details["summary"]));
        Assert.Equal("readme.md", (string?)Assert.Single(details["failures"]!.AsArray())!["source"]);
        Assert.Equal(imported.ToJsonString(), Assert.Single((await Get("/api/v1/datasets"))["items"]!.AsArray())!.ToJsonString());
        Assert.Equal(2, Kept("mine").Length);
        AssertNothingIsLeft();
    }

    [Theory]
    [InlineData("csv", "image,text\npictures/one.png,a dog\npictures/two.png,a cat\n")]
    [InlineData("jsonl", """{"image":"pictures/one.png","text":"a dog"}""" + "\n" + """{"image":"pictures/two.png","text":["a cat","another"]}""")]
    public async Task A_table_with_its_pictures_becomes_a_dataset(string format, string table)
    {
        File($"table.{format}", table);
        File("pictures/one.png", TestHome.Picture(1));
        File("pictures/two.png", TestHome.Picture(2));
        var imported = await Put($"/api/v1/datasets/mine?format={format}", Tar(), HttpStatusCode.Created);
        Assert.Equal((2, 0), ((int?)imported["items"]!["image"], (int?)imported["failures"]));
    }

    [Theory]
    [InlineData("/etc/hostname.png")]
    [InlineData("../../../datasets/other/one.png")]
    [InlineData("pictures/../../secret.png")]
    public async Task A_table_that_names_files_of_the_node_gets_none(string path)
    {
        await System.IO.File.WriteAllBytesAsync(
            Path.Combine(_node.Home.Root, "secret.png"), TestHome.Picture(9), TestContext.Current.CancellationToken);
        File("table.csv", $"image,text\n{path},stolen\npictures/one.png,a dog\npictures/gone.png,nothing\n");
        File("pictures/one.png", TestHome.Picture(1));
        var imported = await Put("/api/v1/datasets/mine?format=csv", Tar(), HttpStatusCode.Created);
        Assert.Equal((1, 2), ((int?)imported["items"]!["image"], (int?)imported["failures"]));
        var failures = (await Get("/api/v1/datasets/mine"))["failures"]!.AsArray();
        Assert.Contains("outside", (string?)failures[0]!["reason"], StringComparison.Ordinal);

        // Nobody learns where the node keeps things.
        Assert.DoesNotContain(_node.Home.Root, failures.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("'pictures/gone.png'", (string?)failures[1]!["reason"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_again_changes_nothing_and_something_else_takes_its_place()
    {
        File("one.png", TestHome.Picture(1));
        var first = await Put("/api/v1/datasets/mine", Tar(), HttpStatusCode.Created);
        var again = await Put("/api/v1/datasets/mine", Tar(), HttpStatusCode.OK);
        Assert.Equal((string?)first["fingerprint"], (string?)again["fingerprint"]);

        File("one.png", TestHome.Picture(2));
        var other = await Put("/api/v1/datasets/mine", Tar(), HttpStatusCode.OK);
        Assert.NotEqual((string?)first["fingerprint"], (string?)other["fingerprint"]);

        // The version before stays for work that is under way with it; no older one does.
        Assert.Equal(2, Directory.GetDirectories(Path.Combine(_node.Home.Uploads, "mine")).Length);
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task A_dataset_that_is_removed_takes_its_files_with_it()
    {
        File("one.png", TestHome.Picture(1));
        _ = await Put("/api/v1/datasets/mine", Tar(), HttpStatusCode.Created);
        using (var gone = await _client.DeleteAsync("/api/v1/datasets/mine", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        Assert.Empty(Kept("mine"));
        using var again = await _client.DeleteAsync("/api/v1/datasets/mine", TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(again, 404, "not-found", "'mine'");
        _ = await Put("/api/v1/datasets/mine", Tar(), HttpStatusCode.Created);
        using var near = await _client.DeleteAsync("/api/v1/datasets/mime", TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(near, 404, "not-found", "Did you mean 'mine'?");
    }

    [Fact]
    public async Task Half_an_upload_leaves_nothing_and_the_dataset_as_it_was()
    {
        File("one.png", TestHome.Picture(1));
        var whole = Tar();
        var before = await Put("/api/v1/datasets/mine", whole, HttpStatusCode.Created);
        File("two.png", TestHome.Picture(2));
        var other = Tar();

        using var half = await Send("/api/v1/datasets/mine", other[..(other.Length / 4)]);
        await ServedHome.AssertProblem(half, 400, "invalid", "breaks off");
        await BreakOff("/api/v1/datasets/mine", other[..(other.Length / 4)]);
        await Patience.Until(() => Task.FromResult(Incoming()), left => left.Length == 0);

        Assert.Single(Kept("mine"));
        Assert.True(JsonNode.DeepEquals(before, (await Get("/api/v1/datasets/mine"))["summary"]));
    }

    [Fact]
    public async Task What_a_process_that_died_left_behind_goes_with_the_next_upload()
    {
        var dead = Directory.CreateDirectory(Path.Combine(_node.Home.Uploads, ".incoming", "dead")).FullName;
        await System.IO.File.WriteAllTextAsync(Path.Combine(dead, "half.png"), "x", TestContext.Current.CancellationToken);
        File("one.png", TestHome.Picture(1));
        _ = await Put("/api/v1/datasets/mine", Tar(), HttpStatusCode.Created);
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task Uploads_of_one_dataset_at_once_end_with_one_of_them_whole()
    {
        var tars = Enumerable.Range(0, 6).Select(i =>
        {
            File("one.png", TestHome.Picture(i));
            return Tar();
        }).ToArray();
        var answers = await Task.WhenAll(tars.Select(tar => Send("/api/v1/datasets/mine", tar)));
        var prints = new List<string?>();
        foreach (var answer in answers) prints.Add((string?)(await ServedHome.Read(answer, answer.StatusCode))["fingerprint"]);
        Assert.All(answers, answer => Assert.True(answer.IsSuccessStatusCode));
        Assert.Equal(6, prints.Distinct().Count());
        Assert.Contains((string?)(await Get("/api/v1/datasets/mine"))["summary"]!["fingerprint"], prints);
        AssertNothingIsLeft();
    }

    [Theory]
    [InlineData("/api/v1/datasets/mine", "a.txt", 400, "invalid", "Nothing could be imported")]
    [InlineData("/api/v1/datasets/mine?format=zip", "a.png", 400, "invalid", "value of query parameter 'format' named 'zip'")]
    [InlineData("/api/v1/datasets/mine?format=cvs", "a.png", 400, "invalid", "Did you mean 'csv'?")]
    [InlineData("/api/v1/datasets/mine?format=csv", "a.png", 400, "invalid", "no file '*.csv' at its root")]
    [InlineData("/api/v1/datasets/mine?format=csv", "a.csv b.csv", 400, "invalid", "2 files '*.csv' at its root")]
    [InlineData("/api/v1/datasets/mine?format=csv", "in/a.csv", 400, "invalid", "no file '*.csv' at its root")]
    [InlineData("/api/v1/datasets/mine?format=csv", "a.csv", 400, "invalid", "'a.csv'", "did you mean|Known: image")]
    [InlineData("/api/v1/datasets/mine?format=jsonl", "a.jsonl", 400, "invalid", "'a.jsonl', line 1")]
    [InlineData("/api/v1/datasets/Mine", "a.png", 400, "invalid", "dataset name")]
    [InlineData("/api/v1/datasets/mine?licens=x", "a.png", 400, "invalid", "Did you mean 'licence'?")]
    [InlineData("/api/v1/encoders/mine", "a.png", 404, "not-found", "The upload is not an encoder pack", "encoder.json")]
    [InlineData("/api/v1/encoders/Mine", "a.png", 400, "invalid", "encoder name")]
    [InlineData("/api/v1/encoders/mine?replace=yes", "a.png", 400, "invalid", "'replace'")]
    public async Task What_cannot_be_imported_is_refused_in_words_and_leaves_nothing(
        string address, string files, int status, string type, params string[] words)
    {
        foreach (var file in files.Split(' ', StringSplitOptions.RemoveEmptyEntries)) File(file, "unknown-column\nx");
        using var response = await Send(address, Tar());
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain(_node.Home.Root, text, StringComparison.Ordinal);
        await ServedHome.AssertProblem(response, status, type, words[0]);
        if (words.Length > 1) Assert.Contains(words[1].Split('|'), word => text.Contains(word, StringComparison.Ordinal));
        AssertNothingIsLeft();
        Assert.Empty((await Get("/api/v1/datasets"))["items"]!.AsArray());
        Assert.Empty((await Get("/api/v1/encoders"))["items"]!.AsArray());
    }

    [Theory]
    [InlineData("/api/v1/datasets/mine", false)]
    [InlineData("/api/v1/datasets/mine", true)]
    [InlineData("/api/v1/encoders/mine", true)]
    public async Task An_upload_over_the_limit_is_refused_whether_its_length_is_known_or_not(string address, bool chunked)
    {
        File("large.png", new byte[2 << 20]);
        using var request = new HttpRequestMessage(HttpMethod.Put, address) { Content = Content(Tar()) };
        request.Headers.TransferEncodingChunked = chunked;
        request.Headers.ExpectContinue = !chunked;
        using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(response, 413, "too-large", "1048576 bytes");
        AssertNothingIsLeft();
    }

    [Theory]
    [InlineData("/api/v1/datasets/mine")]
    [InlineData("/api/v1/encoders/mine")]
    public async Task Something_else_than_a_tar_is_refused(string address)
    {
        using var response = await _client.PutAsync(
            address, new StringContent("a=b", Encoding.UTF8, "application/x-www-form-urlencoded"), TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(response, 415, "unsupported-media-type", "application/x-www-form-urlencoded");
        using var nothing = await _client.PutAsync(address, null, TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(nothing, 415, "unsupported-media-type", "application/x-tar");
    }

    [Fact]
    public async Task A_folder_of_the_home_is_imported_where_it_is()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_node.Home.Root, "imports", "holiday")).FullName;
        await System.IO.File.WriteAllBytesAsync(
            Path.Combine(folder, "one.png"), TestHome.Picture(1), TestContext.Current.CancellationToken);
        for (var again = 0; again < 2; again++)
        {
            using var response = await _client.PostAsync(
                "/api/v1/datasets/mine/register", ServedHome.Json("""{ "folder": "holiday" }"""), TestContext.Current.CancellationToken);
            Assert.Equal(1, (int?)(await ServedHome.Read(response, HttpStatusCode.OK))["items"]!["image"]);
        }

        using var gone = await _client.DeleteAsync("/api/v1/datasets/mine", TestContext.Current.CancellationToken);
        Assert.True(System.IO.File.Exists(Path.Combine(folder, "one.png")));
    }

    [Theory]
    [InlineData("""{ "folder": "holidy" }""", 404, "not-found", "Did you mean 'holiday'?")]
    [InlineData("""{ "folder": "../datasets" }""", 400, "invalid", "folder name")]
    [InlineData("""{ "folder": "/etc" }""", 400, "invalid", "folder name")]
    [InlineData("""{ "folder": "." }""", 400, "invalid", "folder name")]
    [InlineData("{}", 400, "invalid", "'folder'")]
    [InlineData("""{ "foldr": "holiday" }""", 400, "invalid", "Did you mean 'folder'?")]
    public async Task No_other_folder_is(string body, int status, string type, string words)
    {
        Directory.CreateDirectory(Path.Combine(_node.Home.Root, "imports", "holiday"));
        using var response = await _client.PostAsync(
            "/api/v1/datasets/mine/register", ServedHome.Json(body), TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(response, status, type, words);
    }

    [Fact]
    public async Task An_encoder_pack_is_tried_out_and_installed()
    {
        TestPacks.Text(_folder.Path, "tiny-text");
        var pack = Tar();
        var installed = await Put("/api/v1/encoders/tiny-text", pack, HttpStatusCode.Created, "/api/v1/encoders/tiny-text");
        Assert.Equal(
            ("tiny-text", "text", null), ((string?)installed["name"], (string?)installed["modality"], (string?)installed["error"]));
        Assert.True(JsonNode.DeepEquals(installed, await Get("/api/v1/encoders/tiny-text")));
        Assert.True(JsonNode.DeepEquals(installed, await Put("/api/v1/encoders/tiny-text", pack, HttpStatusCode.OK)));
        AssertNothingIsLeft();

        // Another content under the same name takes its place only where that is asked for.
        File("notes.txt", "changed");
        using (var conflict = await Send("/api/v1/encoders/tiny-text", Tar()))
            await ServedHome.AssertProblem(conflict, 409, "conflict", "another content");
        Assert.True(JsonNode.DeepEquals(installed, await Get("/api/v1/encoders/tiny-text")));
        var replaced = await Put("/api/v1/encoders/tiny-text?replace=true", Tar(), HttpStatusCode.OK);
        Assert.NotEqual((string?)installed["fingerprint"], (string?)replaced["fingerprint"]);

        using (var other = await Send("/api/v1/encoders/other", pack))
            await ServedHome.AssertProblem(other, 400, "invalid", "'tiny-text', not 'other'");
        using (var gone = await _client.DeleteAsync("/api/v1/encoders/tiny-text", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        using (var again = await _client.DeleteAsync("/api/v1/encoders/tiny-text", TestContext.Current.CancellationToken))
            await ServedHome.AssertProblem(again, 404, "not-found", "'tiny-text'");
        AssertNothingIsLeft();
    }

    [Fact]
    public async Task A_pack_that_lies_is_refused_and_not_installed()
    {
        TestPacks.Text(_folder.Path, "tiny-text");
        var definition = Path.Combine(_folder.Path, "encoder.json");
        var lies = JsonNode.Parse(await System.IO.File.ReadAllTextAsync(definition, TestContext.Current.CancellationToken))!;
        lies["latent"]!["dimension"] = 999;
        await System.IO.File.WriteAllTextAsync(definition, lies.ToJsonString(), TestContext.Current.CancellationToken);
        using var response = await Send("/api/v1/encoders/tiny-text", Tar());
        Assert.False(response.IsSuccessStatusCode);
        Assert.Contains("999", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Empty((await Get("/api/v1/encoders"))["items"]!.AsArray());
        AssertNothingIsLeft();
    }

    [Theory]
    [InlineData("/api/v1/datasets/nothing")]
    [InlineData("/api/v1/encoders/nothing")]
    public async Task What_is_not_there_is_not_found(string address)
    {
        using var response = await _client.GetAsync(address, TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(response, 404, "not-found", "'nothing'");
    }

    public sealed class UploadNode : IAsyncLifetime
    {
        internal StartedNode Node { get; private set; } = null!;

        public HttpClient Client { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Node = await StartedNode.StartAsync(new HttpOptions { MaxUploadBytes = 1 << 20 });
            Client = Node.Client();
        }

        public ValueTask DisposeAsync() => Node.DisposeAsync();
    }

    private void File(string path, string content) => File(path, Encoding.UTF8.GetBytes(content));

    private void File(string path, byte[] content)
    {
        var file = Path.Combine(_folder.Path, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        System.IO.File.WriteAllBytes(file, content);
    }

    /// <summary>All files so far, as a tar.</summary>
    private byte[] Tar()
    {
        using var tar = new MemoryStream();
        TarFile.CreateFromDirectory(_folder.Path, tar, includeBaseDirectory: false);
        return tar.ToArray();
    }

    private static ByteArrayContent Content(byte[] tar)
    {
        var content = new ByteArrayContent(tar);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        return content;
    }

    private Task<HttpResponseMessage> Send(string address, byte[] tar) => _client.PutAsync(address, Content(tar));

    private async Task<JsonNode> Put(string address, byte[] tar, HttpStatusCode expected, string? location = null)
    {
        using var response = await Send(address, tar);
        var answer = await ServedHome.Read(response, expected);
        if (location is not null) Assert.Equal(location, response.Headers.Location?.OriginalString);
        return answer;
    }

    private async Task<JsonNode> Get(string address)
    {
        using var response = await _client.GetAsync(address);
        return await ServedHome.Read(response, HttpStatusCode.OK);
    }

    /// <summary>Sends a part and hangs up.</summary>
    private async Task BreakOff(string address, byte[] part)
    {
        using var socket = new System.Net.Sockets.TcpClient();
        await socket.ConnectAsync(_node.Address.Host, _node.Address.Port);
        var head = Encoding.ASCII.GetBytes(
            $"PUT {address} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-tar\r\nContent-Length: "
                + $"{part.Length + 1000}\r\n\r\n");
        await socket.GetStream().WriteAsync(head);
        await socket.GetStream().WriteAsync(part);
        await Patience.Until(() => Task.FromResult(Incoming()), coming => coming.Length > 0);
        socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
    }

    private string[] Kept(string dataset)
    {
        var folder = Path.Combine(_node.Home.Uploads, dataset);
        return Directory.Exists(folder) ? Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories) : [];
    }

    private string[] Incoming()
    {
        var folder = Path.Combine(_node.Home.Uploads, ".incoming");
        return Directory.Exists(folder) ? Directory.GetFileSystemEntries(folder) : [];
    }

    private void AssertNothingIsLeft() => Assert.Empty(Incoming());
}
