using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Collections;

/// <summary>Knows which generation of one collection is live; builds, swaps and drops generations.</summary>
/// <remarks>Key: name of the collection. It lives on a node with the role <see cref="Cluster.NodeRoles.Index"/>.</remarks>
[Alias("fusemix.ICollectionGrain")]
public interface ICollectionGrain : IGrainWithStringKey
{
    /// <summary>Begins to embed the dataset's latents into a new generation, which goes live when it is whole, and returns at once. Safe to
    /// repeat: a build of the same is recognised whether it runs or has ended. A build whose node dies goes on on another one.</summary>
    /// <exception cref="FuseMixException">Unknown model or dataset; latents missing; another build is running; or another model's or
    /// dataset's generation is live and <see cref="CollectionBuild.Replace"/> is not set. Where it takes more than seconds to find that
    /// out, the
    /// build is accepted as running and then fails with it.</exception>
    [Alias("StartBuild")]
    Task<BuildStatus> StartBuild(CollectionBuild request);

    /// <summary>How far the build is that runs, or how the last one ended.</summary>
    [AlwaysInterleave]
    [Alias("BuildStatus")]
    Task<BuildStatus> BuildStatus();

    /// <summary>Stops the build that runs, if any; what it wrote is removed and the live generation stays.</summary>
    [AlwaysInterleave]
    [Alias("CancelBuild")]
    Task<BuildStatus> CancelBuild();

    /// <summary>The status of the build now and whenever it changes, ending with the one in which it is over.</summary>
    [Alias("WatchBuild")]
    IAsyncEnumerable<BuildStatus> WatchBuild(CancellationToken cancellationToken = default);

    /// <summary>What the collection holds.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    [AlwaysInterleave]
    [Alias("Status")]
    Task<CollectionStatus> Status();

    /// <summary>Makes that generation the live one. Safe to repeat. To roll back, name the generation before the live one.</summary>
    /// <exception cref="FuseMixException">There is no such collection or generation.</exception>
    [ResponseTimeout(Catalog.ICatalogGrain.ResponseTimeout), Alias("GoLive")]
    Task<CollectionStatus> GoLive(string generation);

    /// <summary>Removes the collection with all its generations, and ends a build that runs. Safe to repeat.</summary>
    [Alias("Drop")]
    Task Drop();
}
