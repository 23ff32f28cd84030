using FuseMix.Client.Grains;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace FuseMix.Silo.Api;

/// <summary>Collections: what they hold, and the builds of their generations.</summary>
internal static class CollectionsApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Collections");
        api.Get("/collections", List, new ApiRoute("listCollections", Scope.Read, "List collections")
        {
            Query = Paging.Parameters,
            Answers = [Answer.Json<Page<CollectionStatus>>("Collections that have a live generation, by name.")],
        });
        api.Get("/collections/{collection}", One, new ApiRoute("getCollection", Scope.Read, "One collection")
        {
            Answers = [Answer.Json<CollectionStatus>("Its live generation, its shards and its other generations.")],
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status409Conflict],
        });
        api.Delete("/collections/{collection}", Drop, new ApiRoute("dropCollection", Scope.Admin, "Remove a collection")
        {
            Description = "With all its generations; a build that runs is ended. Removing one that is gone is not found.",
            Answers = [Answer.Nothing("It is gone.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Get("/collections/{collection}/content", Content, new ApiRoute("getContent", Scope.Read, "The content of an item")
        {
            Description = "The picture, sound or text as it was when its dataset was imported, with an ETag.",
            Query = [new("item", "Id of an item.") { IsRequired = true, Example = "1f436.google" }],
            Answers =
            [
                new Answer(
                    StatusCodes.Status200OK,
                    typeof(Stream),
                    "Its bytes. Pictures are told by their first bytes; what is neither a picture nor a text comes as "
                        + "application/octet-stream.",
                    "image/png",
                    "image/jpeg",
                    "image/gif",
                    "image/webp",
                    "text/plain",
                    "application/octet-stream"),
                new Answer(StatusCodes.Status304NotModified, null, "The caller's copy is the same."),
            ],
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status409Conflict],
        });
        api.Get("/collections/{collection}/build", BuildStatus, new ApiRoute("getBuild", Scope.Read, "The build of a collection")
        {
            Description = "A collection whose builds are not known has a build in the state 'unknown'.",
            Answers = [Answer.Json<BuildStatus>("How far the build is that runs, or how the last one ended.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Put("/collections/{collection}/build", StartBuild, new ApiRoute("startBuild", Scope.Write, "Build a collection")
        {
            Description = "Embeds a dataset's latents into a new generation, which goes live when it is whole; searches see the old one "
                + "until then. A build of "
                + "the same is recognised, whether it runs or has ended; another one is a conflict while one runs.",
            Body = Body.Json<BuildBody>("What to build it from.", """{ "model": "emoji-small", "dataset": "emoji" }"""),
            Answers = JobAnswers.Describe<BuildStatus>(),
            Problems =
            [
                StatusCodes.Status404NotFound,
                StatusCodes.Status409Conflict,
                StatusCodes.Status413PayloadTooLarge,
                StatusCodes.Status415UnsupportedMediaType,
            ],
        });
        api.Get(
            "/collections/{collection}/build/events", BuildEvents, new ApiRoute("watchBuild", Scope.Read, "Watch the build of a collection")
            {
                Description = JobAnswers.EventsDescription,
                Answers = JobAnswers.DescribeEvents<BuildStatus>(),
                Problems = [StatusCodes.Status404NotFound],
                IsStream = true,
            });
        api.Post(
            "/collections/{collection}/build/cancel",
            CancelBuild,
            new ApiRoute("cancelBuild", Scope.Write, "Stop the build of a collection")
            {
                Description = "What it wrote is removed, and the live generation stays. Safe to repeat; a build that is over stays as it is.",
                Answers = [Answer.Json<BuildStatus>("How the build ended.")],
                Problems = [StatusCodes.Status404NotFound],
            });
        api.Put("/collections/{collection}/live", GoLive, new ApiRoute("goLive", Scope.Write, "Choose the live generation")
        {
            Description = "To roll back, name the generation before the live one. Safe to repeat.",
            Body = Body.Json<LiveBody>("Which one.", """{ "generation": "g000001-5f0c2a4e" }"""),
            Answers = [Answer.Json<CollectionStatus>("What the collection holds now.")],
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType],
        });
    }

    private static async Task<IResult> List(HttpRequest request, GrainCalls calls)
    {
        var names = Paging.Of(request).ByKey(await calls.CollectionNames(), name => name);
        return Results.Json(new Page<CollectionStatus>(await calls.Live(names.Items), names.Next), ApiJson.Answers.PageCollectionStatus);
    }

    private static async Task<IResult> One(string collection, GrainCalls calls) =>
        Results.Json(await calls.Collection(collection), ApiJson.Answers.CollectionStatus);

    private static async Task<IResult> Drop(string collection, GrainCalls calls)
    {
        // One that is being built for the first time is not listed yet.
        if ((await calls.Build(collection)).State != JobState.Running) await calls.RequireCollection(collection);
        await calls.Drop(collection);
        return Results.NoContent();
    }

    /// <remarks>The id is no part of the path: ids may hold '/', and paths are tidied on their way.</remarks>
    private static async Task<IResult> Content(
        string collection, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var id = QueryParameters.Of(request).Text("item") ?? throw new FuseMixException(
            FailureKind.Invalid, "No item is named.", "Give item=ID.");
        var content = await calls.Content(collection, id, cancellationToken);
        request.HttpContext.Response.Headers.CacheControl = "private, max-age=60";
        return Results.Bytes(content.Bytes, content.MediaType, entityTag: new EntityTagHeaderValue($"\"{content.Sha256}\""));
    }

    private static async Task<IResult> BuildStatus(string collection, GrainCalls calls) =>
        Results.Json(await calls.Build(collection), ApiJson.Answers.BuildStatus);

    private static async Task<IResult> StartBuild(
        string collection, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var wanted = (await RequestBody.ReadJson(request, ApiJson.Default.BuildBody, cancellationToken)).ToRequest();
        return await JobAnswers.Start(
            request,
            () => calls.Build(collection),
            () => calls.StartBuild(collection, wanted),
            status => status.State,
            ApiJson.Answers.BuildStatus);
    }

    private static async Task BuildEvents(string collection, HttpContext context, GrainCalls calls, EventStream events)
    {
        _ = await calls.Build(collection);
        await events.Send(context, stop => calls.WatchBuild(collection, stop), ApiJson.Answers.BuildStatus);
    }

    private static async Task<IResult> CancelBuild(string collection, GrainCalls calls) =>
        Results.Json(await calls.CancelBuild(collection), ApiJson.Answers.BuildStatus);

    private static async Task<IResult> GoLive(string collection, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadJson(request, ApiJson.Default.LiveBody, cancellationToken);
        return Results.Json(await calls.GoLive(collection, body.RequireGeneration()), ApiJson.Answers.CollectionStatus);
    }
}
