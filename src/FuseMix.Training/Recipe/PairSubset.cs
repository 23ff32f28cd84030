using FuseMix.Core.Selection;

namespace FuseMix.Training.Recipe;

/// <summary>Trains on a part of the training pairs only: what fewer pairs, or other ones, would have given (the paper's Figures 1 and
/// 3).</summary>
public sealed record PairSubset
{
    /// <summary>Pairs of each list, at least 4; all of a list that has fewer.</summary>
    public int Count { get; init; }

    /// <summary>
    /// How they are chosen, by the seed of the run. What looks at latents takes both sides of a pair, each as it comes from its encoder and
    /// scaled to unit length.
    /// </summary>
    public SubsetMethod Selection { get; init; } = SubsetMethod.Uniform;

    /// <summary>The data with the chosen training pairs in their first order; validation pairs stay.</summary>
    /// <exception cref="FuseMixException">The work does not fit its memory, or the latents of a pair that is looked at are not
    /// finite.</exception>
    internal TrainingData Of(TrainingData data, ulong seed, CancellationToken cancellationToken) =>
        data with
        {
            Pairs = [.. data.Pairs.Select((list, index) => list with { Train = Of(data, list, seed + (ulong)index, cancellationToken) })],
        };

    private PairRows Of(TrainingData data, PairList list, ulong seed, CancellationToken cancellationToken)
    {
        var pairs = list.Train;
        if (pairs.Count <= Count) return pairs;
        var dimension = data.Latents[list.Left].Latents.Dimension + data.Latents[list.Right].Latents.Dimension;
        var rows = Selection == SubsetMethod.Uniform ? [] : Both(data, list, dimension);
        int[] chosen = [.. RowSubset.Choose(Selection, rows, dimension, pairs.Count, Count, seed, cancellationToken).Order()];
        return new PairRows(
            [.. chosen.Select(pair => pairs.Left[pair])],
            [.. chosen.Select(pair => pairs.Right[pair])],
            pairs.Groups is null ? null : [.. chosen.Select(pair => pairs.Groups[pair])]);
    }

    /// <summary>Both latents of each pair side by side, each of length √½, so that the whole has unit length.</summary>
    private static float[] Both(TrainingData data, PairList list, int dimension)
    {
        var rows = new float[(long)list.Train.Count * dimension];
        var offset = 0;
        foreach (var (modality, of) in ((Modality, int[])[])[(list.Left, list.Train.Left), (list.Right, list.Train.Right)])
        {
            var latents = data.Latents[modality].Latents;
            var latent = new float[latents.Dimension];
            for (var pair = 0; pair < of.Length; pair++)
            {
                latents.Gather([of[pair]], latent);
                var length = Math.Sqrt(latent.Sum(value => (double)value * value));
                var scale = length > 0 ? Math.Sqrt(0.5) / length : 0;
                for (var i = 0; i < latent.Length; i++) rows[((long)pair * dimension) + offset + i] = (float)(latent[i] * scale);
            }

            offset += latent.Length;
        }

        return rows;
    }
}
