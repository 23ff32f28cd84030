using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Api;

public sealed class SearchApiTests(ServedHome served)
{
    private const string Search = "/api/v1/collections/boats/search";

    [Fact]
    public async Task The_cluster_names_its_nodes_with_their_roles()
    {
        var cluster = await served.Get("/api/v1/cluster");
        var node = Assert.Single(cluster["nodes"]!.AsArray())!;
        Assert.Equal("Active", (string?)node["state"]);
        Assert.Contains("index", node["roles"]!.AsArray().Select(role => (string?)role));
    }

    [Fact]
    public async Task Collections_are_listed_and_each_has_an_address()
    {
        var listed = (await served.Get("/api/v1/collections"))["items"]!.AsArray().Single(c => (string?)c!["name"] == ServedHome.Collection);
        var one = await served.Get("/api/v1/collections/boats");
        Assert.True(JsonNode.DeepEquals(listed, one));
        Assert.Equal(ServedHome.Model, (string?)one["model"]);
        Assert.Equal(8, (int?)one["dimension"]);
        Assert.Equal(["image", "text"], one["shards"]!.AsArray().Select(shard => (string?)shard!["modality"]).Order());
    }

    [Fact]
    public async Task A_text_finds_items_of_the_target_best_first()
    {
        var answer = await served.Get($"{Search}?q=red+boats&target=image&k=5");
        var hits = Assert.Single(answer["results"]!.AsArray())!.AsArray();
        Assert.Equal(5, hits.Count);
        Assert.All(hits, hit => Assert.Equal("image", (string?)hit!["modality"]));
        var scores = hits.Select(hit => (float)hit!["score"]!).ToArray();
        Assert.Equal(scores.OrderDescending(), scores);
        Assert.True((bool?)answer["complete"]);
        Assert.Empty(answer["missingShards"]!.AsArray());
        Assert.Equal("boats", (string?)answer["collection"]);
    }

    [Fact]
    public async Task The_time_taken_is_a_number_of_milliseconds()
    {
        var answer = await served.Get($"{Search}?q=dog");
        Assert.InRange((double)answer["elapsedMs"]!, 0.001, 60_000);
        Assert.Null(answer["elapsed"]);
    }

    [Fact]
    public async Task Ten_pictures_come_where_nothing_else_is_asked_as_on_the_command_line()
    {
        var answer = await served.Get($"{Search}?q=dog");
        Assert.Equal(10, Ids(answer).Length);
        Assert.Equal(Ids(answer), Ids(await served.Get($"{Search}?q=dog&target=image&k=10&minus=&item=")));
        const string query = """{"queries":[{"terms":[{"text":"dog"}]}]""";
        Assert.Equal(Ids(answer), Ids(await served.Post(Search, $"{query}}}")));

        var any = Ids(await served.Get($"{Search}?q=dog&target=any"));
        Assert.NotEqual(Ids(answer), any);
        Assert.Equal(any, Ids(await served.Post(Search, $$"""{{query}},"target":"any"}""")));
    }

    [Fact]
    public async Task An_item_finds_its_like_and_adds_up_with_texts()
    {
        var like = Ids(await served.Get($"{Search}?item=img-20&target=image&k=3"));
        Assert.Equal("img-20-copy", like[0]);
        var viaQuery = await served.Get($"{Search}?item=img-20&q=dog&minus=cat&k=20");
        var viaBody = await served.Post(
            Search, """{"queries":[{"terms":[{"itemId":"img-20"},{"text":"dog"},{"text":"cat","weight":-0.5}]}],"k":20}""");
        Assert.Equal(Ids(viaBody), Ids(viaQuery));
        Assert.NotEqual(Ids(viaBody), Ids(await served.Get($"{Search}?item=img-20&k=20")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_uploaded_picture_finds_itself_whether_its_length_is_known_or_not(bool chunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Search}/image?target=image&k=2");
        request.Content = new ByteArrayContent(TestHome.Picture(20));
        request.Headers.TransferEncodingChunked = chunked;
        using var response = await served.Client.SendAsync(request);
        var ids = Ids(await ServedHome.Read(response, HttpStatusCode.OK));
        Assert.Equal(["img-20", "img-20-copy"], ids.Order());
    }

    [Fact]
    public async Task A_picture_in_a_body_finds_what_an_upload_finds()
    {
        var picture = Convert.ToBase64String(TestHome.Picture(7));
        var answer = await served.Post(
            Search, $$$"""{"queries":[{"terms":[{"content":"{{{picture}}}","modality":"image"}]}],"target":"image","k":1}""");
        Assert.Equal(["img-07"], Ids(answer));
    }

    [Fact]
    public async Task A_body_may_filter_exclude_and_set_a_threshold()
    {
        const string query = """{"queries":[{"terms":[{"text":"dog"}]}],"target":"image","k":100""";
        var all = Ids(await served.Post(Search, $"{query}}}"));
        var animals = await served.Post(Search, $$"""{{query}},"filter":{"kind":["animal"]},"exclude":["{{all[0]}}"]}""");
        var found = animals["results"]![0]!.AsArray();
        Assert.InRange(found.Count, 1, all.Length - 1);
        Assert.All(found, hit => Assert.Equal("animal", (string?)hit!["metadata"]!["kind"]));
        Assert.DoesNotContain(all[0], Ids(animals));
        Assert.Empty(Ids(await served.Post(Search, $$"""{{query}},"minScore":1.5}""")));
    }

    [Fact]
    public async Task A_batch_is_answered_in_order()
    {
        var answer = await served.Post(Search, """{"queries":[{"terms":[{"text":"dog"}]},{"terms":[{"itemId":"img-20"}]}],"k":3}""");
        var results = answer["results"]!.AsArray();
        Assert.Equal(2, results.Count);
        Assert.Equal(Ids(await served.Get($"{Search}?q=dog&k=3")), results[0]!.AsArray().Select(hit => (string)hit!["id"]!));
    }

    [Fact]
    public async Task A_request_may_not_ask_for_more_hits_than_fit_into_an_answer()
    {
        var queries = string.Join(',', Enumerable.Repeat("""{"terms":[{"itemId":"img-20"}]}""", 26));
        using var response = await served.Client.PostAsync(Search, ServedHome.Json($$"""{"queries":[{{queries}}],"k":10000}"""));
        await ServedHome.AssertProblem(response, 400, "invalid", "26 queries with k = 10000");
        Assert.Equal(26, (await served.Post(Search, $$"""{"queries":[{{queries}}],"k":9000}"""))["results"]!.AsArray().Count);
    }

    [Fact]
    public async Task An_answer_without_shards_says_that_it_is_not_complete()
    {
        var answer = await served.Post(Search, """{"queries":[{"terms":[{"text":"dog"}]}],"target":"any","deadlineMs":0}""");
        Assert.False((bool?)answer["complete"]);
        Assert.Equal(2, answer["missingShards"]!.AsArray().Count);
        Assert.Empty(Ids(answer));
    }

    [Theory]
    [InlineData("/api/v1/collections/boat/search?q=a", 404, "not-found", "collection named 'boat'", "Did you mean 'boats'?")]
    [InlineData("/api/v1/collections/boat", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("/api/v1/collections/boat/content?item=img-00", 404, "not-found", "Did you mean 'boats'?")]
    [InlineData("/api/v1/collections/boats/content?item=img-99", 404, "not-found", "img-99")]
    [InlineData("/api/v1/collections/boats/content?item=..%2F..%2Fstate%2Fgrains.db", 404, "not-found", "../../state/grains.db")]
    [InlineData("/api/v1/collections/boats/content", 400, "invalid", "item=ID")]
    [InlineData("/api/v1/collections/..%2F..%2Fetc/search?q=a", 400, "invalid", "not a valid collection name")]
    [InlineData("/api/v1/collections/..%2Fboats", 400, "invalid", "not a valid collection name")]
    [InlineData("/api/v1/collections/BOATS", 400, "invalid", "lower-case")]
    [InlineData(Search, 400, "invalid", "nothing to look for", "q=TEXT")]
    [InlineData(Search + "?minus=dog", 400, "invalid", "nothing to look for")]
    [InlineData(Search + "?q=a&k=0", 400, "invalid", "1 to 10000")]
    [InlineData(Search + "?q=a&k=-1", 400, "invalid", "1 to 10000")]
    [InlineData(Search + "?q=a&k=10001", 400, "invalid", "1 to 10000")]
    [InlineData(Search + "?q=a&k=99999999999", 400, "invalid", "'k'")]
    [InlineData(Search + "?q=a&k=ten", 400, "invalid", "'ten'")]
    [InlineData(Search + "?q=a&target=imgae", 400, "invalid", "Did you mean 'image'?")]
    [InlineData(Search + "?q=a&target=1", 400, "invalid", "value of query parameter 'target' named '1'")]
    [InlineData(Search + "?q=a&target=image,text", 400, "invalid", "'target'")]
    [InlineData(Search + "?q=a&target=audio", 404, "not-found", "holds no audio items", "It holds: image, text.")]
    [InlineData(Search + "?item=img-99", 404, "not-found", "img-99")]
    [InlineData(Search + "?q=a&traget=image", 400, "invalid", "'traget'", "Did you mean 'target'?")]
    [InlineData(Search + "?q=a&q=b", 400, "invalid", "'q' is given twice")]
    [InlineData(Search + "?q=%ED%A0%80", 400, "invalid", "'q' is not UTF-8")]
    [InlineData(Search + "?q=%zz", 400, "invalid", "'q'", "%25")]
    [InlineData("/api/v1/collections?q=a", 400, "invalid", "query parameter named 'q'")]
    [InlineData("/api/v1/cluster?verbose", 400, "invalid", "'verbose'")]
    [InlineData("/api/v1/collection", 404, "not-found", "/api/v1/collection")]
    [InlineData("/api/v2/collections", 404, "not-found", "/api/v2/collections")]
    public async Task A_wrong_address_is_refused_in_words(string address, int status, string type, params string[] words)
    {
        // As a string: the Uri class would tidy the address on its own.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(
            served.Client.BaseAddress! + address[1..], new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        using var response = await served.Client.SendAsync(request);
        await ServedHome.AssertProblem(response, status, type, words);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("{", "JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("null", "not a JSON object")]
    [InlineData("{}", "'queries'")]
    [InlineData("""{"queries":null}""", "'queries'")]
    [InlineData("""{"queries":[]}""", "1 to 1024 queries")]
    [InlineData("""{"queries":[null]}""", "'queries'")]
    [InlineData("""{"queries":[{"terms":null}]}""", "'queries'")]
    [InlineData("""{"queries":[{"terms":[]}]}""", "1 to 64 terms")]
    [InlineData("""{"queries":[{"terms":[null]}]}""", "'queries'")]
    [InlineData("""{"queries":[{"terms":[{}]}]}""", "exactly one of text")]
    [InlineData("""{"queries":[{"terms":[{"text":"a","itemId":"b"}]}]}""", "exactly one of text")]
    [InlineData("""{"queries":[{"terms":[{"txt":"a"}]}]}""", "'queries[0].terms[0].txt'", "Did you mean 'queries[0].terms[0].text'?")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}],"termz":[]}]}""", "Did you mean 'queries[0].terms'?")]
    [InlineData("""{"queries":[{"terms":[{"text":"\ud800"}]}]}""", "surrogate")]
    [InlineData("""{"queries":[{"terms":[{"\ud800":"a"}]}]}""", "surrogate")]
    [InlineData("""{"queries":[{"terms":[{"content":"no base64!","modality":"image"}]}]}""", "queries[0].terms[0].content")]
    [InlineData("""{"queries":[{"terms":[{"content":"AAAA"}]}]}""", "modality")]
    [InlineData("""{"queries":[{"terms":[{"text":"a","weight":"much"}]}]}""", "weight")]
    [InlineData("""{"queries":[{"terms":[{"text":"a","weight":1e99}]}]}""", "weight")]
    [InlineData("""{"queries":[{"terms":[{"embedding":[1,2]}]}]}""", "8 values")]
    [InlineData("""{"queries":[{"terms":[{"embedding":[0,0,0,0,0,0,0,0]}]}]}""", "non-zero")]
    [InlineData("""{"queries":[{"terms":[{"latent":[1],"modality":"image"}]}]}""", "1 values")]
    [InlineData("""{"queries":[{"terms":[{"text":"dog"},{"text":"dog","weight":-1}]}]}""", "cancel one another out")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"target":"imgae"}""", "Did you mean 'image'?")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"target":1}""", "image")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"k":0}""", "1 to 10000")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"k":1.5}""", "'k'")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"tarket":"image"}""", "Did you mean 'target'?")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"k":1,"k":2}""", "k")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"filter":{"kind":null}}""", "'filter'")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"filter":{"kind":[null]}}""", "'filter'")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"exclude":[null]}""", "'exclude'")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"deadlineMs":-1}""", "deadline")]
    public async Task A_wrong_body_is_refused_in_words(string body, params string[] words)
    {
        using var response = await served.Client.PostAsync(Search, ServedHome.Json(body));
        await ServedHome.AssertProblem(response, 400, "invalid", words);
    }

    [Theory]
    [InlineData("/image", "", "no bytes")]
    [InlineData("/image", "no picture", "in no format")]
    [InlineData("/text", "dog", "text")]
    [InlineData("/audio", "abc", "no adapter for audio")]
    [InlineData("/imge", "abc", "Did you mean 'image'?")]
    [InlineData("/any", "abc", "modality named 'any'")]
    [InlineData("/image?q=dog", "abc", "query parameter named 'q'")]
    [InlineData("?k=3", """{"queries":[]}""", "takes no query parameters")]
    public async Task A_wrong_upload_is_refused_in_words(string address, string content, string words)
    {
        using var response = await served.Client.PostAsync(Search + address, ServedHome.Json(content));
        await ServedHome.AssertProblem(response, 400, "invalid", words);
    }

    [Theory]
    [InlineData("/image", 16, false)]
    [InlineData("/image", 16, true)]
    [InlineData("", 24, false)]
    [InlineData("", 24, true)]
    public async Task A_body_over_the_limit_is_refused_whether_its_length_is_known_or_not(string address, int limit, bool chunked)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Search + address);
        request.Content = new ByteArrayContent(new byte[(limit << 20) + 1]);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TransferEncodingChunked = chunked;
        request.Headers.ExpectContinue = !chunked;
        using var response = await served.Client.SendAsync(request);
        await ServedHome.AssertProblem(response, 413, "too-large");
    }

    [Fact]
    public async Task A_body_of_another_type_is_refused()
    {
        using var response = await served.Client.PostAsync(Search, new StringContent("q=dog"));
        await ServedHome.AssertProblem(response, 415, "unsupported-media-type", "text/plain");
    }

    [Fact]
    public async Task A_query_longer_than_an_address_may_be_is_refused_and_fits_into_a_body()
    {
        var text = string.Concat(Enumerable.Repeat("dog ", 5_000));
        using var response = await served.Client.GetAsync($"{Search}?q={Uri.EscapeDataString(text)}");
        Assert.Equal(HttpStatusCode.RequestUriTooLong, response.StatusCode);
        Assert.Equal(10, Ids(await served.Post(Search, $$"""{"queries":[{"terms":[{"text":"{{text}}"}]}]}""")).Length);
    }

    [Theory]
    [InlineData("POST", "/api/v1/collections/boats", "DELETE, GET, HEAD")]
    [InlineData("POST", "/api/v1/collections", "GET, HEAD")]
    [InlineData("PUT", Search, "POST")]
    [InlineData("GET", Search + "/image", "POST")]
    public async Task A_method_that_an_address_does_not_answer_is_refused_naming_those_that_it_does(string method, string address, string allowed)
    {
        using var response = await served.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), address));
        await ServedHome.AssertProblem(response, 405, "method-not-allowed", allowed);
        Assert.Contains(allowed, string.Join(", ", response.Content.Headers.Allow), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v1/collections", HttpStatusCode.OK)]
    [InlineData(Search + "?q=dog", HttpStatusCode.OK)]
    [InlineData("/api/v1/collections/boats/content?item=img-00", HttpStatusCode.OK)]
    [InlineData("/api/v1/collections/boat", HttpStatusCode.NotFound)]
    public async Task The_head_of_an_answer_can_be_had_alone(string address, HttpStatusCode expected)
    {
        using var response = await served.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, address));
        Assert.Equal(expected, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_collection_answers_as_before_though_its_model_was_trained_anew()
    {
        await served.Train("before", "changing", seed: 3);
        await served.Build("earlier", "changing");
        var before = Ids(await served.Get("/api/v1/collections/earlier/search?q=dog"));
        await served.Train("after", "changing", seed: 4);
        Assert.Equal(before, Ids(await served.Get("/api/v1/collections/earlier/search?q=dog")));
    }

    [Fact]
    public async Task An_item_whose_shards_do_not_answer_is_unavailable()
    {
        using var response = await served.Client.PostAsync(
            Search, ServedHome.Json("""{"queries":[{"terms":[{"itemId":"img-20"}]}],"deadlineMs":0}"""));
        await ServedHome.AssertProblem(response, 503, "unavailable", "img-20");
    }

    [Fact]
    public async Task A_caller_that_goes_away_in_the_middle_of_an_upload_harms_nobody()
    {
        using var gone = new CancellationTokenSource();
        var content = new EndlessContent(gone);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => served.Client.PostAsync($"{Search}/image", content, gone.Token));
        Assert.Equal(10, Ids(await served.Get($"{Search}?q=dog")).Length);
    }

    private static string[] Ids(JsonNode answer) => [.. answer["results"]![0]!.AsArray().Select(hit => (string)hit!["id"]!)];

    /// <summary>A few bytes of a body that never ends: it tells when they are on their way, and waits.</summary>
    private sealed class EndlessContent(CancellationTokenSource sent) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(new byte[1000]);
            await stream.FlushAsync();
            await sent.CancelAsync();
            await Task.Delay(Timeout.Infinite, sent.Token);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
