using FuseMix.Client.Grains;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>Extraction jobs, and the latent sets that they fill.</summary>
internal static class ExtractionsApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Extractions");
        api.Get("/latents", Latents, new ApiRoute("listLatents", Scope.Read, "List latent sets")
        {
            Query = Paging.Parameters,
            Answers = [Answer.Json<Page<LatentSetSummary>>("Latent sets, by dataset, encoder and fingerprint.")],
        });
        api.Get("/extractions", List, new ApiRoute("listExtractions", Scope.Read, "List extractions")
        {
            Query = Paging.Parameters,
            Answers =
                [Answer.Json<Page<ExtractionStatus>>("Extraction jobs, the one begun last first; of those that are over the last 10,000.")],
        });
        api.Get("/extractions/{dataset}/{encoder}", Status, new ApiRoute("getExtraction", Scope.Read, "One extraction")
        {
            Description = "There is one job per dataset and encoder. One that was never begun has the state 'unknown'.",
            Answers = [Answer.Json<ExtractionStatus>("Where it stands.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Put("/extractions/{dataset}/{encoder}", Start, new ApiRoute("startExtraction", Scope.Write, "Run an encoder over a dataset")
        {
            Description = "Starts the job, or goes on with it. What is stored is never extracted again.",
            Body = Body.Json<ExtractionBody>("How to extract.", """{ "accelerator": "cuda" }""") with { IsOptional = true },
            Answers = JobAnswers.Describe<ExtractionStatus>(),
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType],
        });
        api.Get("/extractions/{dataset}/{encoder}/events", Events, new ApiRoute("watchExtraction", Scope.Read, "Watch an extraction")
        {
            Description = JobAnswers.EventsDescription,
            Answers = JobAnswers.DescribeEvents<ExtractionStatus>(),
            Problems = [StatusCodes.Status404NotFound],
            IsStream = true,
        });
        api.Post("/extractions/{dataset}/{encoder}/cancel", Cancel, new ApiRoute("cancelExtraction", Scope.Write, "Stop an extraction")
        {
            Description = "Committed shards stay; starting it again goes on from there. Safe to repeat; a job that is over stays as it is.",
            Answers = [Answer.Json<ExtractionStatus>("Where it stands.")],
            Problems = [StatusCodes.Status404NotFound],
        });
    }

    private static async Task<IResult> Latents(HttpRequest request, GrainCalls calls)
    {
        var page = Paging.Of(request);
        var sets = await calls.LatentSets();
        Array.Sort(sets, (a, b) => string.CompareOrdinal(KeyOf(a), KeyOf(b)));
        return Results.Json(page.ByKey(sets, KeyOf), ApiJson.Answers.PageLatentSetSummary);

        static string KeyOf(LatentSetSummary set) => $"{set.Dataset}/{set.Encoder}/{set.Fingerprint}";
    }

    private static async Task<IResult> List(HttpRequest request, GrainCalls calls)
    {
        var jobs = Paging.Of(request).NewestFirst(await calls.ExtractionJobs(), job => job.Key);
        return Results.Json(
            new Page<ExtractionStatus>(await calls.Extractions(jobs.Items), jobs.Next), ApiJson.Answers.PageExtractionStatus);
    }

    private static async Task<IResult> Status(string dataset, string encoder, GrainCalls calls) =>
        Results.Json(await calls.Extraction(dataset, encoder), ApiJson.Answers.ExtractionStatus);

    private static async Task<IResult> Start(
        string dataset, string encoder, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadOptionalJson(request, ApiJson.Default.ExtractionBody, cancellationToken);
        var wanted = new ExtractionRequest(dataset, encoder, body?.Accelerator);
        return await JobAnswers.Start(
            request,
            () => calls.Extraction(dataset, encoder),
            () => calls.StartExtraction(wanted),
            status => status.State,
            ApiJson.Answers.ExtractionStatus);
    }

    private static async Task Events(string dataset, string encoder, HttpContext context, GrainCalls calls, EventStream events)
    {
        _ = await calls.Extraction(dataset, encoder);
        await events.Send(context, stop => calls.WatchExtraction(dataset, encoder, stop), ApiJson.Answers.ExtractionStatus);
    }

    private static async Task<IResult> Cancel(string dataset, string encoder, GrainCalls calls) =>
        Results.Json(await calls.CancelExtraction(dataset, encoder), ApiJson.Answers.ExtractionStatus);
}
