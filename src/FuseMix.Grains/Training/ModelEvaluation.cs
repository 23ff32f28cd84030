using FuseMix.Contracts.Training;
using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Core.Evaluation;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Home;
using FuseMix.Training.Models;
using DirectionRecall = FuseMix.Contracts.Training.DirectionRecall;

namespace FuseMix.Grains.Training;

/// <summary>Measures fusion models on stored latents, as the field counts: full similarity, rank of the best right candidate.</summary>
internal sealed class ModelEvaluation(DatasetCache datasets, LatentStore latents, FusionModels models, NodeOptions options)
{
    /// <summary>Measures every direction between the model's modalities.</summary>
    /// <remarks>Candidates are unique: items of the same content count once, and are right for whatever any of them is paired
    /// with.</remarks>
    /// <exception cref="FuseMixException">Unknown model, dataset or split; latents missing; or no pairs are left to measure on.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public EvaluationReport Run(EvaluationRequest request, CancellationToken cancellationToken)
    {
        if (!Enum.TryParse<Split>(request.Split, ignoreCase: true, out var split) || !Enum.IsDefined(split))
        {
            throw FuseMixException.UnknownName(
                "split", request.Split, Enum.GetNames<Split>().Select(name => name.ToLowerInvariant()), FailureKind.Invalid);
        }

        var model = models.Get(request.Model);
        var dataset = datasets.Get(request.Dataset);
        RequireKey(dataset, request.Without);
        using var paired = PairedLatents.Open(dataset, model, latents, request.Fold);
        var directions = new List<DirectionRecall>();
        foreach (var (left, right) in paired.ModalityPairs())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var pairs = paired.Pairs(left, right, split, request.Without, out _);
            if (pairs.Count == 0) continue;
            var lefts = new Side(model, left, paired.Readers[left], pairs.Select(pair => (pair.Left, pair.LeftItem)), cancellationToken);
            var rights = new Side(
                model, right, paired.Readers[right], pairs.Select(pair => (pair.Right, pair.RightItem)), cancellationToken);
            var rightOf = Enumerable.Range(0, lefts.Count).Select(_ => new HashSet<int>()).ToArray();
            var leftOf = Enumerable.Range(0, rights.Count).Select(_ => new HashSet<int>()).ToArray();
            foreach (var pair in pairs)
            {
                var (l, r) = (lefts.PlaceOf(pair.LeftItem), rights.PlaceOf(pair.RightItem));
                rightOf[l].Add(r);
                leftOf[r].Add(l);
            }

            directions.Add(Measure(lefts, rights, rightOf, cancellationToken));
            directions.Add(Measure(rights, lefts, leftOf, cancellationToken));
        }

        if (directions.Count == 0)
        {
            var where = request.Fold is null ? "" : $", divided into folds of which {request.Fold} is held out,";
            throw new FuseMixException(
                FailureKind.Invalid, $"The {request.Split} split of dataset '{request.Dataset}'{where} has no pairs to measure on.");
        }

        var mean = directions.Average(direction => (direction.At1 + direction.At5 + direction.At10) / 3);
        return new EvaluationReport(
            request.Model, request.Dataset, split.ToString().ToLowerInvariant(), request.Without, [.. directions], mean, request.Fold);
    }

    private DirectionRecall Measure(Side from, Side to, HashSet<int>[] correct, CancellationToken cancellationToken)
    {
        var ranks = RecallEvaluation.Ranks(
            from.Embeddings, to.Embeddings, from.Dimension, [.. correct.Select(set => set.ToArray())], options.Threads, cancellationToken);
        var recall = FuseMix.Core.Evaluation.DirectionRecall.Of(from.Modality, to.Modality, to.Count, ranks);
        return new DirectionRecall(
            from.Modality, to.Modality, from.Count, to.Count, recall.At1, recall.At5, recall.At10, recall.MedianRank);
    }

    private static void RequireKey(Dataset dataset, string? key)
    {
        if (key is null) return;
        var keys = dataset.Items.SelectMany(item => item.Metadata.Keys).Distinct().ToArray();
        if (!keys.Contains(key)) throw FuseMixException.UnknownName("metadata key", key, keys, FailureKind.Invalid);
    }

    /// <summary>The unique items of one modality, embedded.</summary>
    private sealed class Side
    {
        private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);

        public Side(
            FusionModel model,
            Modality modality,
            CurrentLatents reader,
            IEnumerable<(int Row, DatasetItem Item)> items,
            CancellationToken cancellationToken)
        {
            var rows = new List<int>();
            foreach (var (row, item) in items)
            {
                if (_places.TryAdd(item.Sha256, rows.Count)) rows.Add(row);
            }

            (Modality, Count, Dimension) = (modality, rows.Count, model.SharedDimension);
            Embeddings = model.Embed(modality, reader, rows, cancellationToken);
        }

        public Modality Modality { get; }

        public int Count { get; }

        public int Dimension { get; }

        public float[] Embeddings { get; }

        public int PlaceOf(DatasetItem item) => _places[item.Sha256];
    }
}
