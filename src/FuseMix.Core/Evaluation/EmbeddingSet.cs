namespace FuseMix.Core.Evaluation;

/// <summary>Embeddings of one modality with what each of them means: rows of one group are right answers to one another.</summary>
/// <remarks>Several captions of one picture share its group, and so do several pictures of one meaning.</remarks>
public sealed class EmbeddingSet
{
    /// <summary>Embeddings with their groups.</summary>
    /// <param name="modality">What the rows are embeddings of.</param>
    /// <param name="values">[count × dimension], row-major; not copied. Scores are plain dot products, so rows should be of unit
    /// length.</param>
    /// <param name="dimension">Values per row, at least 1.</param>
    /// <param name="groups">[count] any number per meaning, the same on both sides of an evaluation.</param>
    /// <exception cref="FuseMixException">No rows, or lengths that do not fit together.</exception>
    public EmbeddingSet(Modality modality, ReadOnlyMemory<float> values, int dimension, IReadOnlyList<int> groups)
    {
        if (dimension < 1 || values.Length == 0 || values.Length % dimension != 0 || groups.Count != values.Length / dimension)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"{values.Length} {modality} embedding values with {groups.Count} groups are not rows of {dimension} with one group each.");
        }

        (Modality, Values, Dimension, Groups) = (modality, values, dimension, groups);
    }

    /// <summary>What the rows are embeddings of.</summary>
    public Modality Modality { get; }

    /// <summary>[Count × Dimension], row-major.</summary>
    public ReadOnlyMemory<float> Values { get; }

    /// <summary>Values per row.</summary>
    public int Dimension { get; }

    /// <summary>The meaning of each row.</summary>
    public IReadOnlyList<int> Groups { get; }

    /// <summary>Number of rows.</summary>
    public int Count => Groups.Count;
}
