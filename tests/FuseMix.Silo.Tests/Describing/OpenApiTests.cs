using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FuseMix.Silo.Describing;
using FuseMix.Testing;
using Json.Schema;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FuseMix.Silo.Tests.Describing;

public sealed partial class OpenApiTests(ServedHome served, Security.GuardedNode guarded)
{
    private const string Address = "/api/v1/openapi.json";

    [Fact]
    public async Task The_document_says_what_it_is()
    {
        using var response = await served.Client.GetAsync(Address);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        var document = await ServedHome.Read(response, HttpStatusCode.OK);
        Assert.StartsWith("3.1", (string?)document["openapi"], StringComparison.Ordinal);
        Assert.Equal("FuseMix.Cluster", (string?)document["info"]!["title"]);
        Assert.Equal(["apiKey", "bearer"], document["components"]!["securitySchemes"]!.AsObject().Select(scheme => scheme.Key).Order());
        Assert.Equal("/", (string?)Assert.Single(document["servers"]!.AsArray())!["url"]);

        using var request = new HttpRequestMessage(HttpMethod.Get, Address);
        request.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        using var again = await served.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Fact]
    public async Task The_document_in_the_sources_is_the_one_that_is_served()
    {
        var told = (await served.Client.GetStringAsync(Address)).Split('\n');
        Assert.Equal(told, Encoding.UTF8.GetString(await SiloHost.DescribeApi()).Split('\n'));
        var file = Path.Combine(Checkout.Root, "docs", "openapi.json");
        var kept = File.Exists(file) ? File.ReadAllText(file).TrimEnd('\n').Split('\n') : [];
        var line = kept.Zip(told).TakeWhile(lines => lines.First == lines.Second).Count();
        Assert.True(
            kept.SequenceEqual(told),
            $"docs/openapi.json is not what a node serves, from line {line + 1} on: '{kept.ElementAtOrDefault(line)?.Trim()}' instead "
                + $"of '{told.ElementAtOrDefault(line)?.Trim()}'. "
            + "Where that is on purpose, renew it: dotnet run --project src/FuseMix.Silo -c Release -- --openapi > docs/openapi.json");
    }

    [Fact]
    public async Task Every_route_is_described_and_nothing_else()
    {
        var paths = (await served.Get(Address))["paths"]!.AsObject();
        var described = paths.SelectMany(
            path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}")).Order();
        var mapped = Endpoints().Where(endpoint => endpoint.Metadata.GetMetadata<ApiRoute>() is not null)
            .SelectMany(
                endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Where(method => method != "HEAD").Select(
                    method => $"{method} {endpoint.RoutePattern.RawText}"))
            .Order();
        Assert.Equal(mapped, described);

        // Whatever answers under the API's address is a described route, but for the document itself.
        Assert.Equal(
            [Address],
            Endpoints().Where(endpoint => endpoint.Metadata.GetMetadata<ApiRoute>() is null)
                .Select(endpoint => $"/{endpoint.RoutePattern.RawText!.TrimStart('/')}").Where(
                    path => path.StartsWith("/api", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Every_operation_has_an_id_a_summary_answers_problems_and_what_it_takes_to_call_it()
    {
        var document = await served.Get(Address);
        var ids = new List<string>();
        foreach (var (path, operation) in Operations(document))
        {
            ids.Add((string)operation["operationId"]!);
            Assert.True(((string?)operation["summary"])?.Length > 5, path);
            Assert.Contains("scope", (string?)operation["description"], StringComparison.Ordinal);
            Assert.NotEmpty(operation["tags"]!.AsArray());
            Assert.Equal(2, operation["security"]!.AsArray().Count);
            foreach (Match name in Placeholders().Matches(path))
                Assert.NotEmpty((string?)Parameter(operation, name.Groups[1].Value)["description"] ?? "");

            var responses = operation["responses"]!.AsObject();
            Assert.Contains(responses, response => response.Key[0] == '2');
            foreach (var (status, response) in responses)
            {
                Assert.True(((string?)response!["description"])?.Length > 5, $"{path} {status}");
                Assert.NotNull(response["headers"]!["X-Request-Id"]);
                if (status[0] is '2' or '3') continue;
                Assert.Equal("#/components/schemas/Problem", (string?)response["content"]!["application/problem+json"]!["schema"]!["$ref"]);
                if (status is "429" or "503") Assert.NotNull(response["headers"]!["Retry-After"]);
            }

            foreach (var status in ApiRoute.CommonProblems) Assert.True(responses.ContainsKey($"{status}"), $"{path} {status}");
            if (path.Contains('{', StringComparison.Ordinal) && !path.StartsWith("PUT /api/v1/datasets", StringComparison.Ordinal))
                Assert.True(responses.ContainsKey("404"), path);
            if (operation["requestBody"] is { } body)
            {
                Assert.NotEmpty((string?)body["description"] ?? "");
                foreach (var (type, content) in body["content"]!.AsObject())
                {
                    if (type != "application/json") continue;
                    Assert.NotNull(content!["example"]);
                    AssertValid(document, content["schema"]!, content["example"]!, $"The example of {path}");
                }
            }
        }

        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Theory]
    [InlineData("/api/v1/cluster", "/api/v1/cluster")]
    [InlineData("/api/v1/encoders", "/api/v1/encoders")]
    [InlineData("/api/v1/encoders/{encoder}", "/api/v1/encoders/tiny-text")]
    [InlineData("/api/v1/datasets", "/api/v1/datasets")]
    [InlineData("/api/v1/datasets/{dataset}", "/api/v1/datasets/boats")]
    [InlineData("/api/v1/latents", "/api/v1/latents?limit=1")]
    [InlineData("/api/v1/extractions", "/api/v1/extractions")]
    [InlineData("/api/v1/extractions/{dataset}/{encoder}", "/api/v1/extractions/boats/tiny-text")]
    [InlineData("/api/v1/trainings", "/api/v1/trainings")]
    [InlineData("/api/v1/trainings/{jobId}", "/api/v1/trainings/first")]
    [InlineData("/api/v1/models", "/api/v1/models")]
    [InlineData("/api/v1/models/{model}", "/api/v1/models/boats-model")]
    [InlineData("/api/v1/collections", "/api/v1/collections")]
    [InlineData("/api/v1/collections/{collection}", "/api/v1/collections/boats")]
    [InlineData("/api/v1/collections/{collection}/build", "/api/v1/collections/boats/build")]
    [InlineData("/api/v1/collections/{collection}/search", "/api/v1/collections/boats/search?q=dog")]
    public async Task A_real_answer_is_what_the_document_says(string path, string address)
    {
        var document = await served.Get(Address);
        AssertValid(document, Schema(document, path, "get", "200", "application/json"), await served.Get(address), address);
    }

    [Fact]
    public async Task Every_list_and_document_of_the_API_is_among_those_that_are_checked()
    {
        var checkedPaths = typeof(OpenApiTests).GetMethod(nameof(A_real_answer_is_what_the_document_says))!
            .GetCustomAttributesData().Where(attribute => attribute.AttributeType == typeof(InlineDataAttribute))
            .Select(attribute => (string?)((IReadOnlyList<System.Reflection.CustomAttributeTypedArgument>)attribute.ConstructorArguments[0].Value!)[0].Value)
            .ToHashSet();
        foreach (var (operation, description) in Operations(await served.Get(Address)))
        {
            var path = operation.Split(' ')[1];
            if (operation.StartsWith("GET ", StringComparison.Ordinal)
                && description["responses"]!["200"]!["content"]!.AsObject().ContainsKey("application/json"))
                Assert.Contains(path, checkedPaths);
        }
    }

    [Fact]
    public async Task A_training_before_its_first_step_is_what_the_document_says_too()
    {
        var document = await served.Get(Address);
        var status = await served.Get("/api/v1/trainings/first");
        status["loss"] = null;
        AssertValid(document, Schema(document, "/api/v1/trainings/{jobId}", "get", "200", "application/json"), status, "A training");
        status["state"] = "sleeping";
        Assert.False(IsValid(document, Schema(document, "/api/v1/trainings/{jobId}", "get", "200", "application/json"), status));
    }

    [Theory]
    [InlineData("{}", false)]
    [InlineData("""{ "queries": [ { "terms": [ { "text": "a" } ] } ] }""", true)]
    [InlineData("""{ "queries": [ { "terms": [ { "txt": "a" } ] } ] }""", false)]
    [InlineData("""{ "queries": [], "k": "three" }""", false)]
    [InlineData("""{ "queries": [], "target": "imgae" }""", false)]
    public async Task A_schema_can_tell_what_is_wrong(string body, bool isValid)
    {
        var document = await served.Get(Address);
        var schema = document["paths"]!["/api/v1/collections/{collection}/search"]!["post"]!["requestBody"]!["content"]!["application/json"]!["schema"]!;
        Assert.Equal(isValid, IsValid(document, schema, JsonNode.Parse(body)!));
    }

    [Fact]
    public async Task Problems_are_what_the_document_says()
    {
        var document = await served.Get(Address);
        var schema = document["components"]!["schemas"]!["Problem"]!;
        foreach (var (client, method, address) in (IEnumerable<(HttpClient, HttpMethod, string)>)
        [
            (served.Client, HttpMethod.Get, "/api/v1/collections/boat"),
            (served.Client, HttpMethod.Get, "/api/v1/nothing"),
            (served.Client, HttpMethod.Get, "/api/v1/models?limit=0"),
            (served.Client, HttpMethod.Post, "/api/v1/models"),
            (guarded.Clients["none"], HttpMethod.Get, "/api/v1/models"),
            (guarded.Clients["read"], HttpMethod.Delete, "/api/v1/datasets/boats"),
        ])
        {
            using var request = new HttpRequestMessage(method, address);
            using var response = await client.SendAsync(request);
            Assert.False(response.IsSuccessStatusCode);
            AssertValid(document, schema, JsonNode.Parse(await response.Content.ReadAsStringAsync())!, $"{method} {address}");
        }
    }

    [Fact]
    public async Task Properties_are_explained_in_the_words_of_the_source()
    {
        var schemas = (await served.Get(Address))["components"]!["schemas"]!;
        Assert.Contains("never silently short", Described(schemas["SearchAnswer"]!), StringComparison.OrdinalIgnoreCase);
        Assert.Contains(
            "In seconds", (string?)schemas["ExtractionStatus"]!["properties"]!["elapsed"]!["description"], StringComparison.Ordinal);
    }

    private static string Described(JsonNode schema) => schema.ToJsonString();

    private RouteEndpoint[] Endpoints() =>
        [.. guarded.Node.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()];

    private static IEnumerable<(string Name, JsonNode Operation)> Operations(JsonNode document) =>
        from path in document["paths"]!.AsObject()
        from operation in path.Value!.AsObject()
        select ($"{operation.Key.ToUpperInvariant()} {path.Key}", operation.Value);

    private static JsonNode Parameter(JsonNode operation, string name) =>
        operation["parameters"]!.AsArray().Single(parameter => (string?)parameter!["name"] == name)!;

    private static JsonNode Schema(JsonNode document, string path, string method, string status, string type) =>
        document["paths"]![path]![method]!["responses"]![status]!["content"]![type]!["schema"]!;

    private static void AssertValid(JsonNode document, JsonNode schema, JsonNode instance, string what)
    {
        var result = Evaluate(document, schema, instance);
        var errors = (result.Details ?? []).Where(detail => detail.Errors is not null).Select(
            detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}");
        Assert.True(result.IsValid, $"{what} is not as the document says. {string.Join("; ", errors)}\n{instance}");
    }

    private static bool IsValid(JsonNode document, JsonNode schema, JsonNode instance) => Evaluate(document, schema, instance).IsValid;

    /// <summary>The schemas of an OpenAPI 3.1 document are JSON Schema as it is; only their place is another.</summary>
    private static EvaluationResults Evaluate(JsonNode document, JsonNode schema, JsonNode instance)
    {
        var whole =
            new JsonObject { ["$defs"] = document["components"]!["schemas"]!.DeepClone(), ["allOf"] = new JsonArray(schema.DeepClone()) };
        var text = whole.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal);
        return JsonSchema.FromText(text).Evaluate(
            JsonSerializer.SerializeToElement(instance), new EvaluationOptions { OutputFormat = OutputFormat.List });
    }

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholders();
}
