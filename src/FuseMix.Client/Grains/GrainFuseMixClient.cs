using FuseMix.Client.Grains;
using FuseMix.Client.Jobs;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Client;

/// <summary>A client that calls the grains: in the process of a node, or from an Orleans client.</summary>
/// <remarks>An Orleans client needs <c>ExceptionSerializationOptions.SupportedNamespacePrefixes</c> to hold "FuseMix", as nodes have it;
/// else failures arrive without their kind and remedy.</remarks>
public sealed class GrainFuseMixClient : RelayingClient
{
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RewatchFor = TimeSpan.FromMinutes(2);

    private readonly GrainCalls _calls;
    private readonly TimeProvider _clock;

    /// <summary>A client of a cluster.</summary>
    /// <param name="grains">Where to get grains.</param>
    /// <param name="files">The files of the cluster's home folder, where this process has it; without them, uploads, removals and the
    /// content of items are <see cref="FailureKind.Unavailable"/>.</param>
    /// <param name="clock">Times the pauses before what is tried again; null for the real clock.</param>
    public GrainFuseMixClient(IGrainFactory grains, IHomeFiles? files = null, TimeProvider? clock = null)
        : base(files)
    {
        (_calls, _clock) = (new GrainCalls(grains, files), clock ?? TimeProvider.System);
    }

    /// <summary>A call whose node went away is made again: every command is safe to repeat.</summary>
    private protected override async Task<T> Call<T>(Func<IFuseMixClient, Task<T>> call, CancellationToken cancellationToken)
    {
        var retries = new Retries(_clock, RetryFor);
        while (true)
        {
            try
            {
                return await call(_calls).WaitAsync(cancellationToken);
            }
            catch (Exception error) when (error is not FuseMixException && !cancellationToken.IsCancellationRequested)
            {
                // Silence is not tried again: whoever waited that long for nothing should know now.
                if (!IsGone(error) || error is TimeoutException || !await retries.Next(null, cancellationToken)) throw Meaning(error);
            }
        }
    }

    private protected override IAsyncEnumerable<T> Watch<T>(
        Func<IFuseMixClient, IAsyncEnumerable<T>> watch, Func<T, JobState> state, CancellationToken cancellationToken)
    {
        var retries = new Retries(_clock, RewatchFor);
        return JobWatch.Follow(() => watch(_calls), state, IsBroken, Meaning, retries, cancellationToken);
    }

    private static bool IsBroken(Exception error) => IsGone(error) || error is FuseMixException { Kind: FailureKind.Unavailable };

    /// <summary>Whether a failure only says that a node went away, where another one takes its place.</summary>
    private static bool IsGone(Exception error) =>
        error is OrleansException or EnumerationAbortedException or TimeoutException or OperationCanceledException;

    private static FuseMixException Meaning(Exception error) => error switch
    {
        FuseMixException known => known,
        TimeoutException => new FuseMixException(
            FailureKind.Unavailable,
            "The cluster did not answer in time.",
            "What it was doing may still finish: its status tells. The same call is safe to repeat.",
            error),
        _ when IsGone(error) => new FuseMixException(
            FailureKind.Unavailable,
            $"The cluster cannot be reached: {error.Message}",
            "Try again in a few seconds: when a node dies, another one takes its work over.",
            error),
        _ => new FuseMixException(
            FailureKind.Internal, $"The cluster failed unexpectedly: {error.Message}", "Its log tells more; please report it.", error),
    };
}
