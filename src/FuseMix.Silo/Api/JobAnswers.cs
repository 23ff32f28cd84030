using System.Text.Json.Serialization.Metadata;
using FuseMix.Contracts;
using FuseMix.Silo.Describing;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Api;

/// <summary>What all jobs answer alike. A job is named by its address, so that starting and ending it is safe to repeat.</summary>
internal static class JobAnswers
{
    /// <summary>How the answers to <see cref="Started"/> are described.</summary>
    public static Answer[] Describe<T>() =>
    [
        Answer.Json<T>("The request set the job going; its address is in Location.", StatusCodes.Status202Accepted),
        Answer.Json<T>("There was nothing to set going: the job runs already, or all of it is done."),
    ];

    /// <summary>How a stream of statuses is described.</summary>
    public static Answer[] DescribeEvents<T>() =>
    [
        new Answer(
            StatusCodes.Status200OK, typeof(T), "'event: status' with 'id: n' and the status as JSON in 'data', now and whenever it changes.", "text/event-stream"),
    ];

    /// <summary>What is said of every stream of statuses.</summary>
    public const string EventsDescription =
        "Server-sent events. Every event tells the whole status, so none need be seen. Comments come where there is nothing to tell, at least "
        + "every 15 seconds. The stream goes on when the node of the job dies, and ends after the status in which the job is over; "
        + "'event: failure' with a problem in 'data' comes where it must end before.";

    /// <summary>Answers 202 where the job was set going, 200 where there was nothing to set going.</summary>
    /// <param name="request">The request.</param>
    /// <param name="before">Where the job stood before.</param>
    /// <param name="after">Where it stands now.</param>
    /// <param name="status">The same, in full.</param>
    /// <param name="type">How to write it.</param>
    public static IResult Started<T>(HttpRequest request, JobState before, JobState after, T status, JsonTypeInfo<T> type)
    {
        if (after.IsOver() || before is JobState.Running or JobState.Queued) return Results.Json(status, type);
        request.HttpContext.Response.Headers.Location = request.Path.ToUriComponent();
        return Results.Json(status, type, statusCode: StatusCodes.Status202Accepted);
    }
}
