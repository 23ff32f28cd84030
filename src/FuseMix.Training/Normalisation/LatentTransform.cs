using FuseMix.Training.Kernels;
using FuseMix.Training.Matrices;

namespace FuseMix.Training.Normalisation;

/// <summary>What is done to latents before an adapter sees them; fitted once on the training latents and frozen in the model.</summary>
public enum TransformKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Each feature gets mean 0 and deviation 1.</summary>
    Standardise,

    /// <summary>Centred, rotated to the first principal components, divided by one number for all, so that their mean square is
    /// 1.</summary>
    Pca,

    /// <summary>
    /// As <see cref="Pca"/>, but each component divided by its own deviation, whose square is drawn towards the mean of all squares:
    /// shrinkage 0 makes every component as strong as the others, 1 is the PCA.
    /// </summary>
    Whiten,
}

/// <summary>A frozen affine map from an encoder's latents to an adapter's input.</summary>
internal sealed class LatentTransform
{
    private const int FitRows = 2048;

    public LatentTransform(TransformKind kind, int input, int output, float[] mean, float[] factors)
    {
        (Kind, Input, Output, Mean, Factors) = (kind, input, output, mean, factors);
        if (kind == TransformKind.None) return;
        var expected = Rotates ? (long)output * input : input;
        if (mean.Length != input || factors.Length != expected)
            throw new ArgumentException($"A {kind} of {input} to {output} has other sizes.");
    }

    public TransformKind Kind { get; }

    /// <summary>Whether its factors are a matrix.</summary>
    public bool Rotates => IsRotation(Kind);

    /// <summary>Values of a latent.</summary>
    public int Input { get; }

    /// <summary>Values that the adapter gets.</summary>
    public int Output { get; }

    /// <summary>What is subtracted, [Input]; empty for none.</summary>
    public float[] Mean { get; }

    /// <summary>Standardise: inverse deviations [Input]. Pca, whiten: scaled components [Output × Input]. None: empty.</summary>
    public float[] Factors { get; }

    /// <summary>Whether a transform may give fewer values than it takes.</summary>
    public static bool IsRotation(TransformKind kind) => kind is TransformKind.Pca or TransformKind.Whiten;

    public static LatentTransform None(int dimension) => new(TransformKind.None, dimension, dimension, [], []);

    /// <summary>Fits a transform on some rows.</summary>
    /// <param name="kind">What to fit.</param>
    /// <param name="components">For a rotation: the most components.</param>
    /// <param name="shrinkage">For whitening: 0 to 1.</param>
    /// <param name="latents">Latents.</param>
    /// <param name="rows">The rows of the training split, each once.</param>
    /// <param name="matrices">For the covariance.</param>
    /// <param name="what">What to call the latents in failures.</param>
    /// <exception cref="FuseMixException">Too few rows, or rows that are all the same.</exception>
    public static LatentTransform Fit(
        TransformKind kind, int components, double shrinkage, ILatentMatrix latents, int[] rows, ParallelMatrixMultiply matrices,
        string what)
    {
        var d = latents.Dimension;
        if (kind == TransformKind.None) return None(d);
        if (rows.Length < 2)
            throw new FuseMixException(FailureKind.Invalid, $"{what}: {rows.Length} training latents are too few to fit '{kind}'.");
        var mean = MeanOf(latents, rows);
        if (!mean.All(double.IsFinite)) throw Unsound(latents, rows, what);
        if (kind == TransformKind.Standardise)
        {
            var squares = new double[d];
            ForEachBlock(latents, rows, block =>
            {
                for (var i = 0; i < block.Length; i++)
                {
                    var centred = block[i] - mean[i % d];
                    squares[i % d] += centred * centred;
                }
            });

            // A feature that never changes carries nothing: it becomes 0.
            var inverse = squares.Select(s => Math.Sqrt(s / rows.Length)).Select(s => s > 1e-8 ? (float)(1 / s) : 0f).ToArray();
            if (inverse.All(f => f == 0)) throw AllTheSame(what);
            return new LatentTransform(kind, d, d, ToFloats(mean), inverse);
        }

        var (values, vectors) = SymmetricEigen.Decompose(Covariance(latents, rows, mean, matrices), d);
        if (values[0] <= 1e-16) throw AllTheSame(what);

        // Directions in which the training latents do not vary would be noise divided by nothing.
        var kept = Math.Min(components, values.Count(v => v > values[0] * 1e-9));
        var power = values.Take(kept).Sum() / kept;
        var factors = new float[(long)kept * d];
        for (var k = 0; k < kept; k++)
        {
            var scale = Math.Sqrt(kind == TransformKind.Pca ? power : ((1 - shrinkage) * values[k]) + (shrinkage * power));
            for (var j = 0; j < d; j++) factors[((long)k * d) + j] = (float)(vectors[((long)k * d) + j] / scale);
        }

        return new LatentTransform(kind, d, kept, ToFloats(mean), factors);
    }

    /// <summary>Transforms rows.</summary>
    /// <param name="latents">[count × Input]; a centring transform subtracts the mean in place.</param>
    /// <param name="count">Rows.</param>
    /// <param name="transformed">[count × Output].</param>
    /// <param name="matrices">For the rotation.</param>
    public unsafe void Apply(float* latents, int count, float* transformed, ParallelMatrixMultiply matrices)
    {
        if (Kind == TransformKind.None)
        {
            Buffer.MemoryCopy(latents, transformed, (long)count * Output * sizeof(float), (long)count * Input * sizeof(float));
            return;
        }

        fixed (float* mean = Mean, factors = Factors)
        {
            for (var r = 0; r < count; r++)
            {
                var row = latents + ((long)r * Input);
                RowKernels.SubtractFrom(row, mean, Input);
                if (Kind != TransformKind.Standardise) continue;
                RowKernels.MultiplyInto((Fp32*)row, (Fp32*)factors, Input);
                Buffer.MemoryCopy(row, transformed + ((long)r * Input), Input * sizeof(float), Input * sizeof(float));
            }

            if (Rotates) matrices.Multiply(false, true, count, Output, Input, 1, latents, Input, factors, Input, 0, transformed, Output);
        }
    }

    /// <summary>The covariance of rows about a mean, [Dimension × Dimension], in fp64 from fp32 products of blocks.</summary>
    internal static double[] Covariance(ILatentMatrix latents, int[] rows, double[] mean, ParallelMatrixMultiply matrices)
    {
        var d = latents.Dimension;
        var covariance = new double[(long)d * d];
        var product = new float[(long)d * d];
        ForEachBlock(latents, rows, block =>
        {
            for (var i = 0; i < block.Length; i++) block[i] = (float)(block[i] - mean[i % d]);
            AccumulateProduct(block, d, block, d, product, covariance, matrices);
        });
        for (long i = 0; i < covariance.LongLength; i++) covariance[i] /= rows.Length;
        return covariance;
    }

    /// <summary>sum ← sum + aᵀ·b for blocks a [rows × da] and b [rows × db].</summary>
    internal static unsafe void AccumulateProduct(
        ReadOnlySpan<float> a, int da, ReadOnlySpan<float> b, int db, float[] product, double[] sum, ParallelMatrixMultiply matrices)
    {
        fixed (float* pa = a, pb = b, pc = product) matrices.Multiply(true, false, da, db, a.Length / da, 1, pa, da, pb, db, 0, pc, db);
        for (long i = 0; i < product.LongLength; i++) sum[i] += product[i];
    }

    internal static double[] MeanOf(ILatentMatrix latents, int[] rows)
    {
        var mean = new double[latents.Dimension];
        ForEachBlock(latents, rows, block =>
        {
            for (var i = 0; i < block.Length; i++) mean[i % mean.Length] += block[i];
        });
        for (var j = 0; j < mean.Length; j++) mean[j] /= rows.Length;
        return mean;
    }

    private static void ForEachBlock(ILatentMatrix latents, int[] rows, BlockAction action)
    {
        var block = new float[(long)Math.Min(rows.Length, FitRows) * latents.Dimension];
        for (var start = 0; start < rows.Length; start += FitRows)
        {
            var part = rows.AsSpan(start, Math.Min(FitRows, rows.Length - start));
            var values = block.AsSpan(0, part.Length * latents.Dimension);
            latents.Gather(part, values);
            action(values);
        }
    }

    private static float[] ToFloats(double[] values) => Array.ConvertAll(values, v => (float)v);

    private static FuseMixException Unsound(ILatentMatrix latents, int[] rows, string what)
    {
        var values = new float[latents.Dimension];
        var row = rows.First(r =>
        {
            latents.Gather([r], values);
            return !values.All(float.IsFinite);
        });
        return new FuseMixException(
            FailureKind.Corrupt,
            $"{what}: row {row} holds values that are not finite numbers.",
            "Extract this item again, or leave it out of the pairs.");
    }

    private static FuseMixException AllTheSame(string what) => new(
        FailureKind.Invalid, $"{what}: all training latents are the same.", "Check the encoder pack: it gives one answer for everything.");

    private delegate void BlockAction(Span<float> block);
}
