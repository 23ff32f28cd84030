using FuseMix.Client;
using FuseMix.Client.Jobs;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;

namespace FuseMix.Cli.Session;

/// <summary>A client of a home folder, whose node may be another one at each call. Files are read and written in place, whoever runs the
/// node.</summary>
internal sealed class HomeClient(HomeCluster cluster, IHomeFiles files, TimeProvider clock) : RelayingClient(files)
{
    /// <summary>How long a node that is there may fail to answer, or be too busy.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Calls the node, and the one that takes its place where it ends before it has answered: every call is safe to
    /// repeat.</summary>
    private protected override async Task<T> Call<T>(Func<IFuseMixClient, Task<T>> call, CancellationToken cancellationToken)
    {
        var retries = new Retries(clock, Patience);
        while (true)
        {
            var client = await cluster.Connect(cancellationToken);
            try
            {
                return await call(client);
            }
            catch (FuseMixException failure) when (failure.Kind == FailureKind.Unavailable && cluster.Host is not null)
            {
                if (cluster.Found is null) continue;
                if (!await retries.Next(null, cancellationToken)) throw Meaning(failure);
            }
        }
    }

    private protected override IAsyncEnumerable<T> Watch<T>(
        Func<IFuseMixClient, IAsyncEnumerable<T>> watch, Func<T, JobState> state, CancellationToken cancellationToken)
    {
        return JobWatch.Follow(
            Open, state, error => error is FuseMixException { Kind: FailureKind.Unavailable } && cluster.Host is not null, Meaning,
            new Retries(clock, Patience), cancellationToken);

        async IAsyncEnumerable<T> Open()
        {
            var client = await cluster.Connect(cancellationToken);
            await foreach (var status in watch(client).WithCancellation(cancellationToken)) yield return status;
        }
    }

    private FuseMixException Meaning(Exception error)
    {
        if (error is not FuseMixException failure) return new FuseMixException(
            FailureKind.Internal, $"The cluster failed unexpectedly: {error.Message}", "Please report it.", error);

        // What the node says itself is for itself; where it says nothing, the user should know whom to look for.
        return failure is { Kind: FailureKind.Unavailable, InnerException: not null } && cluster.Found is { } node
            ? new FuseMixException(
                FailureKind.Unavailable,
                $"{node.Process} has the home folder, but its node does not answer: {failure.Message}",
                $"Wait until it does, or stop it (kill {node.ProcessId}), then run the same command again.",
                failure)
            : failure;
    }
}
