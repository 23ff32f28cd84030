using System.Net;
using System.Text.Json.Nodes;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Api;

/// <summary>What all jobs have in common: they are named by their address, so that whatever is done to them is safe to repeat.</summary>
public sealed class JobsApiTests(ServedHome served)
{
    private const string Training = """
        { "model": "by-http", "dataset": "boats", "encoders": { "image": "tiny-image", "text": "tiny-text" },
          "recipe": { "steps": 20, "batchSize": 8, "depth": 1, "sharedDimension": 8 }, "seed": 7 }
        """;

    [Fact]
    public async Task From_pictures_to_a_search_by_HTTP_alone()
    {
        using var home = TestHome.Create();
        await using var node = await StartedNode.StartAsync(home: home.Home);
        var client = node.Client();

        foreach (var encoder in (string[])["tiny-image", "tiny-text"])
        {
            var address = $"/api/v1/extractions/boats/{encoder}";
            Assert.Equal("unknown", (string?)(await Get(client, address))["state"]);
            await Run(client, address, null);
            Assert.Equal("completed", (string?)(await Get(client, address))["state"]);
        }

        Assert.Equal(
            ["boats/tiny-text", "boats/tiny-image"],
            await Items(client, "/api/v1/extractions", job => $"{job["dataset"]}/{job["encoder"]}"));
        Assert.Equal(
            ["boats/tiny-image", "boats/tiny-text"], await Items(client, "/api/v1/latents", set => $"{set["dataset"]}/{set["encoder"]}"));

        await Run(client, "/api/v1/trainings/first", Training);
        Assert.Equal("first", Assert.Single(await Items(client, "/api/v1/trainings", job => (string?)job["jobId"])));
        var model = await Get(client, "/api/v1/models/by-http");
        Assert.Equal(("tiny-image", 8, 20), ((string?)model["encoders"]!["image"], (int?)model["dimension"], (int?)model["steps"]));

        // The dataset is that of the training; what the evaluation is called is what it measures.
        var evaluation = await Post(client, "/api/v1/models/by-http/evaluation");
        Assert.Equal(
            ("boats", "test", 2),
            ((string?)evaluation["dataset"], (string?)evaluation["split"], evaluation["directions"]!.AsArray().Count));
        Assert.InRange((double)evaluation["mean"]!, 0.1, 100);
        var other = await Post(client, "/api/v1/models/by-http/evaluation?dataset=boats&split=train&without=flag");
        Assert.Equal(("train", "flag"), ((string?)other["split"], (string?)other["without"]));
        var fold = await Post(client, "/api/v1/models/by-http/evaluation?split=validation&fold=1/2");
        Assert.Equal(("validation", "1/2"), ((string?)fold["split"], (string?)fold["fold"]));

        var baseline = await Put(client, "/api/v1/models/by-http/baseline", """{ "dataset": "boats" }""", HttpStatusCode.OK);
        Assert.Equal((string?)baseline["model"], (string?)(await Get(client, $"/api/v1/models/{baseline["model"]}"))["name"]);
        Assert.Equal(
            (string?)baseline["model"],
            (string?)(await Put(client, "/api/v1/models/by-http/baseline", """{ "dataset": "boats" }""", HttpStatusCode.OK))["model"]);

        await Run(client, "/api/v1/collections/found/build", """{ "model": "by-http", "dataset": "boats" }""");
        var found = await Get(client, "/api/v1/collections/found/search?q=red+boats&k=3");
        Assert.Equal(3, found["results"]![0]!.AsArray().Count);

        // Another model, another generation; and back.
        var before = (string)(await Get(client, "/api/v1/collections/found"))["generation"]!;
        await Run(
            client,
            "/api/v1/collections/found/build",
            $$"""{ "model": "{{baseline["model"]}}", "dataset": "boats", "rowsPerShard": 10 }""");
        var after = await Get(client, "/api/v1/collections/found");
        Assert.NotEqual(before, (string?)after["generation"]);
        Assert.Equal(6, after["shards"]!.AsArray().Count);
        for (var again = 0; again < 2; again++)
        {
            var back = await Put(client, "/api/v1/collections/found/live", $$"""{ "generation": "{{before}}" }""", HttpStatusCode.OK);
            Assert.Equal((before, "by-http"), ((string?)back["generation"], (string?)back["model"]));
        }

        Assert.Equal(before, (string?)(await Get(client, "/api/v1/collections/found/search?q=dog"))["generation"]);
        using (var gone = await client.DeleteAsync("/api/v1/collections/found", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        using (var again = await client.DeleteAsync("/api/v1/collections/found", TestContext.Current.CancellationToken))
            await ServedHome.AssertProblem(again, 404, "not-found", "'found'");
        Assert.Empty(await Items(client, "/api/v1/collections", collection => (string?)collection["name"]));
    }

    [Fact]
    public async Task A_training_id_stands_for_one_request()
    {
        using var home = TestHome.Create();
        await using var node = await StartedNode.StartAsync(home: home.Home);
        var client = node.Client();
        foreach (var encoder in (string[])["tiny-image", "tiny-text"]) await Run(client, $"/api/v1/extractions/boats/{encoder}", null);
        await Run(client, "/api/v1/trainings/one", Training);

        // The same in other words.
        var same = Training.Replace("\"steps\": 20", "\"epochs\": null, \"steps\": 20", StringComparison.Ordinal);
        Assert.Equal("completed", (string?)(await Put(client, "/api/v1/trainings/one", same, HttpStatusCode.OK))["state"]);
        using var other = await client.PutAsync(
            "/api/v1/trainings/one",
            ServedHome.Json(Training.Replace("7", "8", StringComparison.Ordinal)),
            TestContext.Current.CancellationToken);
        await ServedHome.AssertProblem(other, 409, "conflict", "'one'");
    }

    [Theory]
    [InlineData("PUT", "extractions/boat/tiny-text", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("PUT", "extractions/boats/tiny-txt", "", 404, "not-found", "Did you mean 'tiny-text'?")]
    [InlineData("GET", "extractions/boat/tiny-text", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("GET", "extractions/boats/tiny-txt", "", 404, "not-found", "Did you mean 'tiny-text'?")]
    [InlineData("GET", "extractions/boats/tiny-txt/events", "", 404, "not-found", "Did you mean 'tiny-text'?")]
    [InlineData("POST", "extractions/boats/tiny-txt/cancel", "", 404, "not-found", "Did you mean 'tiny-text'?")]
    [InlineData("GET", "extractions/BOATS/tiny-text", "", 400, "invalid", "dataset name")]
    [InlineData("PUT", "extractions/boats/tiny-text", """{ "accelerator": "cude" }""", 400, "invalid", "Did you mean 'cuda'?")]
    [InlineData("PUT", "extractions/boats/tiny-text", """{ "acelerator": "cuda" }""", 400, "invalid", "Did you mean 'accelerator'?")]
    [InlineData("PUT", "extractions/boats/tiny-text", "[]", 400, "invalid", "not a JSON object")]
    [InlineData("GET", "trainings/fist", "", 404, "not-found", "Did you mean 'first'?")]
    [InlineData("GET", "trainings/fist/events", "", 404, "not-found", "Did you mean 'first'?")]
    [InlineData("POST", "trainings/fist/cancel", "", 404, "not-found", "Did you mean 'first'?")]
    [InlineData("PUT", "trainings/new", "{}", 400, "invalid", "'encoders'")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": null } }""", 400, "invalid", "'encoders.image'")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "imge": "x" } }""", 400, "invalid", "Did you mean 'image'?")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image" } }""", 400, "invalid", "'model'")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image" }, "model": "m" }""", 400, "invalid", "'dataset'")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image", "text": "tiny-txt" }, "model": "m", "dataset": "boats" }""", 404, "not-found", "Did you mean 'tiny-text'?")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image", "text": "tiny-text" }, "model": "m", "dataset": "boat" }""", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "../x" }, "model": "m", "dataset": "boats" }""", 400, "invalid", "encoder name")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image+" }, "model": "m", "dataset": "boats" }""", 400, "invalid", "encoder name")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image+tiny-image" }, "model": "m", "dataset": "boats" }""", 400, "invalid", "'tiny-image' twice")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image+tiny-imag", "text": "tiny-text" }, "model": "m", "dataset": "boats" }""", 404, "not-found", "Did you mean 'tiny-image'?")]
    [InlineData("PUT", "trainings/new", """{ "encoders": {}, "model": "M", "dataset": "boats" }""", 400, "invalid", "fusion model name")]
    [InlineData("PUT", "trainings/new", """{ "encoders": {}, "model": "m", "dataset": "boats", "recipe": { "dept": 2 } }""", 400, "invalid", "'recipe' in the body", "Did you mean 'depth'?")]
    [InlineData("PUT", "trainings/new", """{ "encoders": {}, "model": "m", "dataset": "boats", "recipe": { "depth": 999, "steps": 1 } }""", 400, "invalid", "'depth' is 999")]
    [InlineData("PUT", "trainings/new", """{ "encoders": {}, "model": "m", "dataset": "boats", "recipe": 5 }""", 400, "invalid", "not a JSON object")]
    [InlineData("PUT", "trainings/new", """{ "encoders": {}, "model": "m", "dataset": "boats", "seed": -1 }""", 400, "invalid", "seed")]
    [InlineData("PUT", "trainings/new", """{ "encoders": { "image": "tiny-image", "text": "tiny-text" }, "model": "m", "dataset": "boats", "fold": "5" }""", 400, "invalid", "'5' is not a fold", "2/5")]
    [InlineData("PUT", "trainings/New", "{}", 400, "invalid", "job name")]
    [InlineData("GET", "models/boats-mdel", "", 404, "not-found", "Did you mean 'boats-model'?")]
    [InlineData("POST", "models/boats-mdel/evaluation", "", 404, "not-found", "Did you mean 'boats-model'?")]
    [InlineData("POST", "models/boats-model/evaluation?split=tset", "", 400, "invalid", "Did you mean 'test'?")]
    [InlineData("POST", "models/boats-model/evaluation?split=validation&fold=3/2", "", 400, "invalid", "'3/2' is not a fold", "2/5")]
    [InlineData("POST", "models/boats-model/evaluation?without=flg", "", 400, "invalid", "Did you mean 'flag'?")]
    [InlineData("POST", "models/boats-model/evaluation?dataset=boat", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("PUT", "models/boats-mdel/baseline", """{ "dataset": "boats" }""", 404, "not-found", "Did you mean 'boats-model'?")]
    [InlineData("PUT", "models/boats-model/baseline", "{}", 400, "invalid", "'dataset'")]
    [InlineData("GET", "collections/boat/build", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("GET", "collections/boat/build/events", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("POST", "collections/boat/build/cancel", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("DELETE", "collections/boat", "", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("PUT", "collections/new/build", """{ "model": "boats-mdel", "dataset": "boats" }""", 404, "not-found", "Did you mean 'boats-model'?")]
    [InlineData("PUT", "collections/new/build", """{ "model": "boats-model" }""", 400, "invalid", "'dataset'")]
    [InlineData("PUT", "collections/new/build", """{ "model": "boats-model", "dataset": "boats", "rowsPerShard": 0 }""", 400, "invalid", "at least one row")]
    [InlineData("PUT", "collections/new/build", """{ "model": "boats-model", "dataset": "boats", "rows": 5 }""", 400, "invalid", "'rows'")]
    [InlineData("PUT", "collections/boats/live", """{ "generation": "g000009-00000000" }""", 404, "not-found", "g000009-00000000")]
    [InlineData("PUT", "collections/boats/live", """{ "generation": "../x" }""", 400, "invalid", "generation name")]
    [InlineData("PUT", "collections/boat/live", """{ "generation": "g000001-00000000" }""", 404, "not-found", "Did you mean 'boats'?")]
    public async Task What_cannot_be_is_refused_in_words(
        string method, string address, string body, int status, string type, params string[] words)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(
            $"{served.Client.BaseAddress}api/v1/{address}",
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (body.Length > 0) request.Content = ServedHome.Json(body);
        using var response = await served.Client.SendAsync(request);
        await ServedHome.AssertProblem(response, status, type, words);
    }

    [Fact]
    public async Task Ending_what_has_ended_changes_nothing()
    {
        foreach (var address in (string[])["extractions/boats/tiny-text", "trainings/first", "collections/boats/build"])
        {
            for (var again = 0; again < 2; again++)
            {
                using var response = await served.Client.PostAsync($"/api/v1/{address}/cancel", null);
                Assert.Equal("completed", (string?)(await ServedHome.Read(response, HttpStatusCode.OK))["state"]);
            }
        }
    }

    [Theory]
    [InlineData("trainings/new")]
    [InlineData("collections/new/build")]
    [InlineData("collections/boats/live")]
    [InlineData("models/boats-model/baseline")]
    [InlineData("extractions/boats/tiny-text")]
    public async Task A_body_that_is_no_JSON_is_refused(string address)
    {
        using var text = await served.Client.PutAsync($"/api/v1/{address}", new StringContent("model=m"));
        await ServedHome.AssertProblem(text, 415, "unsupported-media-type", "text/plain");
        using var large = await served.Client.PutAsync(
            $"/api/v1/{address}", ServedHome.Json($$"""{ "model": "{{new string('a', 2 << 20)}}" }"""));
        await ServedHome.AssertProblem(large, 413, "too-large", "1 MiB");
    }

    /// <summary>Sets a job going, reads its events to the end, and asks for it again.</summary>
    private static async Task Run(HttpClient client, string address, string? body)
    {
        using (var begun = await client.PutAsync(address, body is null ? null : ServedHome.Json(body)))
        {
            var status = await ServedHome.Read(begun, begun.StatusCode);
            Assert.True(begun.StatusCode is HttpStatusCode.Accepted, $"{begun.StatusCode} {status}");
            Assert.Equal(address, begun.Headers.Location?.OriginalString);
        }

        var events = await EventReader.ReadAll(client, $"{address}/events");
        Assert.Equal("completed", (string?)events[^1].Data["state"]);
        Assert.All(events.Index(), entry => Assert.Equal(("status", entry.Index + 1L), (entry.Item.Name, entry.Item.Id)));
        var again = await Put(client, address, body ?? "{}", HttpStatusCode.OK);
        Assert.Equal("completed", (string?)again["state"]);
    }

    private static async Task<JsonNode> Get(HttpClient client, string address)
    {
        using var response = await client.GetAsync(address);
        return await ServedHome.Read(response, HttpStatusCode.OK);
    }

    private static async Task<JsonNode> Post(HttpClient client, string address)
    {
        using var response = await client.PostAsync(address, null);
        return await ServedHome.Read(response, HttpStatusCode.OK);
    }

    private static async Task<JsonNode> Put(HttpClient client, string address, string body, HttpStatusCode expected)
    {
        using var response = await client.PutAsync(address, ServedHome.Json(body));
        return await ServedHome.Read(response, expected);
    }

    private static async Task<string[]> Items(HttpClient client, string address, Func<JsonNode, string?> read) =>
        [.. (await Get(client, address))["items"]!.AsArray().Select(item => read(item!)!)];
}
