using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Core.Evaluation;

/// <summary>Retrieval between two modalities in both directions, the figures by which fusion models are compared.</summary>
/// <param name="Forward">From the first modality to the second, e.g. image → text.</param>
/// <param name="Backward">From the second to the first, e.g. text → image.</param>
public sealed record RetrievalReport(DirectionRecall Forward, DirectionRecall Backward)
{
    /// <summary>The mean of the six recalls (R@1, 5 and 10 in both directions), 0 to 1: the figure that picks the best epoch.</summary>
    public double Mean => (Forward.R1 + Forward.R5 + Forward.R10 + Backward.R1 + Backward.R5 + Backward.R10) / 6;

    /// <summary>Measures both directions; right answers are the rows of the same group.</summary>
    /// <param name="first">Embeddings of the modality that the forward direction starts from.</param>
    /// <param name="second">Embeddings of the other one, in the same space.</param>
    /// <param name="threads">Threads to use, 0 for one per core; the figures do not depend on it.</param>
    /// <exception cref="FuseMixException">A value that is not finite, two dimensions, or a row without a right answer on the other side.</exception>
    public static RetrievalReport Measure(EmbeddingSet first, EmbeddingSet second, int threads = 0) =>
        new(RecallEvaluation.Measure(first, second, threads), RecallEvaluation.Measure(second, first, threads));

    /// <summary>The report as indented JSON with camelCase names.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EvaluationJson.Default.RetrievalReport);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FuseMixException">The text is not such a report.</exception>
    public static RetrievalReport FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EvaluationJson.Default.RetrievalReport) is { Forward: not null, Backward: not null } report
                ? report
                : throw new JsonException("A direction is missing.");
        }
        catch (JsonException error)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"This is not a retrieval report: {error.Message}", inner: error);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(RetrievalReport))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
