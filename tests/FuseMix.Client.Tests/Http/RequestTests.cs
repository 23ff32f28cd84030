using System.Formats.Tar;
using System.Net;
using System.Text;
using System.Text.Json;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Testing;

namespace FuseMix.Client.Tests.Http;

/// <summary>What goes over the line.</summary>
public sealed class RequestTests : IDisposable
{
    private const string Summary = """{ "name": "mine", "items": { "image": 2 }, "pairs": { "train": 2 }, "groups": 2, "failures": 0, "licence": "CC0", "error": null, "fingerprint": "ab", "about": "" }""";
    private readonly FakeGateways _gateways = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_key_goes_with_every_request_and_nowhere_else()
    {
        _gateways.Answer("""{ "items": [], "next": null }""");
        await _gateways.Client(apiKey: "fmx_secret").Models();
        Assert.Equal("Bearer fmx_secret", _gateways.Last.Headers.Authorization!.ToString());
        Assert.DoesNotContain("secret", _gateways.Requests[0], StringComparison.Ordinal);
        Assert.DoesNotContain(
            "secret", new HttpFuseMixClientOptions { Addresses = [], ApiKey = "fmx_secret" }.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_key_nothing_is_said_of_one()
    {
        _gateways.Answer("""{ "items": [], "next": null }""");
        await _gateways.Client().Models();
        Assert.Null(_gateways.Last.Headers.Authorization);
        Assert.StartsWith("FuseMix.Client/", _gateways.Last.Headers.UserAgent.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_are_read_to_their_last_page()
    {
        _gateways.Answer("""{ "items": [ { "name": "a", "encoders": { "image": "i", "text": "t" }, "dimension": 8, "steps": 4, "error": null } ], "next": "1:a+/" }""")
            .Answer("""{ "items": [ { "name": "b", "encoders": {}, "dimension": 0, "steps": 0, "error": "why" } ], "next": null }""");
        var models = await _gateways.Client().Models();
        Assert.Equal(["a", "b"], models.Select(m => m.Name));
        Assert.Equal("t", models[0].Encoders[Modality.Text]);
        Assert.Equal(
            ["GET http://gateway-1:5080/api/v1/models?limit=1000", "GET http://gateway-1:5080/api/v1/models?limit=1000&cursor=1%3Aa%2B%2F"],
            _gateways.Requests);
    }

    [Fact]
    public async Task An_address_may_have_a_path_of_its_own()
    {
        var client = new HttpFuseMixClient(
            new HttpClient(_gateways), new HttpFuseMixClientOptions { Addresses = [new Uri("https://example.org/search")] });
        _gateways.Answer("""{ "nodes": [] }""");
        await client.Cluster();
        Assert.Equal("GET https://example.org/search/api/v1/cluster", _gateways.Requests[0]);
    }

    [Fact]
    public async Task A_search_says_all_that_was_asked()
    {
        _gateways.Answer("""{ "collection": "emoji", "generation": "g1", "complete": false, "missingShards": ["s: late"], "results": [[ { "id": "x", "modality": "image", "score": 0.25, "metadata": { "caption": "größe" } } ]], "elapsedMs": 1 }""");
        var answer = await _gateways.Client().Search(
            new SearchRequest("emoji", [new SearchQuery([new QueryTerm { Text = "snow", Weight = -0.5f }, new QueryTerm { Modality = Modality.Image, Content = [1, 2, 3] }])], Modality.Image, 3)
            {
                MinScore = 0.1f,
                Filter = new() { ["vendor"] = ["google"] },
                Exclude = ["y"],
                Deadline = TimeSpan.FromSeconds(2),
            });
        Assert.Equal("POST http://gateway-1:5080/api/v1/collections/emoji/search", _gateways.Requests[0]);
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""
                { "queries": [ { "terms": [ { "text": "snow", "weight": -0.5 }, { "content": "AQID", "modality": "image", "weight": 1 } ] } ],
                  "target": "image", "k": 3, "minScore": 0.1, "filter": { "vendor": ["google"] }, "exclude": ["y"], "deadlineMs": 2000 }
                """),
            JsonElement.Parse(_gateways.Bodies[0]!)), Encoding.UTF8.GetString(_gateways.Bodies[0]!));
        Assert.Equal((false, "s: late", "größe"), (answer.Complete, answer.MissingShards[0], answer.Results[0][0].Metadata["caption"]));
    }

    [Fact]
    public async Task A_training_sends_its_recipe_as_json_and_knows_what_is_not_known()
    {
        _gateways.Answer("""
            { "jobId": "j1", "model": "m", "state": "queued", "step": 0, "steps": 0, "loss": null, "learningRate": 0, "temperature": 0, "pairsPerSecond": 0, "remaining": null,
              "resumedFrom": 0, "submittedAt": "2026-01-02T03:04:05+00:00", "error": null, "dataset": "emoji" }
            """);
        var status = await _gateways.Client().SubmitTraining(
            new TrainingRequest(
                "j1",
                "m",
                "emoji",
                new() { [Modality.Image] = "i", [Modality.Text] = "t" },
                """{ "preset": "small" }""",
                ulong.MaxValue,
                "2/5"));
        Assert.Equal("PUT http://gateway-1:5080/api/v1/trainings/j1", _gateways.Requests[0]);
        Assert.Equal(
            """{"model":"m","dataset":"emoji","encoders":{"image":"i","text":"t"},"recipe":{"preset":"small"},"seed":18446744073709551615,"fold":"2/5"}""",
            Encoding.UTF8.GetString(_gateways.Bodies[0]!));
        Assert.True(double.IsNaN(status.Loss));
        Assert.Null(status.Remaining);
    }

    [Fact]
    public async Task A_recipe_that_is_not_json_is_refused_here() =>
        Assert.Equal(FailureKind.Invalid, (await Assert.ThrowsAsync<FuseMixException>(
            () => _gateways.Client().SubmitTraining(new TrainingRequest("j", "m", "d", [], "{")))).Kind);

    [Fact]
    public async Task Whatever_a_newer_cluster_tells_besides_is_left_aside()
    {
        _gateways.Answer(
            """{ "mood": "good", "nodes": [ { "name": "n", "roles": ["gateway"], "accelerators": [], "state": "Active", "age": 3 } ] }""");
        Assert.Equal("n", (await _gateways.Client().Cluster()).Nodes.Single().Name);
    }

    [Fact]
    public async Task Content_comes_with_its_kind_and_its_checksum()
    {
        _gateways.Answer((_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new ByteArrayContent([1, 2]) { Headers = { ContentType = new("image/png") } },
            Headers = { ETag = new("\"abc\"") },
        }));
        var content = await _gateways.Client().Content("emoji", "a/b ü");
        Assert.Equal([1, 2], content.Bytes);
        Assert.Equal(("image/png", "abc"), (content.MediaType, content.Sha256));
        Assert.Equal("http://gateway-1:5080/api/v1/collections/emoji/content?item=a%2Fb%20%C3%BC", _gateways.Last.RequestUri!.AbsoluteUri);
    }

    [Fact]
    public async Task A_folder_is_sent_as_a_tar_without_what_is_hidden()
    {
        Write("p/b.png", "bb");
        Write("p/sub/a.png", "aaa");
        Write("p/.hidden", "?");
        Write("p/.git/config", "?");
        _gateways.Answer(Summary);
        var progress = new List<UploadProgress>();
        var dataset = await _gateways.Client().PutDataset(
            "mine", new DatasetSource(DatasetFormat.Folder, _folder["p"]) { Licence = "CC0 & more" }, new Told(progress));
        Assert.Equal((2, "ab"), (dataset.Items[Modality.Image], dataset.Fingerprint));
        Assert.Equal("PUT http://gateway-1:5080/api/v1/datasets/mine?format=folder&licence=CC0 %26 more", _gateways.Requests[0]);
        Assert.Equal("application/x-tar", _gateways.Last.Content!.Headers.ContentType!.ToString());
        Assert.True(_gateways.Last.Headers.ExpectContinue);
        Assert.Equal([(".git", ""), (".hidden", ""), ("b.png", "bb"), ("sub/a.png", "aaa")], Tar(_gateways.Bodies[0]!));
        Assert.Equal(new UploadProgress(5, 5), progress[^1]);
    }

    [Fact]
    public async Task An_upload_that_breaks_is_sent_anew_from_its_beginning()
    {
        Write("p/encoder.json", "{}");
        _gateways.Break().Answer("""{ "name": "e", "modality": "text", "dimension": 8, "fingerprint": "ab", "licence": "MIT", "origin": "o", "error": null, "about": "" }""");
        var encoder = await _gateways.Play(_gateways.Client().PutEncoder("e", _folder["p"], replace: true));
        Assert.Equal((Modality.Text, 8), (encoder.Modality, encoder.Dimension));
        Assert.Equal("PUT http://gateway-1:5080/api/v1/encoders/e?replace=true", _gateways.Requests[1]);
        Assert.All(_gateways.Bodies, body => Assert.Equal([("encoder.json", "{}")], Tar(body!)));
    }

    [Fact]
    public async Task Beside_a_table_goes_what_it_names_and_nothing_else()
    {
        Write("t/pairs.csv", "image,text\na.png,one\n");
        Write("t/a.png", "a");
        Write("t/private.txt", "?");
        _gateways.Answer(Summary);
        await _gateways.Client().PutDataset(
            "mine", new DatasetSource(DatasetFormat.Csv, _folder["t/pairs.csv"]) { Files = ["a.png", "missing.png", "./a.png"] });
        Assert.Contains("format=csv", _gateways.Requests[0], StringComparison.Ordinal);
        Assert.Equal(["pairs.csv", "a.png"], Tar(_gateways.Bodies[0]!).Select(file => file.Name));
    }

    [Fact]
    public async Task All_that_lies_beside_a_table_goes_where_nobody_says_what()
    {
        Write("t/pairs.jsonl", "{}");
        Write("t/a.png", "a");
        _gateways.Answer(Summary);
        await _gateways.Client().PutDataset("mine", new DatasetSource(DatasetFormat.JsonLines, _folder["t/pairs.jsonl"]));
        Assert.Contains("format=jsonl", _gateways.Requests[0], StringComparison.Ordinal);
        Assert.Equal(["pairs.jsonl", "a.png"], Tar(_gateways.Bodies[0]!).Select(file => file.Name));
    }

    [Theory]
    [InlineData("../secret.png")]
    [InlineData("sub/../../secret.png")]
    [InlineData("/etc/hostname")]
    public async Task Nothing_outside_of_a_tables_folder_is_sent(string name)
    {
        Write("t/pairs.csv", "image,text\n");
        Write("secret.png", "?");
        _gateways.Answer(Summary);
        Write("t/a.png", "a");
        File.CreateSymbolicLink(_folder["t/link.png"], _folder["secret.png"]);

        // The import finds out of which row, and records it.
        await _gateways.Client().PutDataset(
            "mine", new DatasetSource(DatasetFormat.Csv, _folder["t/pairs.csv"]) { Files = [name, "link.png", "a.png"] });
        Assert.Equal([("link.png", ""), ("pairs.csv", "image,text\n"), ("a.png", "a")], Tar(_gateways.Bodies[0]!));
    }

    [Fact]
    public async Task A_folder_that_is_not_there_or_empty_is_refused_here()
    {
        var client = _gateways.Client();
        Assert.Equal(
            FailureKind.NotFound, (await Assert.ThrowsAsync<FuseMixException>(() => client.PutEncoder("e", _folder["nowhere"]))).Kind);
        Directory.CreateDirectory(_folder["empty"]);
        Assert.Equal(
            FailureKind.Invalid, (await Assert.ThrowsAsync<FuseMixException>(() => client.PutEncoder("e", _folder["empty"]))).Kind);
    }

    [Fact]
    public async Task Defaults_of_a_build_are_spelled_out()
    {
        _gateways.Answer("""
            { "collection": "emoji", "request": { "model": "m", "dataset": "d", "rowsPerShard": 65536, "replace": true }, "state": "completed", "items": 3, "itemsDone": 3,
              "generation": "g1", "reused": true, "elapsed": 0, "error": null }
            """);
        var status = await _gateways.Client().StartBuild("emoji", new CollectionBuild("m", "d"));
        Assert.Equal(new CollectionBuild("m", "d"), status.Request);
        Assert.Equal("""{"model":"m","dataset":"d","rowsPerShard":65536,"replace":true}""", Encoding.UTF8.GetString(_gateways.Bodies[0]!));
    }

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllText(_folder[name], text);
    }

    private static List<(string Name, string Text)> Tar(byte[] content)
    {
        var files = new List<(string, string)>();
        using var tar = new TarReader(new MemoryStream(content));
        while (tar.GetNextEntry() is { } entry)
        {
            using var text = new StreamReader(entry.DataStream ?? Stream.Null);
            files.Add((entry.Name, text.ReadToEnd()));
        }

        return files;
    }

    private sealed class Told(List<UploadProgress> all) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value) => all.Add(value);
    }
}
