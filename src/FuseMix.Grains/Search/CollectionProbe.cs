using FuseMix.Contracts.Search;
using FuseMix.Encoders.Packs;
using FuseMix.Retrieval.Generations;
using FuseMix.Storage;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Search;

/// <summary>Finds out whether a collection can be searched, by searching it, and whether all is there that its live generation stands
/// on.</summary>
public sealed class CollectionProbe(CollectionStore collections, FusionModelStore models, EncoderPackStore packs)
{
    /// <summary>How long the search may take: an encoder that nobody has used yet is loaded for it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A probe of a home folder that nobody in this process has open.</summary>
    public static CollectionProbe Of(FuseMixHome home) =>
        new(new CollectionStore(home), new FusionModelStore(home), new EncoderPackStore(home.Encoders));

    /// <summary>The names of all collections.</summary>
    public IReadOnlyList<string> Names() => collections.Collections();

    /// <summary>Everything that is wrong with the live generation of a collection; nothing where all is well, or none is live.</summary>
    /// <param name="collection">Its name.</param>
    /// <param name="search">Searches, as users do.</param>
    /// <param name="everyByte">Whether the shards are read through, rather than their lengths looked at.</param>
    public async Task<IReadOnlyList<FuseMixException>> Examine(
        string collection, Func<SearchRequest, Task<SearchResponse>> search, bool everyByte)
    {
        var troubles = new List<FuseMixException>();
        if (Try(() => collections.Live(collection)) is not { } live) return troubles;
        troubles.AddRange(collections.Damage(live, lengthsOnly: !everyByte));
        foreach (var encoder in live.Encoders) Try(() => packs.Load(encoder.Name, new Fingerprint(encoder.Fingerprint)));
        if (Try(() => models.Load(live.Model, new Fingerprint(live.ModelFingerprint))) is not { } model) return troubles;
        try
        {
            var response = await search(
                new SearchRequest(collection, [new SearchQuery([Term(model)])], Target: null, K: 1) { Deadline = Patience });
            if (!response.Complete && troubles.Count == 0)
                troubles.Add(
                    new FuseMixException(
                        FailureKind.Unavailable,
                        $"Of collection '{collection}' these shards do not answer: {string.Join("; ", response.MissingShards)}"));
        }
        catch (FuseMixException failure)
        {
            troubles.Add(failure);
        }

        return troubles;

        T? Try<T>(Func<T> look)
            where T : class?
        {
            try
            {
                return look();
            }
            catch (FuseMixException trouble)
            {
                troubles.Add(trouble);
                return null;
            }
        }
    }

    /// <summary>A text where the model embeds texts, since that needs its encoder too; else a latent, which is there without any file to
    /// encode.</summary>
    private static QueryTerm Term(FusionModel model)
    {
        if (model.Modalities.Contains(Modality.Text)) return new QueryTerm { Text = "a" };
        var modality = model.Modalities.First();
        var latent = new float[model.Source(modality).Dimension];
        for (var i = 0; i < latent.Length; i++) latent[i] = MathF.Sin(i + 1);
        return new QueryTerm { Latent = latent, Modality = modality };
    }
}
