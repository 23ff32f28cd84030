using System.Globalization;

namespace FuseMix.Cli.Studies;

/// <summary>The studies of the paper that need nothing but recipes.</summary>
internal static class PaperStudies
{
    public const string AboutQuantity = "Recall by the number of training pairs, with and without FuseMix (Fig. 1)";
    public const string AboutDiversity =
        "As many pairs, chosen at random, each as far as can be from the others, or by determinants (Fig. 3)";

    /// <summary>Figure 6.</summary>
    public static Study Augmentation => new(
        "augmentation",
        "FuseMix against no augmentation, Gaussian noise and random quantization (Fig. 6)",
        [
            new("FuseMix", ["augmentation=fuseMix"]),
            new("FuseMix and noise 0.02", ["augmentation=fuseMix", "noiseSigma=0.02"]),
            new("no augmentation", ["augmentation=none"]),
            new("Gaussian noise 0.01", ["augmentation=gaussianNoise"]),
            new("random quantization, 16 bins", ["augmentation=randomQuantization"]),
        ])
    {
        WithBaseline = true,
    };

    /// <summary>Figure 5, left.</summary>
    public static Study Batch => Scale(
        "batch", "The number of pairs in a contrastive batch (Fig. 5)", "pairs in a batch", "batchSize", [32, 64, 128, 256, 512, 1024],
        logarithmic: true);

    /// <summary>Figure 5, right.</summary>
    public static Study Depth =>
        Scale("depth", "The number of residual blocks per adapter (Fig. 5)", "residual blocks", "depth", [0, 1, 2, 3, 4, 6]);

    /// <summary>Which λ are drawn.</summary>
    public static Study Alpha =>
        Scale("alpha", "λ ~ Beta(α, α): from nearly no mixing to nearly halves", "α", "alpha", [0.1, 0.3, 1, 2, 4, 8], logarithmic: true);

    /// <summary>Figure 1, on parts of the training pairs.</summary>
    /// <param name="pairs">Training pairs that there are.</param>
    public static Study Quantity(int pairs)
    {
        int[] counts = [.. Counts(pairs), pairs];
        return new(
            "quantity",
            AboutQuantity,
            [
                .. counts.Select(count => Part("FuseMix", count, "augmentation=fuseMix")),
                .. counts.Select(count => Part("no augmentation", count, "augmentation=none")),
            ])
        {
            Axis = "training pairs",
            Logarithmic = true,
        };

        static StudyVariant Part(string series, int count, string augmentation) =>
            new($"{series}, {Text(count)} pairs", [augmentation, $"pairs.count={Text(count)}"], count, series);
    }

    /// <summary>Figure 3: as many pairs, chosen in different ways.</summary>
    /// <param name="pairs">Training pairs that there are.</param>
    public static Study Diversity(int pairs) => new(
        "diversity",
        AboutDiversity,
        [
            .. from way in ((string Name, string Word)[])[("at random", "uniform"), ("farthest points", "farthestPoint"), ("determinantal", "determinantal")]
               from count in Counts(pairs)
               select new StudyVariant(
                   $"{way.Name}, {Text(count)} pairs", [$"pairs.count={Text(count)}", $"pairs.selection={way.Word}"], count, way.Name),
        ])
    {
        Axis = "training pairs",
        Logarithmic = true,
    };

    /// <summary>A twentieth, a tenth, a fifth and a half, but never less than a few dozen.</summary>
    private static IEnumerable<int> Counts(int pairs) => ((int[])[20, 10, 5, 2]).Select(share => pairs / share).Where(count => count >= 32);

    private static Study Scale(string name, string about, string axis, string key, double[] values, bool logarithmic = false) => new(
        name, about, [.. values.Select(value => new StudyVariant($"{axis} {Text(value)}", [$"{key}={Text(value)}"], value))])
    {
        Axis = axis,
        Logarithmic = logarithmic,
    };

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
