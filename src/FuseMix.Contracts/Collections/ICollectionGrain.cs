using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Contracts.Collections;

/// <summary>Knows which generation of one collection is live; builds, swaps, rolls back and drops generations.</summary>
/// <remarks>Key: name of the collection.</remarks>
public interface ICollectionGrain : IGrainWithStringKey
{
    /// <summary>Embeds the dataset's latents, writes the shards of a new generation and makes it live. Safe to repeat: a generation
    /// is named by its content, so building the same thing again is recognised.</summary>
    /// <exception cref="FuseMixException">Unknown model or dataset; latents missing; another model's generation is live and
    /// <see cref="CollectionBuild.Replace"/> is not set.</exception>
    [ResponseTimeout("00:30:00")]
    Task<CollectionStatus> Build(CollectionBuild request);

    /// <summary>What the collection holds.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    [AlwaysInterleave]
    Task<CollectionStatus> Status();

    /// <summary>Makes the generation before the live one live again.</summary>
    Task<CollectionStatus> RollBack();

    /// <summary>Removes the collection with all its generations. Safe to repeat.</summary>
    Task Drop();
}
