using System.Text.Json.Serialization;

namespace FuseMix.Core.Evaluation;

/// <summary>How well queries of one modality find their right answers among candidates of another.</summary>
/// <param name="From">Modality of the queries.</param>
/// <param name="To">Modality of the candidates.</param>
/// <param name="Queries">Number of queries.</param>
/// <param name="Candidates">Number of candidates each query was ranked against.</param>
/// <param name="At1">R@1: percent of the queries, 0 to 100, whose best right answer ranks first.</param>
/// <param name="At5">… among the first 5.</param>
/// <param name="At10">… among the first 10.</param>
/// <param name="MedianRank">The middle rank, 1 being the best; the mean of the two middle ones where the count is even.</param>
public sealed record DirectionRecall(
    [property: JsonConverter(typeof(ModalityName))] Modality From,
    [property: JsonConverter(typeof(ModalityName))] Modality To,
    int Queries,
    int Candidates,
    double At1,
    double At5,
    double At10,
    double MedianRank)
{
    /// <summary>For screens and logs: "image → text".</summary>
    [JsonIgnore]
    public string Name => $"{From} → {To}".ToLowerInvariant();

    /// <summary>The figures for ranks as <see cref="RecallEvaluation.Ranks"/> gives them.</summary>
    /// <exception cref="ArgumentException">There are no ranks.</exception>
    public static DirectionRecall Of(Modality from, Modality to, int candidates, IReadOnlyList<int> ranks)
    {
        if (ranks.Count == 0) throw new ArgumentException("No ranks.", nameof(ranks));
        var sorted = ranks.Order().ToArray();
        var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2.0;
        return new DirectionRecall(from, to, sorted.Length, candidates, Within(1), Within(5), Within(10), median);

        double Within(int k) => 100.0 * sorted.Count(rank => rank <= k) / sorted.Length;
    }
}
