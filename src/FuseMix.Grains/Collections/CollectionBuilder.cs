using FuseMix.Contracts.Collections;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Grains.Nodes;
using FuseMix.Retrieval.Generations;
using FuseMix.Retrieval.Shards;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Collections;

/// <summary>Builds a generation from stored latents: embeds them and writes the shards.</summary>
internal sealed class CollectionBuilder(CollectionStore collections, DatasetCache datasets, LatentStore latents, FusionModels models)
{
    /// <summary>Key of a generation's origin under which its dataset is named.</summary>
    public const string DatasetOrigin = "dataset";

    private const int RowsPerBatch = 1024;

    /// <summary>Builds and makes live, unless what is live was built from the very same things.</summary>
    public (GenerationManifest Manifest, bool Reused) Build(string collection, CollectionBuild request)
    {
        if (request.RowsPerShard < 1) throw new FuseMixException(FailureKind.Invalid, "A shard has at least one row.");
        var model = models.Get(request.Model);
        var dataset = datasets.Get(request.Dataset);
        var origin = new Dictionary<string, string>
        {
            [DatasetOrigin] = dataset.Name,
            ["datasetFingerprint"] = dataset.Fingerprint.Hex,
            ["rowsPerShard"] = $"{request.RowsPerShard}",
        };
        var live = collections.Collections().Contains(collection) ? collections.Live(collection) : null;
        if (live is not null)
        {
            var same = live.ModelFingerprint == model.Fingerprint.Hex
                && live.Origin.Count == origin.Count && live.Origin.All(entry => origin.GetValueOrDefault(entry.Key) == entry.Value);
            if (same) return (live, true);
            if (!request.Replace)
            {
                throw new FuseMixException(
                    FailureKind.Conflict, $"Collection '{collection}' holds something else.", "Ask to replace it, or give another name.");
            }
        }

        string[] columns = ["caption", "group", "split", .. dataset.Items.SelectMany(item => item.Metadata.Keys).Distinct().Order(StringComparer.Ordinal)];
        var spec = new GenerationSpec(model.Name, model.Fingerprint, model.SharedDimension, [.. columns.Distinct()]) { Origin = origin };
        var captions = Captions(dataset);
        using var build = collections.Begin(collection, spec);
        foreach (var (modality, encoder) in model.Encoders())
        {
            if (dataset.ItemsOf(modality).Count == 0) continue;
            using var reader = CurrentLatents.Open(latents, dataset, encoder, model.EncoderFingerprint(modality));
            for (int first = 0, shard = 0; first < reader.Count; first += request.RowsPerShard, shard++)
            {
                var name = $"{modality.ToString().ToLowerInvariant()}-{shard:D5}";
                build.Write(name, modality, Items(model, modality, dataset, reader, captions, first, Math.Min(request.RowsPerShard, reader.Count - first)));
            }
        }

        return (build.Commit(), false);
    }

    private static IEnumerable<IndexItem> Items(
        FusionModel model, Modality modality, Dataset dataset, LatentReader reader, Dictionary<string, string> captions, int first, int count)
    {
        foreach (var rows in Enumerable.Range(first, count).Chunk(RowsPerBatch))
        {
            var batch = new float[rows.Length * reader.Dimension];
            reader.Gather(rows, batch);
            var embeddings = model.Embed(modality, batch, rows.Length);
            for (var i = 0; i < rows.Length; i++)
            {
                var item = dataset.Item(reader.Ids[rows[i]]);
                var metadata = new Dictionary<string, string>(item.Metadata) { ["group"] = item.Group, ["split"] = item.Split.ToString().ToLowerInvariant() };
                if ((item.Text ?? captions.GetValueOrDefault(item.Id)) is { } caption) metadata["caption"] = caption;
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
