using Orleans;

namespace FuseMix.Contracts.Catalog;

/// <summary>Lists what the shared storage holds.</summary>
/// <remarks>Stateless: any key will do, 0 by custom. What was put into the storage since is read whole and checked against its checksums at
/// the first call that lists it: gigabytes, for large encoders.</remarks>
[Alias("fusemix.ICatalogGrain")]
public interface ICatalogGrain : IGrainWithIntegerKey
{
    /// <summary>How long a call may take.</summary>
    internal const string ResponseTimeout = "00:10:00";

    /// <summary>Encoder packs, by name.</summary>
    [ResponseTimeout(ResponseTimeout), Alias("Encoders")]
    Task<EncoderSummary[]> Encoders();

    /// <summary>Datasets, by name.</summary>
    [ResponseTimeout(ResponseTimeout), Alias("Datasets")]
    Task<DatasetSummary[]> Datasets();

    /// <summary>One dataset, with what its import found worth telling.</summary>
    /// <exception cref="FuseMixException">There is none of that name, or it is damaged.</exception>
    [ResponseTimeout(ResponseTimeout), Alias("Dataset")]
    Task<DatasetDetails> Dataset(string name);

    /// <summary>Latent sets, by dataset and encoder.</summary>
    [ResponseTimeout(ResponseTimeout), Alias("LatentSets")]
    Task<LatentSetSummary[]> LatentSets();

    /// <summary>Fusion models, by name.</summary>
    [ResponseTimeout(ResponseTimeout), Alias("Models")]
    Task<ModelSummary[]> Models();

    /// <summary>Names of the collections.</summary>
    [Alias("Collections")]
    Task<string[]> Collections();
}

/// <summary>An encoder pack.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Modality">What it encodes.</param>
/// <param name="Dimension">Values per latent.</param>
/// <param name="Fingerprint">SHA-256 over the pack, in hexadecimal.</param>
/// <param name="Licence">Licence of the weights.</param>
/// <param name="Origin">Where they came from.</param>
/// <param name="Error">Why it cannot be used; null when sound.</param>
/// <param name="About">For somebody who chooses.</param>
[GenerateSerializer, Immutable, Alias("fusemix.EncoderSummary")]
public sealed record EncoderSummary(
    string Name, Modality Modality, int Dimension, string Fingerprint, string Licence, string Origin, string? Error, string About = "");

/// <summary>A dataset.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Items">Items per modality.</param>
/// <param name="Pairs">Pairs per split.</param>
/// <param name="Groups">Groups that splits never cut.</param>
/// <param name="Failures">Items that the import could not take.</param>
/// <param name="Licence">Licence of the content.</param>
/// <param name="Error">Why it cannot be used; null when sound.</param>
/// <param name="Fingerprint">SHA-256 over its content, in hexadecimal.</param>
/// <param name="About">One or two sentences.</param>
[GenerateSerializer, Immutable, Alias("fusemix.DatasetSummary")]
public sealed record DatasetSummary(
    string Name,
    Dictionary<Modality, int> Items,
    Dictionary<string, int> Pairs,
    int Groups,
    int Failures,
    string Licence,
    string? Error,
    string Fingerprint = "",
    string About = "");

/// <summary>A dataset, with what its import found worth telling.</summary>
/// <param name="Summary">The same as in the list.</param>
/// <param name="Bytes">Bytes of all items of a modality.</param>
/// <param name="Pairs">Pairs per kind and split.</param>
/// <param name="Notices">What the import found worth telling.</param>
/// <param name="Failures">What could not be imported; of many the first <see cref="MaxFailures"/>.</param>
[GenerateSerializer, Immutable, Alias("fusemix.DatasetDetails")]
public sealed record DatasetDetails(
    DatasetSummary Summary, Dictionary<Modality, long> Bytes, PairSummary[] Pairs, string[] Notices, FailureSummary[] Failures)
{
    /// <summary>Most failures that are named.</summary>
    public const int MaxFailures = 10_000;
}

/// <summary>How many pairs of one kind are in one split.</summary>
/// <param name="First">Modality of the first items.</param>
/// <param name="Second">Modality of the second items.</param>
/// <param name="Split">train, validation or test.</param>
/// <param name="Count">Number of pairs.</param>
[GenerateSerializer, Immutable, Alias("fusemix.PairSummary")]
public sealed record PairSummary(Modality First, Modality Second, string Split, int Count);

/// <summary>Something that could not be imported.</summary>
/// <param name="Source">The file, or the line of a table.</param>
/// <param name="Reason">Why not.</param>
[GenerateSerializer, Immutable, Alias("fusemix.FailureSummary")]
public sealed record FailureSummary(string Source, string Reason);

/// <summary>A latent set.</summary>
/// <param name="Dataset">Its dataset.</param>
/// <param name="Encoder">Its encoder.</param>
/// <param name="Fingerprint">The encoder pack's fingerprint.</param>
/// <param name="Count">Latents stored.</param>
/// <param name="Dimension">Values per latent.</param>
/// <param name="Failed">Items without a latent.</param>
/// <param name="Complete">Whether every shard is committed.</param>
[GenerateSerializer, Immutable, Alias("fusemix.LatentSetSummary")]
public sealed record LatentSetSummary(
    string Dataset, string Encoder, string Fingerprint, int Count, int Dimension, int Failed, bool Complete);

/// <summary>A fusion model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Encoders">Encoder per modality.</param>
/// <param name="Dimension">Values per embedding (D_s).</param>
/// <param name="Steps">Optimiser steps it was trained for.</param>
/// <param name="Error">Why it cannot be used; null when sound.</param>
[GenerateSerializer, Immutable, Alias("fusemix.ModelSummary")]
public sealed record ModelSummary(string Name, Dictionary<Modality, string> Encoders, int Dimension, int Steps, string? Error);
