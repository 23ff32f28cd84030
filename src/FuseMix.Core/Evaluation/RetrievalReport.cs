namespace FuseMix.Core.Evaluation;

/// <summary>Retrieval between two modalities in both directions, the figures by which fusion models are compared.</summary>
/// <param name="Forward">From the first modality to the second, e.g. image → text.</param>
/// <param name="Backward">From the second to the first, e.g. text → image.</param>
public sealed record RetrievalReport(DirectionRecall Forward, DirectionRecall Backward)
{
    /// <summary>The mean of the six recalls (R@1, 5 and 10 in both directions), 0 to 100: the figure that picks the best epoch.</summary>
    public double Mean => (Forward.At1 + Forward.At5 + Forward.At10 + Backward.At1 + Backward.At5 + Backward.At10) / 6;

    /// <summary>Measures both directions; right answers are the rows of the same group.</summary>
    /// <param name="first">Embeddings of the modality that the forward direction starts from.</param>
    /// <param name="second">Embeddings of the other one, in the same space.</param>
    /// <param name="threads">Threads to use, 0 for one per core; the figures do not depend on it.</param>
    /// <exception cref="FuseMixException">A value that is not finite, two dimensions, or a row without a right answer on the other
    /// side.</exception>
    public static RetrievalReport Measure(EmbeddingSet first, EmbeddingSet second, int threads = 0) =>
        new(RecallEvaluation.Measure(first, second, threads), RecallEvaluation.Measure(second, first, threads));
}
