namespace FuseMix.Training.Tests.Adapters;

/// <summary>The adapter and the loss in fp64, written for reading rather than speed: the oracle that the fused passes are held
/// against.</summary>
/// <param name="depth">L.</param>
internal sealed class ReferenceAdapter(int depth)
{
    /// <summary>Factor of each hidden value (0, or the inverse of the share kept): [block][row, column]; null for none.</summary>
    public Func<int, int, int, double>? Mask { get; init; }

    /// <summary>Embeds one row. Parameters are in the order of the adapter's layout, without padding.</summary>
    public double[] Embed(IReadOnlyList<double[]> parameters, double[] latent, int row)
    {
        var x = latent;
        for (var block = 0; block < depth; block++)
        {
            var p = block * 6;
            var u = Linear(LayerNorm(x, parameters[p], parameters[p + 1]), parameters[p + 2], parameters[p + 3]);
            var active = u.Select((value, j) => Gelu(value) * (Mask?.Invoke(block, row, j) ?? 1)).ToArray();
            var change = Linear(active, parameters[p + 4], parameters[p + 5]);
            x = x.Select((value, j) => value + change[j]).ToArray();
        }

        var y = Linear(LayerNorm(x, parameters[^4], parameters[^3]), parameters[^2], parameters[^1]);
        var norm = Math.Sqrt(y.Sum(v => v * v));
        return y.Select(v => v / norm).ToArray();
    }

    /// <summary>Symmetric InfoNCE of paired unit rows.</summary>
    public static double Loss(double[][] left, double[][] right, double temperature)
    {
        var n = left.Length;
        var logits = left.Select(a => right.Select(b => a.Zip(b, (x, y) => x * y).Sum() / temperature).ToArray()).ToArray();
        var loss = 0.0;
        for (var i = 0; i < n; i++)
        {
            loss += LogSumExp(logits[i]) - logits[i][i];
            loss += LogSumExp([.. Enumerable.Range(0, n).Select(r => logits[r][i])]) - logits[i][i];
        }

        return loss / (2 * n);
    }

    public static double Gelu(double x) => 0.5 * x * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>erf by its Taylor series, and by the continued fraction of its complement where that converges faster.</summary>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 3)
        {
            var fraction = 0.0;
            for (var k = 60; k >= 1; k--) fraction = k / 2.0 / (Math.Abs(x) + fraction);
            return Math.Sign(x) * (1 - (Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (Math.Abs(x) + fraction)));
        }

        double term = x, sum = x;
        for (var n = 1; n < 80; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    public static double[] LayerNorm(double[] x, double[] gain, double[] offset)
    {
        var mean = x.Average();
        var inverse = 1 / Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + 1e-5);
        return x.Select((v, i) => ((v - mean) * inverse * gain[i]) + offset[i]).ToArray();
    }

    private static double LogSumExp(double[] x)
    {
        var most = x.Max();
        return most + Math.Log(x.Sum(v => Math.Exp(v - most)));
    }

    private static double[] Linear(double[] x, double[] weight, double[] bias) =>
        bias.Select((b, o) => b + x.Select((v, i) => v * weight[(o * x.Length) + i]).Sum()).ToArray();
}
