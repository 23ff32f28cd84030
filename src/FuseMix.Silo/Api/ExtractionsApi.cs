using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Http;
using FuseMix.Contracts.Jobs;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans;

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
            Answers = [Answer.Json<Page<ExtractionStatus>>("Extraction jobs, the one begun last first; of those that are over the last 10,000.")],
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

    private static async Task<IResult> Latents(HttpRequest request, IGrainFactory grains)
    {
        var page = Paging.Of(request);
        var sets = await grains.GetGrain<ICatalogGrain>(0).LatentSets();
        Array.Sort(sets, (a, b) => string.CompareOrdinal(KeyOf(a), KeyOf(b)));
        return Results.Json(page.ByKey(sets, KeyOf), ApiJson.Answers.PageLatentSetSummary);

        static string KeyOf(LatentSetSummary set) => $"{set.Dataset}/{set.Encoder}/{set.Fingerprint}";
    }

    private static async Task<IResult> List(HttpRequest request, IGrainFactory grains)
    {
        var page = Paging.Of(request);
        var jobs = page.NewestFirst(await grains.GetGrain<IJobListGrain>(IJobListGrain.Key).List(JobKind.Extraction), job => job.Key);
        var statuses = await Task.WhenAll(jobs.Items.Select(job => grains.GetGrain<IExtractionJobGrain>(job.Key).Status()));
        return Results.Json(new Page<ExtractionStatus>(statuses, jobs.Next), ApiJson.Answers.PageExtractionStatus);
    }

    private static async Task<IResult> Status(string dataset, string encoder, IGrainFactory grains) =>
        Results.Json(await Known(dataset, encoder, grains), ApiJson.Answers.ExtractionStatus);

    private static async Task<IResult> Start(
        string dataset, string encoder, HttpRequest request, IGrainFactory grains, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadOptionalJson(request, ApiJson.Default.ExtractionBody, cancellationToken);
        var wanted = new ExtractionRequest(dataset, encoder, body?.Accelerator);
        var job = grains.GetGrain<IExtractionJobGrain>(wanted.Key);
        var before = await job.Status();
        var status = await job.Start(wanted);
        return JobAnswers.Started(request, before.State, status.State, status, ApiJson.Answers.ExtractionStatus);
    }

    private static async Task Events(string dataset, string encoder, HttpContext context, IGrainFactory grains, EventStream events)
    {
        _ = await Known(dataset, encoder, grains);
        var job = Job(dataset, encoder, grains);
        await events.Send(context, stop => job.Watch(stop), ApiJson.Answers.ExtractionStatus);
    }

    private static async Task<IResult> Cancel(string dataset, string encoder, IGrainFactory grains)
    {
        _ = await Known(dataset, encoder, grains);
        return Results.Json(await Job(dataset, encoder, grains).Cancel(), ApiJson.Answers.ExtractionStatus);
    }

    /// <summary>Where a job stands that was begun, or could be.</summary>
    /// <exception cref="FuseMixException">It never was, and there is no such dataset or encoder.</exception>
    private static async Task<ExtractionStatus> Known(string dataset, string encoder, IGrainFactory grains)
    {
        var status = await Job(dataset, encoder, grains).Status();
        if (status.State != JobState.Unknown) return status;
        var catalog = grains.GetGrain<ICatalogGrain>(0);
        var datasets = await catalog.Datasets();
        if (datasets.All(known => known.Name != dataset)) throw FuseMixException.UnknownName("dataset", dataset, datasets.Select(known => known.Name));
        var encoders = await catalog.Encoders();
        return encoders.Any(known => known.Name == encoder)
            ? status
            : throw FuseMixException.UnknownName("encoder", encoder, encoders.Select(known => known.Name));
    }

    private static IExtractionJobGrain Job(string dataset, string encoder, IGrainFactory grains) =>
        grains.GetGrain<IExtractionJobGrain>(new ExtractionRequest(dataset, encoder).Key);
}
