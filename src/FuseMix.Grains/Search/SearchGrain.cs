using System.Numerics.Tensors;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Nodes;
using FuseMix.Retrieval.Search;
using FuseMix.Training.Models;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Search;

[StatelessWorker]
internal sealed class SearchGrain(
    LiveCollections collections,
    ShardPlacement placement,
    FusionModels models,
    EncoderSessions encoders,
    SearchMetrics metrics,
    NodeOptions options,
    TimeProvider clock) : Grain, ISearchGrain
{
    private static readonly TimeSpan LongestDeadline = TimeSpan.FromHours(1);

    private readonly HedgedCall _hedged = new(options.HedgeAfter, clock, metrics.Hedged);

    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default) =>
        metrics.Measure(request, () => Find(request, cancellationToken));

    private async Task<SearchResponse> Find(SearchRequest request, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        Validate(request);
        var name = ResourceName.Require(request.Collection, "collection");
        var collection = await collections.Find(GrainFactory.GetGrain<ICollectionGrain>(name), name, cancellationToken);
        var embeddings = await Embed(request.Queries, collection, Left, cancellationToken);
        var query = new ShardQuery(embeddings, request.Queries.Length, request.K, request.MinScore, request.Filter, Excluded(request));

        var targets = collection.Shards.Where(shard => request.Target is null || shard.Modality == request.Target).ToArray();
        if (targets.Length == 0)
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"Collection '{request.Collection}' holds no {request.Target} items.",
                $"It holds: {string.Join(", ", collection.Shards.Select(shard => shard.Modality).Distinct())}.");
        }

        var left = Left();
        var answers = await Task.WhenAll(
            targets.Select(shard => Ask(collection, shard, grain => grain.Search(query), left, cancellationToken)));
        var hits = Enumerable.Range(0, request.Queries.Length).Select(i => Merge(answers, i, request.K)).ToArray();
        string[] missing = [.. answers.Where(answer => answer.Missing is not null).Select(answer => answer.Missing!)];
        return new SearchResponse(request.Collection, collection.Generation, missing.Length == 0, missing, hits, clock.GetElapsedTime(started));

        TimeSpan Left() => request.Deadline - clock.GetElapsedTime(started) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>What a shard answers, or its name and why it does not.</summary>
    private async Task<(T? Answer, string? Missing)> Ask<T>(
        CollectionStatus collection, ShardStatus shard, Func<IIndexShardGrain, Task<T>> call, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var replicas = placement.Replicas;
        var key = new IndexShardKey(collection.Name, collection.Generation, shard.Name);
        var (answer, silence) = await _hedged.Ask(
            replicas,
            Random.Shared.Next(replicas),
            (replica, over) => metrics.MeasureShard(
                shard.Name, () => call(GrainFactory.GetGrain<IIndexShardGrain>((key with { Replica = replica }).ToString())), over),
            deadline,
            cancellationToken);
        return (answer, silence is null ? null : $"{shard.Name}: {silence}");
    }

    private static Hit[] Merge((ShardAnswer? Answer, string? Missing)[] answers, int query, int k)
    {
        var lists = answers.Where(answer => answer.Answer is not null).Select(answer => answer.Answer!.Hits[query]).ToArray();
        var merged = TopK.Merge([.. lists.Select(list => list.Select((hit, place) => new SearchHit(hit.Id, hit.Score, place)).ToArray())], k);
        return [.. merged.Select(best => lists[best.List][best.Hit.Row])];
    }

    /// <summary>[queries × dimension]: each query's weighted sum of its terms' embeddings, at unit length.</summary>
    private async Task<float[]> Embed(SearchQuery[] queries, CollectionStatus collection, Func<TimeSpan> left, CancellationToken cancellationToken)
    {
        var dimension = collection.Dimension;
        var terms = queries.SelectMany((query, index) => query.Terms.Select(term => (Term: term, Query: index))).ToArray();
        var vectors = new float[terms.Length][];
        for (var i = 0; i < terms.Length; i++)
        {
            if (terms[i].Term.Embedding is { } embedding) vectors[i] = Unit(embedding, collection);
            else if (terms[i].Term.ItemId is { } itemId) vectors[i] = await ItemEmbedding(collection, itemId, left(), cancellationToken);
        }

        // One call of each encoder for all the terms of its modality.
        var open = Enumerable.Range(0, terms.Length).Where(i => vectors[i] is null).GroupBy(i => ModalityOf(terms[i].Term));
        foreach (var group in open)
        {
            int[] places = [.. group];
            var embedded = await Task.Run(() => Embed(group.Key, [.. places.Select(i => terms[i].Term)], ModelOf(collection), cancellationToken), cancellationToken);
            for (var i = 0; i < places.Length; i++) vectors[places[i]] = embedded.AsSpan(i * dimension, dimension).ToArray();
        }

        var sums = new float[queries.Length * dimension];
        for (var i = 0; i < terms.Length; i++)
        {
            var sum = sums.AsSpan(terms[i].Query * dimension, dimension);
            TensorPrimitives.MultiplyAdd(vectors[i], terms[i].Term.Weight, sum, sum);
        }

        for (var query = 0; query < queries.Length; query++)
        {
            var sum = sums.AsSpan(query * dimension, dimension);
            var length = TensorPrimitives.Norm<float>(sum);
            if (!(length > 1e-6f))
            {
                throw new FuseMixException(FailureKind.Invalid, $"The terms of query {query} cancel one another out.", "Change a weight.");
            }

            TensorPrimitives.Divide(sum, length, sum);
        }

        return sums;
    }

    /// <summary>The fusion model that a collection was built with, whatever its name means now.</summary>
    private FusionModel ModelOf(CollectionStatus collection) => models.Get(collection.Model, new Fingerprint(collection.ModelFingerprint));

    private float[] Embed(Modality modality, QueryTerm[] terms, FusionModel model, CancellationToken cancellationToken)
    {
        var source = model.Source(modality);
        var dimension = source.Dimension;
        var latents = new float[terms.Length * dimension];
        int[] toEncode = [.. Enumerable.Range(0, terms.Length).Where(i => terms[i].Latent is null)];
        for (var i = 0; i < terms.Length; i++)
        {
            if (terms[i].Latent is not { } latent) continue;
            if (latent.Length != dimension)
            {
                throw new FuseMixException(
                    FailureKind.Invalid, $"A latent has {latent.Length} values; encoder '{source.Encoder}' makes {dimension}.");
            }

            latent.CopyTo(latents.AsSpan(i * dimension));
        }

        if (toEncode.Length > 0)
        {
            // Encoders side by side each see every query, in the order of their latents.
            EncoderInput[] inputs = [.. toEncode.Select(i => Input(terms[i]))];
            var offset = 0;
            foreach (var part in source.Parts)
            {
                var session = encoders.Get(part.Encoder, part.Fingerprint, EncoderAim.Latency);
                var batch = metrics.MeasureEncode(modality, () => session.EncodeBatch(inputs, cancellationToken));
                for (var i = 0; i < toEncode.Length; i++)
                {
                    if (batch.ErrorOf(i) is { } error)
                        throw new FuseMixException(FailureKind.Invalid, $"The query cannot be encoded by '{part.Encoder}': {error}");
                    batch[i].CopyTo(latents.AsSpan((toEncode[i] * dimension) + offset));
                }

                offset += part.Dimension;
            }
        }

        return model.Embed(modality, latents, terms.Length);
    }

    private async Task<float[]> ItemEmbedding(CollectionStatus collection, string itemId, TimeSpan left, CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(
            collection.Shards.Select(shard => Ask(collection, shard, grain => grain.Embedding(itemId), left, cancellationToken)));
        if (answers.FirstOrDefault(answer => answer.Answer is not null).Answer is { } embedding) return embedding;

        string[] missing = [.. answers.Where(answer => answer.Missing is not null).Select(answer => answer.Missing!)];
        throw missing.Length == 0
            ? new FuseMixException(FailureKind.NotFound, $"Collection '{collection.Name}' has no item '{itemId}'.")
            : new FuseMixException(
                FailureKind.Unavailable,
                $"Item '{itemId}' is in no shard of collection '{collection.Name}' that answers; these do not: {string.Join("; ", missing)}",
                "Try again when they do.");
    }

    private static EncoderInput Input(QueryTerm term) =>
        term.Text is { } text ? EncoderInput.FromText(text) : EncoderInput.FromBytes(term.Content!);

    private static Modality ModalityOf(QueryTerm term) => term.Text is not null ? Modality.Text : term.Modality!.Value;

    private static float[] Unit(float[] embedding, CollectionStatus collection)
    {
        var length = TensorPrimitives.Norm<float>(embedding);
        if (embedding.Length != collection.Dimension || !float.IsFinite(length) || length == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"An embedding of the query is not a finite, non-zero vector of {collection.Dimension} values.",
                $"Embeddings of fusion model '{collection.Model}' have {collection.Dimension} values.");
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
        if (request.Deadline < TimeSpan.Zero || request.Deadline > LongestDeadline)
            throw Invalid($"The deadline is {request.Deadline}; it must be 0 to {LongestDeadline}.");
        foreach (var query in request.Queries)
        {
            if (query?.Terms is not { Length: > 0 and <= 64 }) throw Invalid("A query has 1 to 64 terms.");
            foreach (var term in query.Terms)
            {
                object?[] kinds = [term?.Text, term?.Content, term?.ItemId, term?.Latent, term?.Embedding];
                if (term is null || kinds.Count(kind => kind is not null) != 1)
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
