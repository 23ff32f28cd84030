using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Core.Texts;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Collections;
using FuseMix.Grains.Sessions;
using FuseMix.Grains.Home;
using FuseMix.Retrieval.Search;
using FuseMix.Training.Models;
using Orleans;
using Orleans.Concurrency;

namespace FuseMix.Grains.Search;

/// <summary>It interleaves: a search that waits for a shard must hold up no other one.</summary>
/// <remarks>One worker a node: with several, Orleans gives a cancellation to any of them, and most searches whose caller has gone go on. More
/// would be of little use, as encoding, scans and large merges run on the thread pool.</remarks>
[StatelessWorker(1), Reentrant]
[GrainType("search")]
internal sealed class SearchGrain(
    LiveCollections collections,
    ShardPlacement placement,
    FusionModels models,
    EncoderSessions encoders,
    QueryWork work,
    SearchMetrics metrics,
    NodeOptions options,
    TimeProvider clock) : Grain, ISearchGrain
{
    /// <summary>Rows found, in all shards together, that are described at once: a second call of each shard costs more.</summary>
    private const int DescribedAtOnce = 1024;

    /// <summary>Rows found, in all shards together, that are merged without giving way to other searches.</summary>
    private const int MergedAtOnce = 16 * DescribedAtOnce;

    /// <summary>Most time that is kept of a deadline for describing what was found before it.</summary>
    private static readonly TimeSpan LongestReserve = TimeSpan.FromSeconds(1);

    private const int AnyReplica = -1;

    private readonly HedgedCall _hedged = new(options.HedgeAfter, clock, metrics.Hedged);

    public Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default) =>
        metrics.Measure(request, () => Find(request, cancellationToken));

    private async Task<SearchResponse> Find(SearchRequest request, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        Validate(request);
        var name = ResourceName.Require(request.Collection, "collection");
        var collection = await collections.Find(GrainFactory.GetGrain<ICollectionGrain>(name), name, cancellationToken);
        var targets = collection.Shards.Where(shard => request.Target is null || shard.Modality == request.Target).ToArray();
        if (targets.Length == 0)
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"Collection '{request.Collection}' holds no {request.Target?.Word()} items.",
                $"It holds: {string.Join(", ", collection.Shards.Select(shard => shard.Modality).Distinct().Select(modality => modality.Word()))}.");
        }

        var silent = new Dictionary<ShardStatus, string>();
        float[] embeddings;
        try
        {
            embeddings = await Embed(request.Queries, collection, () => Left(), cancellationToken);
        }
        catch (TimeoutException)
        {
            foreach (var shard in targets) silent.Add(shard, "the query was not encoded within the deadline");
            return Answer([.. request.Queries.Select(_ => Array.Empty<Hit>())]);
        }

        // What one shard finds is all in the answer; of what many find most is not.
        var findable = request.Queries.Length * targets.Sum(shard => (long)Math.Min(request.K, shard.Count));
        var describe = findable <= (targets.Length == 1 ? MergedAtOnce : DescribedAtOnce);
        var query = new ShardQuery(embeddings, request.Queries.Length, request.K, request.MinScore, request.Filter, Excluded(request), describe);
        var reserve = describe ? TimeSpan.Zero : request.Deadline / 4 is var quarter && quarter < LongestReserve ? quarter : LongestReserve;
        var found = new List<ShardFindings>(targets.Length);
        var all = targets.Select(shard => (shard, AnyReplica));
        await foreach (var reply in AskAll(collection, all, (grain, _) => grain.Search(query), Left(reserve), cancellationToken))
        {
            if (reply.Answer is { } answer) found.Add(new ShardFindings(reply.Shard, reply.Replica, answer));
            else silent.Add(reply.Shard, reply.Silence!);
        }

        // Of equal hits the earlier shard's comes first, whichever answered first.
        found.Sort((a, b) => Array.IndexOf(targets, a.Shard).CompareTo(Array.IndexOf(targets, b.Shard)));
        while (true)
        {
            var (hits, unknown) = findable <= MergedAtOnce
                ? ShardFindings.Merge(found, request.Queries.Length, request.K)
                : await Task.Run(() => ShardFindings.Merge(found, request.Queries.Length, request.K), cancellationToken);
            if (hits is not null) return Answer(hits);

            // A shard that does not tell what it found counts as one that did not answer: the others' next best take the place of its hits.
            var asked = unknown.ToDictionary(part => part.Shard.Shard);
            await foreach (var reply in AskAll(
                collection,
                unknown.Select(part => (part.Shard.Shard, part.Shard.Replica)),
                (grain, shard) => Describe(grain, asked[shard].Calls),
                Left(),
                cancellationToken))
            {
                if (reply.Answer is { } items)
                {
                    asked[reply.Shard].Shard.Add(items);
                }
                else
                {
                    silent.Add(reply.Shard, reply.Silence!);
                    found.Remove(asked[reply.Shard].Shard);
                }
            }
        }

        TimeSpan Left(TimeSpan reserve = default) =>
            request.Deadline - reserve - clock.GetElapsedTime(started) is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero;

        SearchResponse Answer(Hit[][] hits)
        {
            string[] missing = [.. targets.Where(silent.ContainsKey).Select(shard => $"{shard.Name}: {silent[shard]}")];
            return new(request.Collection, collection.Generation, missing.Length == 0, missing, hits, clock.GetElapsedTime(started));
        }
    }

    private static async Task<ShardItem[]> Describe(IIndexShardGrain shard, int[][] calls)
    {
        if (calls.Length == 1) return await shard.Describe(calls[0]);
        var items = new List<ShardItem>();
        foreach (var rows in calls) items.AddRange(await shard.Describe(rows));
        return [.. items];
    }

    /// <summary>The replies of shards as they come. Whoever has heard enough leaves, and nobody waits for the others any more.</summary>
    private async IAsyncEnumerable<ShardReply<T>> AskAll<T>(
        CollectionStatus collection,
        IEnumerable<(ShardStatus Shard, int Replica)> shards,
        Func<IIndexShardGrain, ShardStatus, Task<T>> call,
        TimeSpan deadline,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var asked = shards.Select(to => Ask(collection, to.Shard, to.Replica, call, deadline, over.Token)).ToArray();
            await foreach (var reply in Task.WhenEach(asked)) yield return await reply;
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    /// <summary>What a shard answers, or why it does not.</summary>
    private async Task<ShardReply<T>> Ask<T>(
        CollectionStatus collection,
        ShardStatus shard,
        int first,
        Func<IIndexShardGrain, ShardStatus, Task<T>> call,
        TimeSpan deadline,
        CancellationToken cancellationToken)
    {
        var replicas = placement.Replicas;
        var key = new IndexShardKey(collection.Name, collection.Generation, shard.Name);
        var (answer, silence) = await _hedged.Ask(
            replicas,
            first == AnyReplica ? Random.Shared.Next(replicas) : first,
            async (replica, over) =>
            {
                var grain = GrainFactory.GetGrain<IIndexShardGrain>((key with { Replica = replica }).ToString());
                return (Replica: replica, Answer: await metrics.MeasureShard(shard.Name, () => call(grain, shard), over));
            },
            deadline,
            cancellationToken);
        return new ShardReply<T>(shard, answer.Replica, answer.Answer, silence);
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
            var embedded = await work.Run(
                over => Embed(group.Key, [.. places.Select(i => terms[i].Term)], ModelOf(collection), over), left(), cancellationToken);
            for (var i = 0; i < places.Length; i++) vectors[places[i]] = embedded.AsSpan(i * dimension, dimension).ToArray();
        }

        // Only the ratios of weights mean something: as they are, the squares of large and of small ones are beyond what a number holds.
        float[] heaviest = [.. queries.Select(query => query.Terms.Max(term => MathF.Abs(term.Weight)))];
        var sums = new float[queries.Length * dimension];
        for (var i = 0; i < terms.Length; i++)
        {
            var (term, query) = terms[i];
            var sum = sums.AsSpan(query * dimension, dimension);
            TensorPrimitives.MultiplyAdd(vectors[i], term.Weight / heaviest[query], sum, sum);
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
        var missing = new List<string>();
        var all = collection.Shards.Select(shard => (shard, AnyReplica));
        await foreach (var reply in AskAll(collection, all, (grain, _) => grain.Embedding(itemId), left, cancellationToken))
        {
            if (reply.Answer is { } embedding) return embedding;
            if (reply.Silence is { } silence) missing.Add($"{reply.Shard.Name}: {silence}");
        }

        missing.Sort(StringComparer.Ordinal);
        throw missing.Count == 0
            ? new FuseMixException(FailureKind.NotFound, $"Collection '{collection.Name}' has no item '{itemId}'.")
            : new FuseMixException(
                FailureKind.Unavailable,
                $"Item '{itemId}' is in no shard of collection '{collection.Name}' that answers; these do not: {string.Join("; ", missing)}",
                "Try again when they do.");
    }

    private static EncoderInput Input(QueryTerm term) =>
        term.Text is { } text ? EncoderInput.FromText(text) : EncoderInput.FromBytes(term.Content!);

    internal static Modality ModalityOf(QueryTerm term) => term.Text is not null ? Modality.Text : term.Modality!.Value;

    private static float[] Unit(float[] embedding, CollectionStatus collection)
    {
        var largest = embedding.Length == collection.Dimension ? MathF.Abs(TensorPrimitives.MaxMagnitude<float>(embedding)) : 0;
        if (!float.IsFinite(largest) || largest == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"An embedding of the query is not a finite, non-zero vector of {collection.Dimension} values.",
                $"Embeddings of fusion model '{collection.Model}' have {collection.Dimension} values.");
        }

        // By the largest value first, for the sake of very long and very short ones, whose squares no number holds.
        var unit = new float[embedding.Length];
        TensorPrimitives.Divide(embedding, largest, unit);
        TensorPrimitives.Divide(unit, TensorPrimitives.Norm<float>(unit), unit);
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
        if ((long)request.Queries.Length * request.K > SearchRequest.MaxHits)
        {
            throw Invalid(
                $"{request.Queries.Length} queries with k = {request.K} are more than the {SearchRequest.MaxHits} hits that one request may ask for.",
                "Send fewer queries at once, or ask for fewer hits.");
        }

        if (request.Deadline < TimeSpan.Zero || request.Deadline > SearchRequest.MaxDeadline)
        {
            throw Invalid(
                $"The deadline is {request.Deadline}; it must be 0 to {SearchRequest.MaxDeadline}.",
                "Give a shorter one; an answer names the shards that it lacks.");
        }

        foreach (var (index, query) in request.Queries.Index())
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
                if (term.Text is { } text && BlankText.Is(text))
                {
                    throw Invalid(
                        "A text of the query has nothing in it to encode.",
                        "Give it a word, or leave it out; white space and what cannot be seen are like no item.");
                }

                if (term.Content is []) throw Invalid("The content of a query term has no bytes.", "Send those of a picture.");
            }

            if (query.Terms.All(term => term.Weight == 0))
                throw Invalid($"The weights of query {index} are all zero.", "Give a term another weight; 1 is the usual one.");
        }

        static FuseMixException Invalid(string message, string? remedy = null) => new(FailureKind.Invalid, message, remedy);
    }

    /// <summary>What one shard says.</summary>
    /// <param name="Shard">The shard.</param>
    /// <param name="Replica">Which of its replicas answered.</param>
    /// <param name="Answer">Its answer.</param>
    /// <param name="Silence">Why there is no answer; null where there is one.</param>
    private readonly record struct ShardReply<T>(ShardStatus Shard, int Replica, T? Answer, string? Silence);
}
