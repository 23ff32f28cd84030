using System.Runtime.CompilerServices;
using FuseMix.Contracts;

namespace FuseMix.Client.Jobs;

/// <summary>Follows a job to its end through streams of statuses that may break off.</summary>
internal static class JobWatch
{
    /// <param name="open">A stream of statuses that begins with the present one.</param>
    /// <param name="state">Where a status says that the job stands.</param>
    /// <param name="isBroken">Whether a failure only says that the stream broke off: another one goes on.</param>
    /// <param name="meaning">What any other failure means to the caller.</param>
    /// <param name="retries">How long to try to go on.</param>
    /// <param name="cancellationToken">Ends the watching.</param>
    public static async IAsyncEnumerable<T> Follow<T>(
        Func<IAsyncEnumerable<T>> open,
        Func<T, JobState> state,
        Func<Exception, bool> isBroken,
        Func<Exception, FuseMixException> meaning,
        Retries retries,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class
    {
        T? last = null;
        while (true)
        {
            Exception? broken = null;
            var statuses = open().GetAsyncEnumerator(cancellationToken);
            try
            {
                while (true)
                {
                    try
                    {
                        if (!await statuses.MoveNextAsync()) break;
                    }
                    catch (Exception error) when (!cancellationToken.IsCancellationRequested)
                    {
                        if (!isBroken(error)) throw meaning(error);
                        broken = error;
                        break;
                    }

                    retries.Succeeded();
                    var status = statuses.Current;

                    // A stream that takes over begins with what the one before may have told already.
                    if (!status.Equals(last)) yield return last = status;
                    if (state(status) is not (JobState.Queued or JobState.Running)) yield break;
                }
            }
            finally
            {
                await Close(statuses, isBroken);
            }

            if (await retries.Next(null, cancellationToken)) continue;
            throw broken is null ? Cut() : meaning(broken);
        }
    }

    /// <summary>Nobody need hear that whoever was watched is gone once nobody watches any more.</summary>
    private static async Task Close(IAsyncDisposable statuses, Func<Exception, bool> isBroken)
    {
        try
        {
            await statuses.DisposeAsync();
        }
        catch (Exception error) when (isBroken(error))
        {
        }
    }

    private static FuseMixException Cut() => new(
        FailureKind.Unavailable,
        "The job can no longer be watched: whatever is between breaks off.",
        "It goes on nevertheless: its status tells.");
}
