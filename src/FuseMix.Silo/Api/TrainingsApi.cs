using FuseMix.Client.Grains;
using FuseMix.Contracts.Http;
using FuseMix.Contracts.Training;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using FuseMix.Training.Recipe;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>Training jobs.</summary>
internal static class TrainingsApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Trainings");
        api.Get("/trainings", List, new ApiRoute("listTrainings", Scope.Read, "List trainings")
        {
            Query = Paging.Parameters,
            Answers =
            [
                Answer.Json<Page<TrainingStatus>>(
                    "Training jobs: those that wait, the one submitted last first; the one that runs; and those that are over, the one "
                        + "that ended last first."),
            ],
        });
        api.Get("/trainings/{jobId}", Status, new ApiRoute("getTraining", Scope.Read, "One training")
        {
            Answers = [Answer.Json<TrainingStatus>("Where it stands.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Put("/trainings/{jobId}", Submit, new ApiRoute("submitTraining", Scope.Write, "Train a fusion model")
        {
            Description = "Puts a job in the queue of the one trainer, and answers at once: what only the data tell, missing latents "
                + "for example, fails the job. The id is the caller's: the same request under the same id finds its job, and goes on "
                + "with one that was cancelled or failed; another request under an id that is taken is a conflict.",
            Body = Body.Json<TrainingBody>(
                "What to train.",
                """{ "model": "emoji-small", "dataset": "emoji", "encoders": { "image": "mobilenet-v2-mid", "text": "use-lite" }, "recipe": { "preset": "small", "steps": 400 }, "seed": 0 }"""),
            Answers = JobAnswers.Describe<TrainingStatus>(),
            Problems =
            [
                StatusCodes.Status404NotFound,
                StatusCodes.Status409Conflict,
                StatusCodes.Status413PayloadTooLarge,
                StatusCodes.Status415UnsupportedMediaType,
            ],
        });
        api.Get("/trainings/{jobId}/events", Events, new ApiRoute("watchTraining", Scope.Read, "Watch a training")
        {
            Description = JobAnswers.EventsDescription,
            Answers = JobAnswers.DescribeEvents<TrainingStatus>(),
            Problems = [StatusCodes.Status404NotFound],
            IsStream = true,
        });
        api.Post("/trainings/{jobId}/cancel", Cancel, new ApiRoute("cancelTraining", Scope.Write, "Stop a training")
        {
            Description = "It stops after the step in hand, with a checkpoint. Safe to repeat; a job that is over stays as it is.",
            Answers = [Answer.Json<TrainingStatus>("Where it stands.")],
            Problems = [StatusCodes.Status404NotFound],
        });
    }

    private static async Task<IResult> List(HttpRequest request, GrainCalls calls)
    {
        var page = await calls.Trainings(Paging.LimitOf(request), QueryParameters.Of(request).Text("cursor"));
        return Results.Json(new Page<TrainingStatus>(page.Trainings, page.Next), ApiJson.Answers.PageTrainingStatus);
    }

    private static async Task<IResult> Status(string jobId, GrainCalls calls) =>
        Results.Json(await calls.Training(jobId), ApiJson.Answers.TrainingStatus);

    private static async Task<IResult> Submit(string jobId, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        var body = await RequestBody.ReadJson(request, ApiJson.Default.TrainingBody, cancellationToken);
        var wanted = body.ToRequest(jobId);

        // For its words alone: they say where the fault is.
        _ = TrainingRecipe.Parse(wanted.Recipe, "'recipe' in the body of the request");
        return await JobAnswers.Start(
            request, () => calls.Training(jobId), () => calls.SubmitTraining(wanted), status => status.State,
            ApiJson.Answers.TrainingStatus);
    }

    private static async Task Events(string jobId, HttpContext context, GrainCalls calls, EventStream events)
    {
        _ = await calls.Training(jobId);
        await events.Send(context, stop => calls.WatchTraining(jobId, stop), ApiJson.Answers.TrainingStatus);
    }

    private static async Task<IResult> Cancel(string jobId, GrainCalls calls) =>
        Results.Json(await calls.CancelTraining(jobId), ApiJson.Answers.TrainingStatus);
}
