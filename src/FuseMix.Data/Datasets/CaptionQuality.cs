using System.Text;
using System.Text.RegularExpressions;
using FuseMix.Core.Randomness;

namespace FuseMix.Data.Datasets;

/// <summary>The same items with poorer captions, to learn what good captions are worth (the paper's Fig. 3, quality).</summary>
/// <remarks>
/// Groups and splits stay as they are, so that what learns from the poorer captions can be measured by the better ones. Where a poorer
/// caption of one split reads like that of a later one (train, validation, test), its pairs are left out: nothing is asked about that was
/// learnt by heart.
/// </remarks>
public static partial class CaptionQuality
{
    private const byte Purpose = 201;

    /// <summary>Captions up to the end of their first sentence: of "motor scooter. vehicle, vespa" only "motor scooter".</summary>
    /// <param name="dataset">Whose captions to shorten.</param>
    /// <param name="name">What to call the dataset that is made of it, which is not saved.</param>
    /// <exception cref="FuseMixException">The dataset has no captions, or none of more than one sentence.</exception>
    public static Dataset FirstSentences(Dataset dataset, string name)
    {
        var made = WithCaptions(dataset, name, "Captions end after their first sentence.", text => text.Split(". ", 2)[0]);
        return made.Fingerprint != dataset.Fingerprint ? made : throw new FuseMixException(
            FailureKind.Invalid, $"No caption of dataset '{dataset.Name}' has more than one sentence, so that none can be cut short.");
    }

    /// <summary>Captions some of whose words are those of other captions, as a machine gives them that guesses.</summary>
    /// <param name="dataset">Whose captions to spoil.</param>
    /// <param name="name">What to call the dataset that is made of it, which is not saved.</param>
    /// <param name="share">The probability that a word is replaced by one of the dataset's, drawn by how often it occurs; 0 to 1.</param>
    /// <param name="seed">The same seed replaces the same words by the same.</param>
    /// <exception cref="FuseMixException">The dataset has no captions.</exception>
    public static Dataset ReplacedWords(Dataset dataset, string name, double share, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        string[] words = [.. dataset.ItemsOf(Modality.Text).SelectMany(item => Word().Matches(item.Text!)).Select(match => match.Value)];
        var stream = new RandomStream(seed, RandomStream.Id(Purpose, 0, 0));
        return WithCaptions(
            dataset, name, $"Of 100 words, {share * 100:0} are replaced by those of other captions.",
            text => Word().Replace(text, match => stream.NextDouble() < share ? words[stream.NextInt(words.Length)] : match.Value));
    }

    [GeneratedRegex(@"[\p{L}\p{M}\p{N}]+")]
    private static partial Regex Word();

    private static Dataset WithCaptions(Dataset dataset, string name, string about, Func<string, string> caption)
    {
        if (dataset.ItemsOf(Modality.Text).Count == 0)
            throw new FuseMixException(FailureKind.Invalid, $"Dataset '{dataset.Name}' has no captions, so that none can be made poorer.");
        DatasetItem[] items = [.. dataset.Items.Select(item => item.Text is { } text ? WithText(item, caption(text)) : item)];
        var splits = items.Where(item => item.Text is not null).GroupBy(item => DatasetBuilder.Normalise(item.Text!)).ToDictionary(
            same => same.Key, same => same.Max(item => item.Split));
        var kept = items.Where(item => item.Text is null || splits[DatasetBuilder.Normalise(item.Text)] == item.Split).Select(
            item => item.Id).ToHashSet();
        DatasetPair[] pairs = [.. dataset.Pairs.Where(pair => kept.Contains(pair.First) && kept.Contains(pair.Second))];
        return new Dataset(
            dataset.Home, name, dataset.Licence, $"{dataset.About} {about}", items, pairs, dataset.Failures, dataset.Notices);
    }

    private static DatasetItem WithText(DatasetItem item, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return item with { Text = text, Size = bytes.Length, Sha256 = Fingerprint.Of(bytes).Hex };
    }
}
