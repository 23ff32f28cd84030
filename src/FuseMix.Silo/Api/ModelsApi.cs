using FuseMix.Client.Grains;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Http;
using FuseMix.Contracts.Training;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>Fusion models and how good they are.</summary>
internal static class ModelsApi
{
    private static readonly string[] Splits = ["train", "validation", "test"];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Models");
        api.Get("/models", List, new ApiRoute("listModels", Scope.Read, "List fusion models")
        {
            Query = Paging.Parameters,
            Answers = [Answer.Json<Page<ModelSummary>>("Fusion models, by name.")],
        });
        api.Get("/models/{model}", One, new ApiRoute("getModel", Scope.Read, "One fusion model")
        {
            Answers = [Answer.Json<ModelSummary>("The model.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Post("/models/{model}/evaluation", Evaluate, new ApiRoute("evaluateModel", Scope.Write, "Measure a fusion model")
        {
            Description = "Recall of every direction on one split of a dataset whose latents are stored. Changes nothing, but may keep "
                + "a node's processors "
                + "busy for minutes: a node measures one model at a time, and stops when the caller leaves. Where too many wait already "
                    + "the answer is 503.",
            Query =
            [
                new("dataset", "Name of a dataset; where missing, the one that the model was last trained on.") { Example = "emoji" },
                new("split", "Which part of the dataset.") { Words = Splits, Preset = "test" },
                new("fold", "Divides train and validation anew: validation is the second of five parts, train the others.")
                {
                    Example = "2/5",
                },
                new("without", "Leave out items whose metadata have this key set to \"true\".") { Example = "flag" },
            ],
            Answers = [Answer.Json<EvaluationReport>("Recall in percent.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Put("/models/{model}/baseline", FitBaseline, new ApiRoute("fitBaseline", Scope.Write, "Fit the yardstick of a fusion model")
        {
            Description = "Regularised linear CCA on the latents of the model's encoders, as a fusion model of its own. It is named by "
                + "what it is fitted to: "
                + "the same request finds it made. May take minutes, and waits, stops and is refused as evaluations are.",
            Body = Body.Json<BaselineBody>("What to fit it to.", """{ "dataset": "emoji" }"""),
            Answers = [Answer.Json<BaselineAnswer>("Name of the linear model.")],
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType],
        });
    }

    private static async Task<IResult> List(HttpRequest request, GrainCalls calls)
    {
        var page = Paging.Of(request);
        return Results.Json(page.ByKey(await calls.Models(), model => model.Name), ApiJson.Answers.PageModelSummary);
    }

    private static async Task<IResult> One(string model, GrainCalls calls) =>
        Results.Json(await Find(model, calls), ApiJson.Answers.ModelSummary);

    private static async Task<IResult> Evaluate(string model, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var parameters = QueryParameters.Of(request);
        var split = parameters.Word("split", Splits) ?? "test";
        var dataset = parameters.Text("dataset") ?? await TrainedOn(model, calls);
        var wanted = new EvaluationRequest(model, dataset, split, parameters.Text("without"), parameters.Text("fold"));
        return Results.Json(await calls.Evaluate(wanted, cancellationToken), ApiJson.Answers.EvaluationReport);
    }

    private static async Task<IResult> FitBaseline(string model, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadJson(request, ApiJson.Default.BaselineBody, cancellationToken);
        var name = await calls.FitBaseline(model, body.RequireDataset(), cancellationToken);
        return Results.Json(new BaselineAnswer(name), ApiJson.Answers.BaselineAnswer);
    }

    private static async Task<ModelSummary> Find(string model, GrainCalls calls)
    {
        _ = ResourceName.Require(model, "fusion model");
        var models = await calls.Models();
        return models.FirstOrDefault(known => known.Name == model) ?? throw FuseMixException.UnknownName(
            "fusion model", model, models.Select(known => known.Name));
    }

    private static async Task<string> TrainedOn(string model, GrainCalls calls)
    {
        _ = await Find(model, calls);
        for (string? next = null; ;)
        {
            var page = await calls.Trainings(ITrainerGrain.MostListed, next);
            if (page.Trainings.FirstOrDefault(job => job.Model == model && job.State == JobState.Completed) is { Dataset.Length: > 0 } job)
                return job.Dataset;
            if ((next = page.Next) is null) break;
        }

        throw new FuseMixException(
            FailureKind.Invalid, $"It is not known which dataset the fusion model '{model}' was trained on.", "Give dataset=NAME.");
    }
}
