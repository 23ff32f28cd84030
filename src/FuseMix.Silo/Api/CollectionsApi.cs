using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Orleans;

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
                    "Its bytes. Pictures are told by their first bytes; what is neither a picture nor a text comes as application/octet-stream.",
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
            Description = "Embeds a dataset's latents into a new generation, which goes live when it is whole; searches see the old one until then. A build of "
                + "the same is recognised, whether it runs or has ended; another one is a conflict while one runs.",
            Body = Body.Json<BuildBody>("What to build it from.", """{ "model": "emoji-small", "dataset": "emoji" }"""),
            Answers = JobAnswers.Describe<BuildStatus>(),
            Problems =
            [
                StatusCodes.Status404NotFound, StatusCodes.Status409Conflict, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType,
            ],
        });
        api.Get("/collections/{collection}/build/events", BuildEvents, new ApiRoute("watchBuild", Scope.Read, "Watch the build of a collection")
        {
            Description = JobAnswers.EventsDescription,
            Answers = JobAnswers.DescribeEvents<BuildStatus>(),
            Problems = [StatusCodes.Status404NotFound],
            IsStream = true,
        });
        api.Post("/collections/{collection}/build/cancel", CancelBuild, new ApiRoute("cancelBuild", Scope.Write, "Stop the build of a collection")
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

    /// <summary>What a collection holds.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    public static Task<CollectionStatus> StatusOf(string collection, IGrainFactory grains) => Grain(collection, grains).Status();

    private static async Task<IResult> List(HttpRequest request, IGrainFactory grains)
    {
        var names = Paging.Of(request).ByKey(await grains.GetGrain<ICatalogGrain>(0).Collections(), name => name);
        var statuses = await Task.WhenAll(names.Items.Select(Live));
        return Results.Json(new Page<CollectionStatus>([.. statuses.OfType<CollectionStatus>()], names.Next), ApiJson.Answers.PageCollectionStatus);

        async Task<CollectionStatus?> Live(string name)
        {
            try
            {
                return await grains.GetGrain<ICollectionGrain>(name).Status();
            }
            catch (FuseMixException failure) when (failure.Kind is FailureKind.NotFound or FailureKind.Conflict)
            {
                // Dropped just now, or none of its generations is live.
                return null;
            }
        }
    }

    private static async Task<IResult> One(string collection, IGrainFactory grains) =>
        Results.Json(await StatusOf(collection, grains), ApiJson.Answers.CollectionStatus);

    private static async Task<IResult> Drop(string collection, IGrainFactory grains)
    {
        var (grain, names) = (Grain(collection, grains), await Names(grains));

        // One that is being built for the first time is not listed yet.
        if (!names.Contains(collection) && (await grain.BuildStatus()).State != JobState.Running) throw FuseMixException.UnknownName("collection", collection, names);
        await grain.Drop();
        return Results.NoContent();
    }

    /// <remarks>The id is no part of the path: ids may hold '/', and paths are tidied on their way.</remarks>
    private static async Task<IResult> Content(
        string collection, HttpRequest request, IGrainFactory grains, IHomeFiles files, CancellationToken cancellationToken)
    {
        var id = QueryParameters.Of(request).Text("item") ?? throw new FuseMixException(FailureKind.Invalid, "No item is named.", "Give item=ID.");
        var status = await StatusOf(collection, grains);
        var content = await files.Content(status.Dataset, id, cancellationToken);
        request.HttpContext.Response.Headers.CacheControl = "private, max-age=60";
        return Results.Bytes(content.Bytes, content.MediaType, entityTag: new EntityTagHeaderValue($"\"{content.Sha256}\""));
    }

    private static async Task<IResult> BuildStatus(string collection, IGrainFactory grains) =>
        Results.Json(await Known(collection, grains), ApiJson.Answers.BuildStatus);

    private static async Task<IResult> StartBuild(string collection, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadJson(request, ApiJson.Default.BuildBody, cancellationToken);
        var wanted = body.ToRequest();
        var grain = Grain(collection, grains);
        var before = await grain.BuildStatus();
        var status = await grain.StartBuild(wanted);
        return JobAnswers.Started(request, before.State, status.State, status, ApiJson.Answers.BuildStatus);
    }

    private static async Task BuildEvents(string collection, HttpContext context, IGrainFactory grains, EventStream events)
    {
        _ = await Known(collection, grains);
        var grain = Grain(collection, grains);
        await events.Send(context, stop => grain.WatchBuild(stop), ApiJson.Answers.BuildStatus);
    }

    private static async Task<IResult> CancelBuild(string collection, IGrainFactory grains)
    {
        _ = await Known(collection, grains);
        return Results.Json(await Grain(collection, grains).CancelBuild(), ApiJson.Answers.BuildStatus);
    }

    private static async Task<IResult> GoLive(string collection, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadJson(request, ApiJson.Default.LiveBody, cancellationToken);
        var generation = body.RequireGeneration();
        return Results.Json(await Grain(collection, grains).GoLive(generation), ApiJson.Answers.CollectionStatus);
    }

    /// <summary>How a build stands, of a collection that is there or was once begun.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    private static async Task<BuildStatus> Known(string collection, IGrainFactory grains)
    {
        var status = await Grain(collection, grains).BuildStatus();
        if (status.State != JobState.Unknown) return status;
        var names = await Names(grains);
        return names.Contains(collection) ? status : throw FuseMixException.UnknownName("collection", collection, names);
    }

    private static Task<string[]> Names(IGrainFactory grains) => grains.GetGrain<ICatalogGrain>(0).Collections();

    private static ICollectionGrain Grain(string collection, IGrainFactory grains) =>
        grains.GetGrain<ICollectionGrain>(ResourceName.Require(collection, "collection"));
}
