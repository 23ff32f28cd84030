using System.Runtime.Intrinsics;

namespace FuseMix.Training.Kernels;

/// <summary>What the sigmoid loss does to a row of logits. Lanes of 16, the rest one by one.</summary>
internal static unsafe class SigmoidKernels
{
    /// <summary>A logit that adds nothing to the loss and has no gradient.</summary>
    public const float Nothing = -1e4f;

    private const int Lanes = 16;

    /// <summary>1/(1 + e^-x).</summary>
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>log(1 + e^x).</summary>
    public static double SoftPlus(double x) => Math.Max(x, 0) + double.LogP1(Math.Exp(-Math.Abs(x)));

    /// <summary>A row of logits of negatives becomes the gradient of the loss with respect to it.</summary>
    /// <param name="logits">[count], without the bias.</param>
    /// <param name="bias">Added to each.</param>
    /// <param name="scale">Of the gradient.</param>
    /// <param name="count">Number of logits.</param>
    /// <returns>Σ log(1 + exp(logit + bias)), Σ gradient·logit, Σ gradient.</returns>
    public static (double Loss, double Slope, double Sum) Gradient(float* logits, float bias, float scale, int count)
    {
        Vector512<float> losses = default, slopes = default, sums = default;
        var one = Vector512<float>.One;
        var i = 0;
        for (; i + Lanes <= count; i += Lanes)
        {
            var s = Vector512.Load(logits + i);
            var x = s + Vector512.Create(bias);
            var e = VectorMath.Exp(-Vector512.Abs(x));
            losses += Vector512.Max(x, Vector512<float>.Zero) + LogOnePlus(e);
            var sigmoid = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero), one, e) / (one + e);
            var gradient = sigmoid * scale;
            slopes = Vector512.FusedMultiplyAdd(gradient, s, slopes);
            sums += gradient;
            Vector512.Store(gradient, logits + i);
        }

        double loss = Vector512.Sum(losses), slope = Vector512.Sum(slopes), sum = Vector512.Sum(sums);
        for (; i < count; i++)
        {
            var s = logits[i];
            var gradient = Sigmoid(s + bias) * scale;
            loss += SoftPlus(s + bias);
            slope += gradient * s;
            sum += gradient;
            logits[i] = (float)gradient;
        }

        return (loss, slope, sum);
    }

    /// <summary>log(1 + e) for e in 0..1, to a few roundings however small: 2·artanh(e/(2 + e)) by its series.</summary>
    private static Vector512<float> LogOnePlus(Vector512<float> e)
    {
        var z = e / (e + Vector512.Create(2f));
        var square = z * z;
        var p = Vector512.Create(2f / 15);
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f / 13));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f / 11));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f / 9));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f / 7));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f / 5));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f / 3));
        return Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f)) * z;
    }
}
