using FuseMix.Contracts.Collections;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Grains.Home;
using FuseMix.Retrieval.Generations;
using FuseMix.Retrieval.Shards;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Collections;

/// <summary>Builds a generation from stored latents: embeds them and writes the shards.</summary>
internal sealed class CollectionBuilder(CollectionStore collections, DatasetCache datasets, LatentStore latents, FusionModels models)
{
    private const int RowsPerBatch = 1024;

    /// <summary>Makes a generation live that was built from the very same things and whose files are whole, where one is kept. Reads its
    /// shards through.</summary>
    /// <returns>What is live then; null where there is something to build.</returns>
    /// <exception cref="FuseMixException">It cannot be built: unknown names, latents missing, or something else is live and must
    /// stay.</exception>
    public GenerationManifest? Reuse(string collection, CollectionBuild request)
    {
        if (request.RowsPerShard < 1) throw new FuseMixException(FailureKind.Invalid, "A shard has at least one row.");
        var model = models.Get(request.Model);
        var dataset = datasets.Get(request.Dataset);
        var live = LiveNow(collection);
        var same = Same(collection, model, Origin(dataset, request));
        if (live is not null && !request.Replace && same.All(kept => kept.Generation != live.Generation))
        {
            throw new FuseMixException(
                FailureKind.Conflict, $"Collection '{collection}' holds something else.", "Ask to replace it, or give another name.");
        }

        if (same.OrderByDescending(kept => kept.Generation == live?.Generation).FirstOrDefault(kept => !collections.Damage(kept).Any()) is { } whole)
        {
            return whole.Generation == live?.Generation || collections.TryMakeLive(collection, whole.Generation, live?.Generation)
                ? whole
                : throw WentLive(collection);
        }

        foreach (var (_, reader) in OpenLatents(model, dataset)) reader.Dispose();
        return null;
    }

    /// <summary>Makes a generation live, and builds it before unless one is there. Blocks the calling thread.</summary>
    /// <param name="collection">Name of the collection.</param>
    /// <param name="request">What to build it from.</param>
    /// <param name="progress">Told how many items are written, of how many.</param>
    /// <param name="cancellationToken">Stops it between two batches; what it wrote is garbage then.</param>
    /// <exception cref="FuseMixException">See <see cref="Reuse"/>; or the disk fails.</exception>
    public (GenerationManifest Manifest, bool Reused) Build(
        string collection, CollectionBuild request, Action<long, long> progress, CancellationToken cancellationToken)
    {
        if (Reuse(collection, request) is { } live) return (live, true);
        var before = LiveNow(collection);
        var model = models.Get(request.Model);
        var dataset = datasets.Get(request.Dataset);
        var own = new OwnMetadata(dataset.Items.SelectMany(item => item.Metadata.Keys));
        string[] columns =
        [
            own.Caption, own.Group, own.Split,
            .. dataset.Items.SelectMany(item => item.Metadata.Keys).Distinct().Order(StringComparer.Ordinal),
        ];
        var spec = new GenerationSpec(model.Name, model.Fingerprint, model.SharedDimension, [.. columns.Distinct()])
        {
            Origin = Origin(dataset, request),
            Encoders =
            [
                .. model.Modalities.SelectMany(modality => model.Source(modality).Parts).Select(
                    part => new PinnedEncoder(part.Encoder, part.Fingerprint.Hex)).Distinct()
            ],
        };
        var captions = Captions(dataset);
        var latentsOf = OpenLatents(model, dataset);
        try
        {
            var (done, all) = (0L, latentsOf.Sum(source => (long)source.Reader.Count));
            using var build = collections.Begin(collection, spec);
            foreach (var (modality, reader) in latentsOf)
            {
                for (int first = 0, shard = 0; first < reader.Count; first += request.RowsPerShard, shard++)
                {
                    var name = $"{modality.ToString().ToLowerInvariant()}-{shard:D5}";
                    var count = Math.Min(request.RowsPerShard, reader.Count - first);
                    build.Write(name, modality, Counted(Items(model, modality, dataset, reader, captions, own, first, count)));
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            var made = build.Commit(makeLive: false);

            // Two may build at once where the node of one was only thought dead: the one that is late must not undo what came after it.
            if (collections.TryMakeLive(collection, made.Generation, before?.Generation))
            {
                // Another one of the very same things would have been taken, were it whole: nobody can go back to it.
                foreach (var damaged in Same(collection, model, spec.Origin).Where(kept => kept.Generation != made.Generation))
                    collections.Drop(collection, damaged.Generation);
                return (made, false);
            }

            collections.Drop(collection, made.Generation);
            return Reuse(collection, request) is { } other ? (other, true) : throw WentLive(collection);

            IEnumerable<IndexItem> Counted(IEnumerable<IndexItem> items)
            {
                foreach (var item in items)
                {
                    if (done % RowsPerBatch == 0)
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        progress(done, all);
                    }

                    yield return item;
                    done++;
                }
            }
        }
        finally
        {
            foreach (var (_, reader) in latentsOf) reader.Dispose();
        }
    }

    /// <summary>The generations that are there of a model and an origin.</summary>
    private List<GenerationManifest> Same(string collection, FusionModel model, IReadOnlyDictionary<string, string> origin)
    {
        if (!collections.Collections().Contains(collection)) return [];
        return [.. collections.List(collection).Select(Read).OfType<GenerationManifest>().Where(kept =>
            kept.ModelFingerprint == model.Fingerprint.Hex
            && kept.Origin.Count == origin.Count && kept.Origin.All(entry => origin.GetValueOrDefault(entry.Key) == entry.Value))];

        GenerationManifest? Read(string generation)
        {
            try
            {
                return collections.Manifest(collection, generation);
            }
            catch (FuseMixException)
            {
                // Dropped just now, or damaged: then it is none that could go live.
                return null;
            }
        }
    }

    private static FuseMixException WentLive(string collection) => new(
        FailureKind.Conflict,
        $"Something else went live in collection '{collection}' while this was built.",
        "Build it again if it is still wanted.");

    private GenerationManifest? LiveNow(string collection) =>
        collections.Collections().Contains(collection) ? collections.Live(collection) : null;

    private static Dictionary<string, string> Origin(Dataset dataset, CollectionBuild request) => new()
    {
        [GenerationManifest.DatasetOrigin] = dataset.Name,
        ["datasetFingerprint"] = dataset.Fingerprint.Hex,
        ["rowsPerShard"] = $"{request.RowsPerShard}",
    };

    private List<(Modality Modality, CurrentLatents Reader)> OpenLatents(FusionModel model, Dataset dataset)
    {
        var opened = new List<(Modality, CurrentLatents Reader)>();
        try
        {
            foreach (var modality in model.Modalities)
            {
                if (dataset.ItemsOf(modality).Count > 0)
                    opened.Add((modality, CurrentLatents.Open(latents, dataset, model.Source(modality))));
            }

            return opened;
        }
        catch
        {
            foreach (var (_, reader) in opened) reader.Dispose();
            throw;
        }
    }

    private static IEnumerable<IndexItem> Items(
        FusionModel model, Modality modality, Dataset dataset, CurrentLatents reader, Dictionary<string, string> captions, OwnMetadata own,
        int first, int count)
    {
        foreach (var rows in Enumerable.Range(first, count).Chunk(RowsPerBatch))
        {
            var batch = new float[rows.Length * reader.Dimension];
            reader.Gather(rows, batch);
            var embeddings = model.Embed(modality, batch, rows.Length);
            for (var i = 0; i < rows.Length; i++)
            {
                var item = dataset.Item(reader.Ids[rows[i]]);
                var metadata = new Dictionary<string, string>(item.Metadata)
                {
                    [own.Group] = item.Group,
                    [own.Split] = item.Split.ToString().ToLowerInvariant(),
                };
                if ((item.Text ?? captions.GetValueOrDefault(item.Id)) is { } caption) metadata[own.Caption] = caption;
                yield return new IndexItem(item.Id, embeddings.AsMemory(i * model.SharedDimension, model.SharedDimension), metadata);
            }
        }
    }

    /// <summary>The first text that each other item is paired with.</summary>
    private static Dictionary<string, string> Captions(Dataset dataset)
    {
        var captions = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in dataset.Pairs)
        {
            if (dataset.Item(pair.Second).Text is { } second) captions.TryAdd(pair.First, second);
            if (dataset.Item(pair.First).Text is { } first) captions.TryAdd(pair.Second, first);
        }

        return captions;
    }
}
