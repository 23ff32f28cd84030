using FuseMix.Training.Adapters;
using FuseMix.Training.Matrices;
using FuseMix.Training.Models;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Baselines;

/// <summary>Regularised linear canonical correlation analysis: the baseline that every fusion model is shown beside.</summary>
/// <remarks>
/// Both sides standardised; directions from the singular vectors of (Cxx + rI)^-½ Cxy (Cyy + rI)^-½ (Hardoon et al. 2004). The result is a
/// fusion model with linear adapters, so that all that takes one takes this.
/// </remarks>
public static class CanonicalCorrelation
{
    /// <summary>Fits the baseline on the training pairs of one list.</summary>
    /// <param name="data">Latents and pairs.</param>
    /// <param name="list">Which list of pairs.</param>
    /// <param name="ridge">What is added to the variance (1) of each feature, above 0.</param>
    /// <param name="components">Dimension of the shared space; fewer where a side has fewer features.</param>
    /// <param name="cancellationToken">Stops within seconds: between two steps of a decomposition, or two products.</param>
    /// <exception cref="FuseMixException">The data do not fit together, or hold too few pairs.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static FusionModel Fit(
        TrainingData data, int list = 0, double ridge = 0.3, int components = 256, CancellationToken cancellationToken = default)
    {
        data.Validate();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ridge);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(components);
        using var team = new ThreadTeam(1);
        var matrices = new ParallelMatrixMultiply(team, new PackedMatrixMultiply());
        var pairs = data.Pairs[list];
        var left = Side(pairs.Left, pairs.Train.Left);
        var right = Side(pairs.Right, pairs.Train.Right);
        var (dx, dy) = (left.Dimension, right.Dimension);
        var wx = InverseRoot(left.Covariance(matrices), dx, ridge, cancellationToken);
        var wy = InverseRoot(right.Covariance(matrices), dy, ridge, cancellationToken);
        var cross = left.Covariance(right, matrices);

        // Singular vectors of T = Wx·Cxy·Wy by way of the smaller of T·Tᵀ and Tᵀ·T.
        var t = Product(Product(wx, dx, dx, cross, dy), dx, dy, wy, dy);
        var kept = Math.Min(components, Math.Min(dx, dy));
        var (u, v) = SingularVectors(t, dx, dy, kept, cancellationToken);
        var branches = new Dictionary<Modality, ModelBranch>
        {
            [pairs.Left] = Branch(left, Product(u, kept, dx, wx, dx), kept),
            [pairs.Right] = Branch(right, Product(v, kept, dy, wy, dy), kept),
        };
        var summary = new TrainingSummary
        {
            Method = "cca",
            Device = $"CPU, {matrices.Name}",
            Pairs = pairs.Train.Count,
            Learned = (long)kept * (dx + dy),
            Data = data.Fingerprint().Hex,
        };
        return new FusionModel("", branches, 1, 0, null, summary);

        StandardisedSide Side(Modality modality, int[] rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var source = data.Latents[modality];
            var transform = LatentTransform.Fit(
                TransformKind.Standardise, 0, 0, source.Latents, rows, matrices, $"{TrainingData.Name(modality)} latents");
            return new StandardisedSide(source, rows, transform, matrices);
        }
    }

    private static ModelBranch Branch(StandardisedSide side, double[] directions, int components)
    {
        var shape = AdapterShape.Linear(side.Dimension, components);
        var parameters = new float[shape.Length];
        for (var i = 0; i < directions.Length; i++) parameters[i] = (float)directions[i];
        return new ModelBranch(side.Source.Source, side.Transform, shape, parameters);
    }

    private static double[] InverseRoot(double[] covariance, int n, double ridge, CancellationToken cancellationToken)
    {
        var (values, vectors) = SymmetricEigen.Decompose(covariance, n, cancellationToken);
        var scaled = new double[vectors.Length];
        for (var i = 0; i < n; i++)
        {
            var factor = 1 / Math.Sqrt(Math.Max(values[i], 0) + ridge);
            for (var j = 0; j < n; j++) scaled[(i * n) + j] = vectors[(i * n) + j] * factor;
        }

        return Product(Transpose(vectors, n, n), n, n, scaled, n);
    }

    private static (double[] Left, double[] Right) SingularVectors(
        double[] t, int rows, int columns, int kept, CancellationToken cancellationToken)
    {
        var transposed = Transpose(t, rows, columns);
        if (rows > columns)
        {
            var (right, left) = SingularVectors(transposed, columns, rows, kept, cancellationToken);
            return (left, right);
        }

        var (squares, u) = SymmetricEigen.Decompose(Product(t, rows, columns, transposed, rows), rows, cancellationToken);
        var first = u[..(kept * rows)];
        var v = Product(first, kept, rows, t, columns);
        for (var i = 0; i < kept; i++)
        {
            var value = Math.Sqrt(Math.Max(squares[i], 0));
            for (var j = 0; j < columns; j++) v[(i * columns) + j] /= Math.Max(value, 1e-12);
        }

        return (first, v);
    }

    /// <summary>a [m × k] times b [k × n].</summary>
    private static double[] Product(double[] a, int m, int k, double[] b, int n)
    {
        var c = new double[m * n];
        Parallel.For(0, m, i =>
        {
            var row = c.AsSpan(i * n, n);
            for (var p = 0; p < k; p++) SymmetricEigen.AddScaled(row, a[(i * k) + p], b.AsSpan(p * n, n));
        });
        return c;
    }

    private static double[] Transpose(double[] a, int rows, int columns)
    {
        var transposed = new double[a.Length];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++) transposed[(j * rows) + i] = a[(i * columns) + j];
        }

        return transposed;
    }

    /// <summary>The latents of one side of the pairs, one row per pair, each feature with mean 0 and deviation 1.</summary>
    private sealed class StandardisedSide
    {
        private readonly float[] _rows;

        public unsafe StandardisedSide(LatentSource source, int[] rows, LatentTransform transform, ParallelMatrixMultiply matrices)
        {
            (Source, Transform) = (source, transform);
            Dimension = transform.Input;
            var latents = new float[(long)rows.Length * Dimension];
            source.Latents.Gather(rows, latents);
            _rows = new float[latents.Length];
            fixed (float* from = latents, to = _rows) transform.Apply(from, rows.Length, to, matrices);
        }

        public LatentSource Source { get; }

        public LatentTransform Transform { get; }

        public int Dimension { get; }

        public double[] Covariance(ParallelMatrixMultiply matrices) => Covariance(this, matrices);

        public double[] Covariance(StandardisedSide other, ParallelMatrixMultiply matrices)
        {
            var sum = new double[(long)Dimension * other.Dimension];
            LatentTransform.AccumulateProduct(_rows, Dimension, other._rows, other.Dimension, new float[sum.Length], sum, matrices);
            var count = _rows.Length / Dimension;
            for (var i = 0; i < sum.Length; i++) sum[i] /= count;
            return sum;
        }
    }
}
