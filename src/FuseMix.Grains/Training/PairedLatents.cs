using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Packs;
using FuseMix.Core.Evaluation;
using FuseMix.Grains.Home;
using FuseMix.Training;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Training;

/// <summary>The stored latents of a dataset by the encoders of each modality, and which rows belong together.</summary>
internal sealed class PairedLatents : IDisposable
{
    private readonly Dictionary<Modality, CurrentLatents> _readers = [];
    private readonly Dictionary<Modality, ModelSource> _sources = [];
    private readonly Fold? _fold;

    private PairedLatents(Dataset dataset, Fold? fold) => (Dataset, _fold) = (dataset, fold);

    public Dataset Dataset { get; }

    public IReadOnlyDictionary<Modality, CurrentLatents> Readers => _readers;

    /// <summary>Opens the latents of the encoders as they are installed now.</summary>
    /// <param name="dataset">Whose latents.</param>
    /// <param name="encoders">Encoder per modality; several of one as "a+b".</param>
    /// <param name="packs">The encoders that there are.</param>
    /// <param name="latents">Where latents are.</param>
    /// <param name="fold">The fold that stands in for the validation split, see <see cref="Dataset.PairsOf"/>; null for the dataset's own splits.</param>
    /// <exception cref="FuseMixException">
    /// An encoder is unknown or of another modality, its latents are missing or not complete, or the fold is not one.
    /// </exception>
    public static PairedLatents Open(
        Dataset dataset, IReadOnlyDictionary<Modality, string> encoders, EncoderPackStore packs, LatentStore latents, string? fold)
    {
        RequireTwo(encoders);
        return Open(
            dataset,
            encoders.Select(named => (
                named.Key,
                ModelSource.Join([.. EncoderNames.Parse(named.Value).Select(encoder => Source(packs, latents, dataset, encoder, named.Key))]))),
            latents,
            fold);
    }

    /// <summary>Opens the latents that a fusion model is made for: those of its encoders as they were, whatever is installed under their names now.</summary>
    /// <param name="dataset">Whose latents.</param>
    /// <param name="model">The fusion model.</param>
    /// <param name="latents">Where latents are.</param>
    /// <param name="fold">See the other overload.</param>
    /// <exception cref="FuseMixException">Latents are missing or not complete, or the fold is not one.</exception>
    public static PairedLatents Open(Dataset dataset, FusionModel model, LatentStore latents, string? fold) =>
        Open(dataset, model.Modalities.Select(modality => (modality, model.Source(modality))), latents, fold);

    private static PairedLatents Open(
        Dataset dataset, IEnumerable<(Modality Modality, ModelSource Source)> sources, LatentStore latents, string? fold)
    {
        var opened = new PairedLatents(dataset, fold is null ? null : Fold.Parse(fold));
        try
        {
            foreach (var (modality, source) in sources)
            {
                opened._sources.Add(modality, source);
                opened._readers.Add(modality, CurrentLatents.Open(latents, dataset, source));
            }
        }
        catch
        {
            opened.Dispose();
            throw;
        }

        return opened;
    }

    /// <summary>Fails where opening them is sure to, as far as names alone tell: nothing is read.</summary>
    /// <exception cref="FuseMixException">There are fewer than two encoders, or one is unknown and has no latents of the dataset.</exception>
    public static void RequireKnown(string dataset, IReadOnlyDictionary<Modality, string> encoders, EncoderPackStore packs, LatentStore latents)
    {
        RequireTwo(encoders);
        foreach (var encoder in encoders.Values.SelectMany(EncoderNames.Parse))
        {
            if (!packs.Contains(encoder) && !latents.Contains(dataset, encoder)) throw FuseMixException.UnknownName("encoder", encoder, packs.List());
        }
    }

    /// <summary>The pairs of each two modalities; those without both latents are left out, and counted.</summary>
    /// <param name="left">The modality whose rows come first.</param>
    /// <param name="right">The other one.</param>
    /// <param name="split">The part of the dataset.</param>
    /// <param name="without">Leave out items whose metadata have this key set to "true"; null for none.</param>
    /// <param name="withoutLatent">Pairs left out because an item has no latent.</param>
    public IReadOnlyList<(int Left, int Right, DatasetItem LeftItem, DatasetItem RightItem)> Pairs(
        Modality left, Modality right, Split split, string? without, out int withoutLatent)
    {
        var pairs = new List<(int, int, DatasetItem, DatasetItem)>();
        withoutLatent = 0;
        var named = Dataset.PairsOf(left, right, split, _fold).Select(pair => (Left: pair.First, Right: pair.Second))
            .Concat(Dataset.PairsOf(right, left, split, _fold).Select(pair => (Left: pair.Second, Right: pair.First)));
        foreach (var pair in named)
        {
            var (leftItem, rightItem) = (Dataset.Item(pair.Left), Dataset.Item(pair.Right));
            if (without is not null && (IsSet(leftItem, without) || IsSet(rightItem, without))) continue;
            if (_readers[left].TryGetRow(pair.Left, out var leftRow) && _readers[right].TryGetRow(pair.Right, out var rightRow))
            {
                pairs.Add((leftRow, rightRow, leftItem, rightItem));
            }
            else
            {
                withoutLatent++;
            }
        }

        return pairs;
    }

    /// <summary>What the trainer needs: training pairs, and validation pairs where there are any, for each two modalities.</summary>
    /// <exception cref="FuseMixException">There are no training pairs.</exception>
    public TrainingData ToTrainingData()
    {
        var lists = new List<PairList>();
        foreach (var (left, right) in ModalityPairs())
        {
            var train = Rows(Pairs(left, right, Split.Train, null, out _));
            if (train.Count == 0) continue;
            var validation = Rows(Pairs(left, right, Split.Validation, null, out _));
            lists.Add(new PairList(left, right, train, validation.Count == 0 ? null : validation));
        }

        if (lists.Count == 0)
        {
            throw new FuseMixException(
                FailureKind.Invalid, $"Dataset '{Dataset.Name}' has no training pairs between {string.Join(" and ", _readers.Keys)}.",
                $"'./fusemix datasets show {Dataset.Name}' has the pairs of each split. Items with the same caption are one group, which no split can share: give captions that differ, "
                + "or more of them.");
        }

        return new TrainingData(
            _readers.ToDictionary(
                reader => reader.Key,
                reader => new LatentSource(_sources[reader.Key], reader.Value)),
            lists);
    }

    /// <summary>Each two modalities, in their order.</summary>
    public IEnumerable<(Modality Left, Modality Right)> ModalityPairs() =>
        from left in _readers.Keys.Order()
        from right in _readers.Keys.Order()
        where left < right
        select (left, right);

    public void Dispose()
    {
        foreach (var reader in _readers.Values) reader.Dispose();
    }

    private static void RequireTwo(IReadOnlyDictionary<Modality, string> encoders)
    {
        if (encoders.Count < 2)
            throw new FuseMixException(FailureKind.Invalid, "A fusion model joins at least two modalities.", "Name an encoder for each.");
    }

    private static ModelSource Source(EncoderPackStore packs, LatentStore latents, Dataset dataset, string encoder, Modality modality)
    {
        // Latents that were made elsewhere are enough to learn from; only new items need the encoder itself.
        if (!packs.Contains(encoder)
            && latents.List().Where(set => set.Dataset == dataset.Name && set.Encoder == encoder).ToArray() is [var made])
        {
            var source = new ModelSource(encoder, made.EncoderFingerprint, made.Dimension);
            using var reader = CurrentLatents.Open(latents, dataset, source);
            var other = reader.Ids.Select(id => dataset.Item(id).Modality).FirstOrDefault(its => its != modality, modality);
            return other == modality
                ? source
                : throw new FuseMixException(FailureKind.Invalid, $"Encoder '{encoder}' was named for {modality.Word()}, but its latents are of {other.Word()} items.");
        }

        var pack = packs.Load(encoder);
        return pack.Definition.Modality == modality
            ? new ModelSource(pack.Name, pack.Fingerprint, pack.Definition.Latent.Dimension)
            : throw new FuseMixException(
                FailureKind.Invalid, $"Encoder '{encoder}' was named for {modality.Word()}, but it encodes {pack.Definition.Modality.Word()}.");
    }

    private static bool IsSet(DatasetItem item, string key) => item.Metadata.GetValueOrDefault(key) == "true";

    /// <summary>Pairs that share an item, or right items that say the same, have one meaning.</summary>
    private static PairRows Rows(IReadOnlyList<(int Left, int Right, DatasetItem LeftItem, DatasetItem RightItem)> pairs) => PairRows.Grouped(
        [.. pairs.Select(pair => pair.Left)], [.. pairs.Select(pair => pair.Right)], [.. pairs.Select(pair => pair.RightItem.Sha256)]);
}
