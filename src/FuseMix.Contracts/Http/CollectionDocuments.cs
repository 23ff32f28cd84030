using FuseMix.Contracts.Collections;

namespace FuseMix.Contracts.Http;

/// <summary>What to build a collection from; see <see cref="CollectionBuild"/>.</summary>
/// <param name="Model">Name of the fusion model whose shared space it lives in.</param>
/// <param name="Dataset">Name of the dataset.</param>
/// <param name="RowsPerShard">Embeddings per shard, at least 1; 65,536 where missing.</param>
/// <param name="Replace">Whether a collection of another dataset or model may be replaced; true where missing.</param>
public sealed record BuildBody(string? Model, string? Dataset, int? RowsPerShard = null, bool? Replace = null)
{
    /// <summary>What to send for a request.</summary>
    public static BuildBody Of(CollectionBuild request) => new(request.Model, request.Dataset, request.RowsPerShard, request.Replace);

    /// <summary>The request.</summary>
    /// <exception cref="FuseMixException">A key is missing, or a name breaks the rule for names.</exception>
    public CollectionBuild ToRequest()
    {
        var usual = new CollectionBuild(
            ResourceName.Require(Given.Value(Model, "model"), "fusion model"),
            ResourceName.Require(Given.Value(Dataset, "dataset"), "dataset"));
        return usual with { RowsPerShard = RowsPerShard ?? usual.RowsPerShard, Replace = Replace ?? usual.Replace };
    }
}

/// <summary>Which generation is to be the live one.</summary>
/// <param name="Generation">Its id.</param>
public sealed record LiveBody(string? Generation)
{
    /// <summary>The id of the generation.</summary>
    /// <exception cref="FuseMixException">It is missing, or breaks the rule for names.</exception>
    public string RequireGeneration() => ResourceName.Require(Given.Value(Generation, "generation"), "generation");
}
