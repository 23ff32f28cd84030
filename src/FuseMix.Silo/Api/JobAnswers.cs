using System.Text.Json.Serialization.Metadata;
using FuseMix.Contracts;
using FuseMix.Silo.Describing;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>What all jobs answer alike. A job is named by its address, so that starting and ending it is safe to repeat.</summary>
internal static class JobAnswers
{
    /// <summary>How the answers to <see cref="Start"/> are described.</summary>
    public static Answer[] Describe<T>() =>
    [
        Answer.Json<T>("The request set the job going; its address is in Location.", StatusCodes.Status202Accepted),
        Answer.Json<T>("There was nothing to set going: the job runs already, or all of it is done."),
    ];

    /// <summary>How a stream of statuses is described.</summary>
    public static Answer[] DescribeEvents<T>() =>
    [
        new Answer(
            StatusCodes.Status200OK,
            typeof(T),
            "'event: status' with 'id: n' and the status as JSON in 'data', now and whenever it changes.",
            "text/event-stream"),
    ];

    /// <summary>What is said of every stream of statuses.</summary>
    public const string EventsDescription =
        "Server-sent events. Every event tells the whole status, so none need be seen. Comments come where there is nothing to tell, at "
            + "least "
        + "every 15 seconds. The stream goes on when the node of the job dies, and ends after the status in which the job is over; "
        + "'event: failure' with a problem in 'data' comes where it must end before.";

    /// <summary>Sets a job going, and answers 202; or 200 where there was nothing to set going.</summary>
    /// <param name="request">The request.</param>
    /// <param name="look">Tells where the job stands.</param>
    /// <param name="start">Sets it going, and tells where it stands then.</param>
    /// <param name="stateOf">What a status says of it.</param>
    /// <param name="type">How to write a status.</param>
    public static async Task<IResult> Start<T>(
        HttpRequest request, Func<Task<T>> look, Func<Task<T>> start, Func<T, JobState> stateOf, JsonTypeInfo<T> type)
    {
        var before = await StateBefore();
        var status = await start();
        if (stateOf(status).IsOver() || before is JobState.Running or JobState.Queued) return Results.Json(status, type);
        request.HttpContext.Response.Headers.Location = request.Path.ToUriComponent();
        return Results.Json(status, type, statusCode: StatusCodes.Status202Accepted);

        async Task<JobState> StateBefore()
        {
            try
            {
                return stateOf(await look());
            }
            catch (FuseMixException none) when (none.Kind == FailureKind.NotFound)
            {
                // What is missing besides, the start itself says.
                return JobState.Unknown;
            }
        }
    }
}
