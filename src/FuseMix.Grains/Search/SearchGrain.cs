using System.Numerics.Tensors;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Nodes;
using FuseMix.Retrieval.Search;
using FuseMix.Training.Models;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Search;

[StatelessWorker]
internal sealed class SearchGrain(FusionModels models, EncoderSessions encoders, TimeProvider clock) : Grain, ISearchGrain
{
    public async Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default)
    {
        var started = clock.GetTimestamp();
        Validate(request);
        var collection = await GrainFactory.GetGrain<ICollectionGrain>(ResourceName.Require(request.Collection, "collection")).Status();
        var model = await Task.Run(() => models.Get(collection.Model), cancellationToken);
        var embeddings = await Embed(request.Queries, collection, model, cancellationToken);
        var query = new ShardQuery(embeddings, request.Queries.Length, request.K, request.MinScore, request.Filter, Excluded(request));

        var shards = collection.Shards.Where(shard => request.Target is null || shard.Modality == request.Target).ToArray();
        if (shards.Length == 0)
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"Collection '{request.Collection}' holds no {request.Target} items.",
                $"It holds: {string.Join(", ", collection.Shards.Select(shard => shard.Modality).Distinct())}.");
        }

        var left = request.Deadline - clock.GetElapsedTime(started);
        var answers = await Task.WhenAll(shards.Select(shard => Ask(collection, shard, query, left, cancellationToken)));
        var hits = Enumerable.Range(0, request.Queries.Length).Select(i => Merge(answers, i, request.K)).ToArray();
        string[] missing = [.. answers.Where(answer => answer.Missing is not null).Select(answer => answer.Missing!)];
        return new SearchResponse(request.Collection, collection.Generation, missing.Length == 0, missing, hits, clock.GetElapsedTime(started));
    }

    private async Task<(ShardAnswer? Answer, string? Missing)> Ask(
        CollectionStatus collection, ShardStatus shard, ShardQuery query, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var grain = GrainFactory.GetGrain<IIndexShardGrain>(new IndexShardKey(collection.Name, collection.Generation, shard.Name).ToString());
        try
        {
            return (await grain.Search(query).WaitAsync(deadline > TimeSpan.Zero ? deadline : TimeSpan.Zero, clock, cancellationToken), null);
        }
        catch (FuseMixException wrong) when (wrong.Kind is FailureKind.Invalid)
        {
            throw;
        }
        catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
        {
            return (null, $"{shard.Name}: {(failure is TimeoutException ? "no answer within the deadline" : failure.Message)}");
        }
    }

    private static Hit[] Merge((ShardAnswer? Answer, string? Missing)[] answers, int query, int k)
    {
        var lists = answers.Where(answer => answer.Answer is not null).Select(answer => answer.Answer!.Hits[query]).ToArray();
        var merged = TopK.Merge([.. lists.Select(list => list.Select((hit, place) => new SearchHit(hit.Id, hit.Score, place)).ToArray())], k);
        return [.. merged.Select(best => lists[best.List][best.Hit.Row])];
    }

    /// <summary>[queries × dimension]: each query's weighted sum of its terms' embeddings, at unit length.</summary>
    private async Task<float[]> Embed(SearchQuery[] queries, CollectionStatus collection, FusionModel model, CancellationToken cancellationToken)
    {
        var terms = queries.SelectMany((query, index) => query.Terms.Select(term => (Term: term, Query: index))).ToArray();
        var vectors = new float[terms.Length][];
        for (var i = 0; i < terms.Length; i++)
        {
            if (terms[i].Term.Embedding is { } embedding) vectors[i] = Unit(embedding, model);
            else if (terms[i].Term.ItemId is { } itemId) vectors[i] = await ItemEmbedding(collection, itemId);
        }

        // One call of each encoder for all the terms of its modality.
        var open = Enumerable.Range(0, terms.Length).Where(i => vectors[i] is null).GroupBy(i => ModalityOf(terms[i].Term));
        foreach (var group in open)
        {
            int[] places = [.. group];
            var embedded = await Task.Run(() => Embed(group.Key, [.. places.Select(i => terms[i].Term)], model, cancellationToken), cancellationToken);
            for (var i = 0; i < places.Length; i++) vectors[places[i]] = embedded.AsSpan(i * model.SharedDimension, model.SharedDimension).ToArray();
        }

        var sums = new float[queries.Length * model.SharedDimension];
        for (var i = 0; i < terms.Length; i++)
        {
            var sum = sums.AsSpan(terms[i].Query * model.SharedDimension, model.SharedDimension);
            TensorPrimitives.MultiplyAdd(vectors[i], terms[i].Term.Weight, sum, sum);
        }

        for (var query = 0; query < queries.Length; query++)
        {
            var sum = sums.AsSpan(query * model.SharedDimension, model.SharedDimension);
            var length = TensorPrimitives.Norm<float>(sum);
            if (!(length > 1e-6f))
            {
                throw new FuseMixException(FailureKind.Invalid, $"The terms of query {query} cancel one another out.", "Change a weight.");
            }

            TensorPrimitives.Divide(sum, length, sum);
        }

        return sums;
    }

    private float[] Embed(Modality modality, QueryTerm[] terms, FusionModel model, CancellationToken cancellationToken)
    {
        var (encoder, fingerprint, dimension) = model.Source(modality);
        var latents = new float[terms.Length * dimension];
        int[] toEncode = [.. Enumerable.Range(0, terms.Length).Where(i => terms[i].Latent is null)];
        for (var i = 0; i < terms.Length; i++)
        {
            if (terms[i].Latent is not { } latent) continue;
            if (latent.Length != dimension)
            {
                throw new FuseMixException(
                    FailureKind.Invalid, $"A latent has {latent.Length} values; encoder '{encoder}' makes {dimension}.");
            }

            latent.CopyTo(latents.AsSpan(i * dimension));
        }

        if (toEncode.Length > 0)
        {
            var session = encoders.Get(encoder, fingerprint, EncoderAim.Latency);
            var batch = session.EncodeBatch([.. toEncode.Select(i => Input(terms[i]))], cancellationToken);
            for (var i = 0; i < toEncode.Length; i++)
            {
                if (batch.ErrorOf(i) is { } error) throw new FuseMixException(FailureKind.Invalid, $"The query cannot be encoded: {error}");
                batch[i].CopyTo(latents.AsSpan(toEncode[i] * dimension));
            }
        }

        return model.Embed(modality, latents, terms.Length);
    }

    private async Task<float[]> ItemEmbedding(CollectionStatus collection, string itemId)
    {
        var found = await Task.WhenAll(collection.Shards.Select(shard => GrainFactory
            .GetGrain<IIndexShardGrain>(new IndexShardKey(collection.Name, collection.Generation, shard.Name).ToString())
            .Embedding(itemId)));
        return found.FirstOrDefault(embedding => embedding is not null)
            ?? throw new FuseMixException(FailureKind.NotFound, $"Collection '{collection.Name}' has no item '{itemId}'.");
    }

    private static EncoderInput Input(QueryTerm term) =>
        term.Text is { } text ? EncoderInput.FromText(text) : EncoderInput.FromBytes(term.Content!);

    private static Modality ModalityOf(QueryTerm term) => term.Text is not null ? Modality.Text : term.Modality!.Value;

    private static float[] Unit(float[] embedding, FusionModel model)
    {
        var length = TensorPrimitives.Norm<float>(embedding);
        if (embedding.Length != model.SharedDimension || !float.IsFinite(length) || length == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"An embedding of the query is not a finite, non-zero vector of {model.SharedDimension} values.",
                $"Collection embeddings of fusion model '{model.Name}' have {model.SharedDimension} values.");
        }

        var unit = new float[embedding.Length];
        TensorPrimitives.Divide(embedding, length, unit);
        return unit;
    }

    /// <summary>Items of the query themselves are not their own answers.</summary>
    private static string[]? Excluded(SearchRequest request)
    {
        // In a batch an item of one query may be an answer to another.
        var own = request.Queries.Length == 1 ? request.Queries[0].Terms.Select(term => term.ItemId).OfType<string>() : [];
        string[] all = [.. (request.Exclude ?? []).Concat(own)];
        return all.Length == 0 ? null : all;
    }

    private static void Validate(SearchRequest request)
    {
        if (request.Queries is not { Length: > 0 and <= 1024 }) throw Invalid("A search has 1 to 1024 queries.");
        if (request.K is < 1 or > SearchOptions.MaxK) throw Invalid($"K is {request.K}; it must be 1 to {SearchOptions.MaxK}.");
        foreach (var query in request.Queries)
        {
            if (query?.Terms is not { Length: > 0 and <= 64 }) throw Invalid("A query has 1 to 64 terms.");
            foreach (var term in query.Terms)
            {
                object?[] kinds = [term.Text, term.Content, term.ItemId, term.Latent, term.Embedding];
                if (kinds.Count(kind => kind is not null) != 1)
                {
                    throw Invalid("A query term has exactly one of text, content, item id, latent and embedding.");
                }

                if ((term.Content ?? (object?)term.Latent) is not null && term.Modality is null) throw Invalid("Content and latents need their modality.");
                if (!float.IsFinite(term.Weight)) throw Invalid("The weight of a query term must be a finite number.");
            }
        }

        static FuseMixException Invalid(string message) => new(FailureKind.Invalid, message);
    }
}
