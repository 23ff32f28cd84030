using Orleans;

namespace FuseMix.Contracts.Collections;

/// <summary>Build a generation from every stored latent of a dataset.</summary>
/// <param name="Model">Name of the fusion model whose shared space it lives in.</param>
/// <param name="Dataset">Name of the dataset.</param>
/// <param name="RowsPerShard">Embeddings per shard, at least 1.</param>
/// <param name="Replace">Whether a collection of another dataset or model may be replaced.</param>
[GenerateSerializer, Immutable, Alias("fusemix.CollectionBuild")]
public sealed record CollectionBuild(string Model, string Dataset, int RowsPerShard = 65_536, bool Replace = true);

/// <summary>How far the build of a generation is.</summary>
/// <param name="Collection">Name of the collection.</param>
/// <param name="Request">What is being built, or was last; null where nothing ever was.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Items">Items to embed in all; 0 while not known.</param>
/// <param name="ItemsDone">Items embedded and written.</param>
/// <param name="Generation">Id of the generation that it made; null before.</param>
/// <param name="Reused">Whether that generation was there already.</param>
/// <param name="Elapsed">Time that this run has taken.</param>
/// <param name="Error">Why it failed; null otherwise.</param>
[GenerateSerializer, Immutable, Alias("fusemix.BuildStatus")]
public sealed record BuildStatus(
    string Collection,
    CollectionBuild? Request,
    JobState State,
    long Items,
    long ItemsDone,
    string? Generation,
    bool Reused,
    TimeSpan Elapsed,
    string? Error);

/// <summary>What a collection holds.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Generation">Id of the live generation.</param>
/// <param name="Model">Fusion model of the live generation.</param>
/// <param name="ModelFingerprint">The fingerprint of the model that it was built with, which searches go on with though that name means
/// another one by now.</param>
/// <param name="Dataset">Dataset of the live generation.</param>
/// <param name="Dimension">Values per embedding.</param>
/// <param name="Shards">Shards of the live generation.</param>
/// <param name="Generations">Ids of all generations on disk, newest first.</param>
[GenerateSerializer, Immutable, Alias("fusemix.CollectionStatus")]
public sealed record CollectionStatus(
    string Name,
    string Generation,
    string Model,
    string ModelFingerprint,
    string Dataset,
    int Dimension,
    ShardStatus[] Shards,
    string[] Generations)
{
    /// <summary>Number of items of a modality.</summary>
    public int Count(Modality modality) => Shards.Where(s => s.Modality == modality).Sum(s => s.Count);
}

/// <summary>One shard of a generation.</summary>
/// <param name="Name">Its name, unique in the generation.</param>
/// <param name="Modality">Modality of its items.</param>
/// <param name="Count">Number of items.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ShardStatus")]
public sealed record ShardStatus(string Name, Modality Modality, int Count);
