using FuseMix.Client.Grains;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using FuseMix.Silo.Uploads;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>Encoder packs.</summary>
internal static class EncodersApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Encoders");
        api.Get("/encoders", List, new ApiRoute("listEncoders", Scope.Read, "List encoder packs")
        {
            Query = Paging.Parameters,
            Answers = [Answer.Json<Page<EncoderSummary>>("Encoder packs, by name; a damaged one with what is wrong in 'error'.")],
        });
        api.Get("/encoders/{encoder}", One, new ApiRoute("getEncoder", Scope.Read, "One encoder pack")
        {
            Answers = [Answer.Json<EncoderSummary>("The pack.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Put("/encoders/{encoder}", Install, new ApiRoute("putEncoder", Scope.Admin, "Install an encoder pack")
        {
            Description = "The pack is tried out first: fingerprint, tensors, dimension, and whether latents depend on the item and "
                + "only on it. All of it appears or "
                + "nothing. The same content again changes nothing; another content under the same name is a conflict unless 'replace' "
                    + "is true.",
            Query =
            [
                new("replace", "Whether a pack of that name with another content is replaced; latents of the old one stay, under its "
                    + "fingerprint.") { IsFlag = true, Preset = "false" },
            ],
            Body = new Body(typeof(Stream), TarUpload.MediaType, "A tar with encoder.json at its root: tar -C FOLDER -cf pack.tar ."),
            Answers =
            [
                Answer.Json<EncoderSummary>("It is installed; its address is in Location.", StatusCodes.Status201Created),
                Answer.Json<EncoderSummary>("It was there already, or has taken the place of another one."),
            ],
            Problems =
            [
                StatusCodes.Status404NotFound,
                StatusCodes.Status409Conflict,
                StatusCodes.Status413PayloadTooLarge,
                StatusCodes.Status415UnsupportedMediaType,
            ],
            Limit = RequestLimits.Upload,
        });
        api.Delete("/encoders/{encoder}", Remove, new ApiRoute("removeEncoder", Scope.Admin, "Remove an encoder pack")
        {
            Description = "Latents and models that were made with it stay. One that a collection searches with is a conflict, which "
                + "names the collection, unless "
                + "'force' is true; the collection then keeps its copy. Removing one that is gone is not found.",
            Query = [new("force", "Whether it goes though a collection searches with it.") { IsFlag = true, Preset = "false" }],
            Answers = [Answer.Nothing("It is gone.")],
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status409Conflict],
        });
    }

    private static async Task<IResult> List(HttpRequest request, GrainCalls calls)
    {
        var page = Paging.Of(request);
        return Results.Json(page.ByKey(await calls.Encoders(), encoder => encoder.Name), ApiJson.Answers.PageEncoderSummary);
    }

    private static async Task<IResult> One(string encoder, GrainCalls calls)
    {
        _ = ResourceName.Require(encoder, "encoder");
        var all = await calls.Encoders();
        var found = all.FirstOrDefault(known => known.Name == encoder) ?? throw FuseMixException.UnknownName(
            "encoder", encoder, all.Select(known => known.Name));
        return Results.Json(found, ApiJson.Answers.EncoderSummary);
    }

    private static async Task<IResult> Install(
        string encoder, HttpRequest request, GrainCalls calls, Uploaded uploaded, CancellationToken cancellationToken)
    {
        _ = ResourceName.Require(encoder, "encoder");
        var replace = QueryParameters.Of(request).Flag("replace");
        var known = (await calls.Encoders()).Any(other => other.Name == encoder);
        var installed = await uploaded.TakeWhole(
            request, upload => calls.PutEncoder(encoder, upload.Folder, replace, null, cancellationToken), cancellationToken);
        if (known) return Results.Json(installed, ApiJson.Answers.EncoderSummary);
        request.HttpContext.Response.Headers.Location = request.Path.ToUriComponent();
        return Results.Json(installed, ApiJson.Answers.EncoderSummary, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> Remove(string encoder, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        await calls.RemoveEncoder(encoder, QueryParameters.Of(request).Flag("force"), cancellationToken);
        return Results.NoContent();
    }
}
