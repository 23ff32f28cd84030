using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Api;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;

namespace FuseMix.Silo.Describing;

/// <summary>The OpenAPI document of the API, made of what is said of its routes (<see cref="ApiRoute"/>) and of the types of its
/// documents.</summary>
internal static partial class OpenApiDocuments
{
    /// <summary>Where it is.</summary>
    public const string Address = "/api/v1/openapi.json";

    private const string DocumentName = "v1";
    private const string BearerScheme = "bearer";
    private const string HeaderScheme = "apiKey";

    public static void Add(IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json =>
        {
            // The shapes of documents as they are read and written.
            var own = ApiJson.Default.Options;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default);
            json.SerializerOptions.UnmappedMemberHandling = own.UnmappedMemberHandling;
            json.SerializerOptions.NumberHandling = own.NumberHandling;
            foreach (var converter in own.Converters) json.SerializerOptions.Converters.Add(converter);
        });
        services.AddOpenApi(DocumentName, options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.ShouldInclude = route =>
                route.HttpMethod != HttpMethods.Head && route.ActionDescriptor.EndpointMetadata.OfType<ApiRoute>().Any();
            options.CreateSchemaReferenceId = type =>
                type.Type == typeof(Stream) || type.Type == typeof(JsonElement) || type.Type == typeof(JsonElement?)
                    ? null
                    : OpenApiOptions.CreateDefaultSchemaReferenceId(type);
            options.AddDocumentTransformer((document, _, _) =>
            {
                Describe(document);
                return Task.CompletedTask;
            });
            options.AddOperationTransformer((operation, context, _) =>
            {
                Describe(operation, context.Description.ActionDescriptor.EndpointMetadata.OfType<ApiRoute>().Single(), context.Document);
                return Task.CompletedTask;
            });
            options.AddSchemaTransformer((schema, context, _) =>
            {
                Describe(schema, context);
                return Task.CompletedTask;
            });
        });
    }

    public static void Map(IEndpointRouteBuilder routes)
    {
        // It changes with the program alone, and takes a while to make.
        var made = new Lazy<Task<(byte[] Content, EntityTagHeaderValue Tag)>>(async () =>
        {
            var content = await Make(routes.ServiceProvider);
            return (content, new EntityTagHeaderValue($"\"{Fingerprint.Of(content).Short}\""));
        });
        routes.MapMethods(Address, [HttpMethods.Get, HttpMethods.Head], async (HttpRequest request) =>
        {
            _ = QueryParameters.Of(request);
            var (content, tag) = await made.Value;
            request.HttpContext.Response.Headers.CacheControl = "no-cache";
            return Results.Bytes(content, "application/json", entityTag: tag);
        }).AllowAnonymous();
    }

    /// <summary>The document of the routes that were mapped, UTF-8.</summary>
    public static async Task<byte[]> Make(IServiceProvider services)
    {
        using var scope = services.CreateScope();
        var document = await scope.ServiceProvider.GetRequiredKeyedService<IOpenApiDocumentProvider>(DocumentName).GetOpenApiDocumentAsync(
            CancellationToken.None);
        using var content = new MemoryStream();
        await document.SerializeAsJsonAsync(content, OpenApiSpecVersion.OpenApi3_1, CancellationToken.None);
        return content.ToArray();
    }

    private static void Describe(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "FuseMix.Cluster",
            Version = typeof(OpenApiDocuments).Assembly.GetName().Version?.ToString(3) ?? "0",
            Description = "Frozen encoders, aligned by light adapters; search across text and images, and sounds whose latents were "
                + "made elsewhere. Failures are application/problem+json with a stable "
                + "'type', the sentence in 'detail' and the way out in 'remedy'. Unknown parameters and keys are refused. Every answer "
                    + "has the header "
                + $"{RequestIds.HeaderName}: the caller's own, else one that the node gives. Answers with status 429 and 503 say in "
                    + "Retry-After after how many seconds to try again.",
            License = new OpenApiLicense { Name = "MIT" },
        };

        // Wherever the document was fetched from.
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [BearerScheme] =
                new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "Authorization: Bearer KEY" },
            [HeaderScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.ApiKey,
                In = ParameterLocation.Header,
                Name = ApiKeyHandler.HeaderName,
                Description = $"{ApiKeyHandler.HeaderName}: KEY",
            },
        };
    }

    private static void Describe(OpenApiOperation operation, ApiRoute route, OpenApiDocument? document)
    {
        operation.Description =
            $"{(route.Description is { } text ? $"{text} " : "")}Needs a key with the scope '{route.Scope}', where keys are needed.";
        operation.Security =
        [
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerScheme, document)] = [] },
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(HeaderScheme, document)] = [] },
        ];
        foreach (var parameter in operation.Parameters?.OfType<OpenApiParameter>() ?? [])
            parameter.Description = PathParameters.GetValueOrDefault(parameter.Name ?? "");
        operation.Parameters ??= [];
        foreach (var parameter in route.Query) operation.Parameters.Add(Describe(parameter));
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = RequestIds.HeaderName,
            In = ParameterLocation.Header,
            Description = "Comes back in the answer and stands in the node's log; up to 128 letters, digits and -_.:/+=.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        });
        if (route.Body is { } body && operation.RequestBody is OpenApiRequestBody described)
        {
            described.Description = body.Description;
            described.Required = !body.IsOptional;
            if (body.Example is { } example && described.Content is { } all && all.TryGetValue(body.MediaType, out var content))
                content.Example = JsonNode.Parse(example);
        }

        foreach (var answer in route.Answers)
        {
            if (operation.Responses?.GetValueOrDefault(StatusText(answer.Status)) is not OpenApiResponse response) continue;
            response.Description = answer.Description;
            AddHeader(response, RequestIds.HeaderName, "Id of the request.", JsonSchemaType.String);
            if (answer.Status is StatusCodes.Status201Created or StatusCodes.Status202Accepted)
                AddHeader(response, "Location", "Address of what was made.", JsonSchemaType.String);
        }

        foreach (var status in ApiRoute.CommonProblems.Concat(route.Problems))
        {
            if (operation.Responses?.GetValueOrDefault(StatusText(status)) is not OpenApiResponse response) continue;
            response.Description = ProblemWords[status];
            AddHeader(response, RequestIds.HeaderName, "Id of the request.", JsonSchemaType.String);
            if (status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
                AddHeader(response, "Retry-After", "Seconds after which to try again.", JsonSchemaType.Integer);
        }
    }

    private static OpenApiParameter Describe(QueryParameter parameter)
    {
        var schema = new OpenApiSchema
        {
            Type = parameter.IsFlag ? JsonSchemaType.Boolean : parameter.Range is null ? JsonSchemaType.String : JsonSchemaType.Integer,
        };
        if (parameter.Words is { } words) schema.Enum = [.. words.Select(word => (JsonNode)word)];
        if (parameter.Range is var (least, most)) (schema.Minimum, schema.Maximum) = ($"{least}", $"{most}");
        if (parameter.Preset is { } preset)
            schema.Default = parameter.IsFlag || parameter.Range is not null ? JsonNode.Parse(preset) : preset;
        return new OpenApiParameter
        {
            Name = parameter.Name,
            In = ParameterLocation.Query,
            Description = parameter.Description,
            Required = parameter.IsRequired,
            Schema = schema,
            Example = parameter.Example,
        };
    }

    /// <summary>Says of types what their converters do, which nothing else tells.</summary>
    private static void Describe(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        // What the sources break over lines is one line here.
        if (schema.Description is { } words) schema.Description = LineBreak().Replace(words, " ");
        var type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        var canBeMissing = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) is not null ? JsonSchemaType.Null : default;
        if (type == typeof(TimeSpan))
        {
            schema.Type = JsonSchemaType.Number | canBeMissing;
            (schema.Pattern, schema.Format) = (null, null);
            schema.Description = $"{schema.Description} In seconds.".Trim();
        }
        else if (type == typeof(double))
        {
            // The one number that may not be known yet.
            var mayBeUnknown = context.JsonPropertyInfo?.Name == "loss";
            schema.Type = JsonSchemaType.Number | (mayBeUnknown ? JsonSchemaType.Null : canBeMissing);
            if (mayBeUnknown) schema.Description = schema.Description?.Replace("NaN", "null", StringComparison.Ordinal);
        }
        else if (type == typeof(JsonElement))
        {
            schema.Type = JsonSchemaType.Object | JsonSchemaType.Null;
        }
        else if (type == typeof(byte[]))
        {
            (schema.Type, schema.Format) = (JsonSchemaType.String | JsonSchemaType.Null, "byte");
        }
        else if (type.Name.EndsWith(nameof(Body), StringComparison.Ordinal))
        {
            // What is missing is read as null, so as to be refused in words; for callers it must be there.
            foreach (var name in schema.Required ?? new HashSet<string>())
            {
                if (schema.Properties?[name] is OpenApiSchema { Type: { } may } property) property.Type = may & ~JsonSchemaType.Null;
            }
        }
        else if (type.IsEnum)
        {
            schema.Type = JsonSchemaType.String | canBeMissing;
            schema.Enum = [.. Enum.GetNames(type).Select(name => (JsonNode)JsonNamingPolicy.CamelCase.ConvertName(name))];
        }
    }

    private static void AddHeader(OpenApiResponse response, string name, string description, JsonSchemaType type) =>
        (response.Headers ??= new Dictionary<string, IOpenApiHeader>())[name] =
            new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = type } };

    private static string StatusText(int status) => status.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static readonly Dictionary<string, string> PathParameters = new()
    {
        ["encoder"] = "Name of an encoder pack.",
        ["dataset"] = "Name of a dataset.",
        ["model"] = "Name of a fusion model.",
        ["jobId"] = "Id of a training job, which its caller chose.",
        ["collection"] = "Name of a collection.",
        ["modality"] = "What the file is: image or audio.",
    };

    private static readonly Dictionary<int, string> ProblemWords = new()
    {
        [StatusCodes.Status400BadRequest] = "The request itself is wrong.",
        [StatusCodes.Status401Unauthorized] = "A key is needed, or the one that was sent is not known.",
        [StatusCodes.Status403Forbidden] = "The key's scope does not reach so far.",
        [StatusCodes.Status404NotFound] = "It names something that does not exist; the nearest name is in 'remedy'.",
        [StatusCodes.Status409Conflict] = "It contradicts what is there.",
        [StatusCodes.Status413PayloadTooLarge] = "The body is too large.",
        [StatusCodes.Status415UnsupportedMediaType] = "The body is of another type.",
        [StatusCodes.Status421MisdirectedRequest] = "The node does not answer under that name.",
        [StatusCodes.Status429TooManyRequests] = "The caller has sent too many requests.",
        [StatusCodes.Status500InternalServerError] = "Stored data are damaged; or a fault of the node, of which its log tells more.",
        [StatusCodes.Status503ServiceUnavailable] =
            "Something that it needs is missing or busy, or the node has more to do than it can take on.",
        [StatusCodes.Status504GatewayTimeout] = "A part of the cluster did not answer in time.",
    };

    [GeneratedRegex(@"\s*\n\s*")]
    private static partial Regex LineBreak();
}
