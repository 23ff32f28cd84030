namespace FuseMix.Core.Mixing;

/// <summary>What is done to latents before a training step, beside nothing (the paper's Fig. 6).</summary>
public enum Augmentation
{
    /// <summary>Latents as they are.</summary>
    None,

    /// <summary>Mixup of two pairs with one λ for both modalities (the paper's method, §4).</summary>
    FuseMix,

    /// <summary>Independent normal noise on every value.</summary>
    GaussianNoise,

    /// <summary>Each feature's range cut at random; all values of a bin become one random value of it (Wu et al. 2023).</summary>
    RandomQuantization,
}

/// <summary>Which pairs FuseMix mixes.</summary>
public enum MixingVariant
{
    /// <summary>The first half of a batch of 2B pairs with the second half, as the authors' code does.</summary>
    Halves,

    /// <summary>Two batches of B pairs, drawn independently, as the paper writes (§4).</summary>
    TwoBatches,

    /// <summary>A batch of B pairs with a permutation of itself.</summary>
    Permutation,
}
