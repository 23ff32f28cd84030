using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Training;

/// <summary>The one trainer of the cluster: it owns the training device and works through a queue of jobs, one at a time.</summary>
/// <remarks>Key: <see cref="Key"/>. It lives on a node with the role <see cref="Cluster.NodeRoles.Train"/>.</remarks>
[Alias("fusemix.ITrainerGrain")]
public interface ITrainerGrain : IGrainWithStringKey
{
    /// <summary>The only valid key.</summary>
    const string Key = "trainer";

    /// <summary>Most jobs of a page.</summary>
    const int MostListed = 1_000;

    /// <summary>Puts a job in the queue and returns at once: what only the data tell is found out afterwards, and fails the job. Safe to
    /// repeat: a job of this id that is queued, running or completed answers its status; one that was cancelled or failed goes on from its
    /// last checkpoint.</summary>
    /// <exception cref="FuseMixException">Unknown dataset, encoder or recipe key; the id stands for another request.</exception>
    [Alias("Submit")]
    Task<TrainingStatus> Submit(TrainingRequest request);

    /// <summary>Where a job stands.</summary>
    /// <exception cref="FuseMixException">No job has this id.</exception>
    [AlwaysInterleave]
    [Alias("Status")]
    Task<TrainingStatus> Status(string jobId);

    /// <summary>Jobs, a page at a time: those that wait, the one submitted last first; the one that runs; and those that are over, the one
    /// that ended last first. Of those that are over, only so many are remembered as the trainer's node is told.</summary>
    /// <param name="limit">Most jobs of the page, 1 to <see cref="MostListed"/>.</param>
    /// <param name="continuation">Where to go on: <see cref="TrainingPage.Next"/> of the page before; null at the beginning.</param>
    /// <exception cref="FuseMixException">The limit is out of range, or the continuation is not one of a page.</exception>
    [AlwaysInterleave]
    [Alias("List")]
    Task<TrainingPage> List(int limit = 100, string? continuation = null);

    /// <summary>Goes on with what is to be done, where it does not already.</summary>
    /// <returns>Whether any job is queued or running.</returns>
    [AlwaysInterleave]
    [Alias("Resume")]
    Task<bool> Resume();

    /// <summary>Stops a job after the step in hand, with a checkpoint; one that waits is taken out of the queue.</summary>
    [AlwaysInterleave]
    [Alias("Cancel")]
    Task<TrainingStatus> Cancel(string jobId);

    /// <summary>The status now and as the job goes on, ending with the one in which it is over. A slow reader skips steps.</summary>
    [Alias("Watch")]
    IAsyncEnumerable<TrainingStatus> Watch(string jobId, CancellationToken cancellationToken = default);
}
