namespace FuseMix.Core.Selection;

/// <summary>How a part of some rows is chosen.</summary>
public enum SubsetMethod
{
    /// <summary>At random, each part of that size being as likely as any other.</summary>
    Uniform,

    /// <summary>Each row as far as can be from those chosen before (Gonzalez 1985).</summary>
    FarthestPoint,

    /// <summary>
    /// The most probable part under a determinantal point process with kernel (z·z' + 1)², approximated greedily: the paper's diverse
    /// subsets (its Fig. 3), by the algorithm of Chen, Zhang and Zhou (2018).
    /// </summary>
    Determinantal,
}
