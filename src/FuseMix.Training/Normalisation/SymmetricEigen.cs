using System.Runtime.Intrinsics;

namespace FuseMix.Training.Normalisation;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix in fp64: Householder's tridiagonal form, then implicit QL.</summary>
/// <remarks>
/// Vectors are kept as rows, so that each rotation touches two runs of memory; an 816 x 816 covariance takes about a second.
/// Single-threaded and free of library differences: the same matrix gives the same bits everywhere with the same vector width.
/// </remarks>
internal static class SymmetricEigen
{
    private const int MostIterations = 60;

    /// <summary>Decomposes a matrix.</summary>
    /// <param name="matrix">[n × n], symmetric; destroyed.</param>
    /// <param name="n">Size.</param>
    /// <param name="cancellationToken">Stops between two rows.</param>
    /// <returns>
    /// Eigenvalues, largest first, and eigenvectors as rows [n × n] in that order, of unit length, their value of the largest
    /// magnitude positive.
    /// </returns>
    public static (double[] Values, double[] Vectors) Decompose(double[] matrix, int n, CancellationToken cancellationToken = default)
    {
        if (matrix.Length != (long)n * n) throw new ArgumentException($"{matrix.Length} values are no {n} x {n} matrix.", nameof(matrix));
        var diagonal = new double[n];
        var beside = new double[n];
        var rows = new double[(long)n * n];
        for (var i = 0; i < n; i++) rows[((long)i * n) + i] = 1;
        Tridiagonalise(matrix, n, diagonal, beside, rows, cancellationToken);
        ImplicitQl(diagonal, beside, rows, n, cancellationToken);

        var order = Enumerable.Range(0, n).OrderByDescending(i => diagonal[i]).ThenBy(i => i).ToArray();
        var values = new double[n];
        var vectors = new double[(long)n * n];
        for (var i = 0; i < n; i++)
        {
            values[i] = diagonal[order[i]];
            var row = rows.AsSpan(order[i] * n, n);
            var peak = 0;
            for (var j = 1; j < n; j++)
            {
                if (Math.Abs(row[j]) > Math.Abs(row[peak]) * (1 + 1e-9)) peak = j;
            }

            var sign = row[peak] < 0 ? -1 : 1;
            for (var j = 0; j < n; j++) vectors[((long)i * n) + j] = sign * row[j];
        }

        return (values, vectors);
    }

    /// <summary>A ← H…H·A·H…H, and <paramref name="rows"/> ← the product of all H, transposed.</summary>
    private static void Tridiagonalise(
        double[] a, int n, double[] diagonal, double[] beside, double[] rows, CancellationToken cancellationToken)
    {
        var v = new double[n];
        var p = new double[n];
        var reflectors = new List<(int Start, double[] Vector)>();
        for (var k = 0; k < n - 2; k++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // The row is the column, by symmetry.
            var tail = a.AsSpan((k * n) + k + 1, n - k - 1);
            var scale = 0.0;
            foreach (var value in tail) scale = Math.Max(scale, Math.Abs(value));
            beside[k] = tail[0];
            if (scale == 0 || MaxAbs(tail[1..]) <= 1e-300) continue;

            var x = v.AsSpan(0, tail.Length);
            tail.CopyTo(x);
            var norm = Math.Sqrt(Dot(x, x));
            var alpha = x[0] > 0 ? -norm : norm;
            x[0] -= alpha;
            var length = Dot(x, x);
            var inverse = 1 / Math.Sqrt(length);
            for (var i = 0; i < x.Length; i++) x[i] *= inverse;
            beside[k] = alpha;

            // A ← A - v·wᵀ - w·vᵀ with w = 2(A·v - (vᵀA·v)·v), for unit v.
            var w = p.AsSpan(0, x.Length);
            for (var i = 0; i < x.Length; i++) w[i] = Dot(a.AsSpan(((k + 1 + i) * n) + k + 1, x.Length), x);
            var along = Dot(w, x);
            for (var i = 0; i < x.Length; i++) w[i] = 2 * (w[i] - (along * x[i]));
            for (var i = 0; i < x.Length; i++) SubtractTwo(a.AsSpan(((k + 1 + i) * n) + k + 1, x.Length), x[i], w, w[i], x);
            reflectors.Add((k + 1, x.ToArray()));
        }

        for (var i = 0; i < n; i++) diagonal[i] = a[(i * n) + i];
        if (n > 1) beside[n - 2] = a[((n - 2) * n) + n - 1];

        // Q = H₁H₂…, kept transposed: rows ← …H₂H₁, built from the last, so that it grows from the corner.
        for (var r = reflectors.Count - 1; r >= 0; r--)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (start, x) = reflectors[r];
            for (var i = start; i < n; i++)
            {
                var row = rows.AsSpan((i * n) + start, n - start);
                AddScaled(row, -2 * Dot(row, x), x);
            }
        }
    }

    /// <summary>Implicit QL with Wilkinson's shift (Golub and Van Loan, 8.3); rotations act on two rows.</summary>
    private static void ImplicitQl(double[] d, double[] e, double[] rows, int n, CancellationToken cancellationToken)
    {
        for (var l = 0; l < n; l++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var iteration = 0; ; iteration++)
            {
                var m = l;
                for (; m < n - 1; m++)
                {
                    var size = Math.Abs(d[m]) + Math.Abs(d[m + 1]);
                    if (Math.Abs(e[m]) <= double.Epsilon + (size * 1.2e-16)) break;
                }

                if (m == l) break;
                if (iteration == MostIterations) throw new InvalidOperationException("The eigenvalues did not converge.");
                var g = (d[l + 1] - d[l]) / (2 * e[l]);
                var r = double.Hypot(g, 1);
                g = d[m] - d[l] + (e[l] / (g + Math.CopySign(r, g)));
                double s = 1, c = 1, p = 0;
                var i = m - 1;
                for (; i >= l; i--)
                {
                    var f = s * e[i];
                    var b = c * e[i];
                    r = double.Hypot(f, g);
                    e[i + 1] = r;
                    if (r == 0)
                    {
                        d[i + 1] -= p;
                        e[m] = 0;
                        break;
                    }

                    s = f / r;
                    c = g / r;
                    g = d[i + 1] - p;
                    r = ((d[i] - g) * s) + (2 * c * b);
                    p = s * r;
                    d[i + 1] = g + p;
                    g = (c * r) - b;
                    Rotate(rows.AsSpan(i * n, n), rows.AsSpan((i + 1) * n, n), s, c);
                }

                if (r == 0 && i >= l) continue;
                d[l] -= p;
                e[l] = g;
                e[m] = 0;
            }
        }
    }

    private static void Rotate(Span<double> low, Span<double> high, double s, double c)
    {
        var i = 0;
        for (; i + 8 <= low.Length; i += 8)
        {
            var a = Vector512.Create<double>(low[i..]);
            var b = Vector512.Create<double>(high[i..]);
            ((a * s) + (b * c)).CopyTo(high[i..]);
            ((a * c) - (b * s)).CopyTo(low[i..]);
        }

        for (; i < low.Length; i++) (low[i], high[i]) = ((c * low[i]) - (s * high[i]), (s * low[i]) + (c * high[i]));
    }

    private static double MaxAbs(ReadOnlySpan<double> values)
    {
        var most = 0.0;
        foreach (var value in values) most = Math.Max(most, Math.Abs(value));
        return most;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = Vector512<double>.Zero;
        var i = 0;
        for (; i + 8 <= a.Length; i += 8) sum += Vector512.Create(a[i..]) * Vector512.Create(b[i..]);
        var total = Vector512.Sum(sum);
        for (; i < a.Length; i++) total += a[i] * b[i];
        return total;
    }

    internal static void AddScaled(Span<double> target, double factor, ReadOnlySpan<double> x)
    {
        var i = 0;
        for (; i + 8 <= target.Length; i += 8)
            (Vector512.Create<double>(target[i..]) + (Vector512.Create(x[i..]) * factor)).CopyTo(target[i..]);
        for (; i < target.Length; i++) target[i] += factor * x[i];
    }

    private static void SubtractTwo(Span<double> target, double a, ReadOnlySpan<double> x, double b, ReadOnlySpan<double> y)
    {
        var i = 0;
        for (; i + 8 <= target.Length; i += 8)
        {
            (Vector512.Create<double>(target[i..]) - (Vector512.Create(x[i..]) * a) - (Vector512.Create(y[i..]) * b)).CopyTo(target[i..]);
        }

        for (; i < target.Length; i++) target[i] -= (a * x[i]) + (b * y[i]);
    }
}
