using FuseMix.Contracts.Search;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Home;
using FuseMix.Grains.Sessions;
using FuseMix.Retrieval.Generations;

namespace FuseMix.Grains.Search;

/// <summary>Opens what a search will need while its node still starts: where a command starts a node for one search, the two take as long as
/// one another.</summary>
internal sealed class SearchPreparation(CollectionStore collections, FusionModels models, EncoderSessions encoders)
{
    /// <summary>Opens the model and the encoders, on a thread of its own. It never fails: whatever is wrong, the search meets it again and says so.</summary>
    public Task Begin(SearchRequest request) => Task.Run(() =>
    {
        try
        {
            Open(request);
        }
        catch (Exception failure) when (failure is FuseMixException or IOException or UnauthorizedAccessException)
        {
        }
    });

    private void Open(SearchRequest request)
    {
        var name = ResourceName.Require(request.Collection, "collection");
        if (collections.Lacks(name) || collections.Live(name) is not { } live) return;
        var model = models.Get(live.Model, new Fingerprint(live.ModelFingerprint));
        var encoded = request.Queries.SelectMany(query => query.Terms).Where(term => term.Text is not null || term is { Content: not null, Modality: not null });
        foreach (var part in encoded.Select(SearchGrain.ModalityOf).Distinct().SelectMany(modality => model.Source(modality).Parts))
            encoders.Get(part.Encoder, part.Fingerprint, EncoderAim.Latency);
    }
}
