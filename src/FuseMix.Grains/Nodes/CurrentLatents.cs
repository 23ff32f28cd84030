using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;

namespace FuseMix.Grains.Nodes;

/// <summary>Opens stored latents only if they are those of the dataset as it stands.</summary>
internal static class CurrentLatents
{
    /// <summary>The latents of a dataset by an encoder.</summary>
    /// <exception cref="FuseMixException">There are none, they are not complete or damaged, or the dataset has changed since.</exception>
    public static LatentReader Open(LatentStore latents, Dataset dataset, string encoder, Fingerprint fingerprint)
    {
        var reader = latents.OpenRead(dataset.Name, encoder, fingerprint);
        if (reader.Status.DatasetFingerprint == dataset.Fingerprint) return reader;

        // Items that were added would be missing without a word, and items that were replaced would keep their old latents.
        reader.Dispose();
        throw new FuseMixException(
            FailureKind.Unavailable,
            $"The latents of dataset '{dataset.Name}' by encoder '{encoder}' are of an earlier version of the dataset.",
            $"Run 'fusemix extract {dataset.Name} {encoder}', which extracts only what has changed.");
    }
}
