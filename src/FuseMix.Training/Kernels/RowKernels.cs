using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FuseMix.Training.Kernels;

/// <summary>What is done to a single row between two matrix products. Lanes of 16, the rest one by one.</summary>
internal static unsafe class RowKernels
{
    /// <summary>PyTorch's default for LayerNorm.</summary>
    public const float LayerNormEpsilon = 1e-5f;

    private const int Lanes = 16;

    /// <summary>h ← γ·(x - mean)/deviation + β; returns both for the backward pass.</summary>
    /// <param name="x">[width].</param>
    /// <param name="gain">γ, [width].</param>
    /// <param name="offset">β, [width].</param>
    /// <param name="h">[width].</param>
    /// <param name="width">At least 1.</param>
    public static (float Mean, float InverseDeviation) LayerNorm<T>(float* x, float* gain, float* offset, T* h, int width)
        where T : unmanaged, IOperand<T>
    {
        var sum = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) sum += Vector512.Load(x + i);
        var total = Vector512.Sum(sum);
        for (; i < width; i++) total += x[i];
        var mean = total / width;

        var squares = Vector512<float>.Zero;
        var m = Vector512.Create(mean);
        for (i = 0; i + Lanes <= width; i += Lanes)
        {
            var d = Vector512.Load(x + i) - m;
            squares = Vector512.FusedMultiplyAdd(d, d, squares);
        }

        total = Vector512.Sum(squares);
        for (; i < width; i++) total += (x[i] - mean) * (x[i] - mean);
        var inverse = 1 / MathF.Sqrt((total / width) + LayerNormEpsilon);

        var s = Vector512.Create(inverse);
        for (i = 0; i + Lanes <= width; i += Lanes)
        {
            var normal = (Vector512.Load(x + i) - m) * s;
            T.Store(Vector512.FusedMultiplyAdd(normal, Vector512.Load(gain + i), Vector512.Load(offset + i)), h + i);
        }

        for (; i < width; i++) h[i] = T.Of(((x[i] - mean) * inverse * gain[i]) + offset[i]);
        return (mean, inverse);
    }

    /// <summary>dx ← dx·<paramref name="keep"/> + the gradient of LayerNorm with respect to its input.</summary>
    /// <param name="dh">Gradient of the output, [width].</param>
    /// <param name="x">The input, [width].</param>
    /// <param name="gain">γ, [width].</param>
    /// <param name="mean">As the forward pass returned it.</param>
    /// <param name="inverse">As the forward pass returned it.</param>
    /// <param name="keep">1 where the residual's gradient is in <paramref name="dx"/> already, 0 where it holds nothing.</param>
    /// <param name="dx">[width].</param>
    /// <param name="width">At least 1.</param>
    public static void LayerNormBackward(float* dh, float* x, float* gain, float mean, float inverse, float keep, float* dx, int width)
    {
        var m = Vector512.Create(mean);
        var s = Vector512.Create(inverse);
        Vector512<float> sum = default, dot = default;
        var i = 0;
        for (; i + Lanes <= width; i += Lanes)
        {
            var d = Vector512.Load(dh + i) * Vector512.Load(gain + i);
            sum += d;
            dot = Vector512.FusedMultiplyAdd(d, (Vector512.Load(x + i) - m) * s, dot);
        }

        var meanOfD = Vector512.Sum(sum);
        var meanOfDot = Vector512.Sum(dot);
        for (; i < width; i++)
        {
            var d = dh[i] * gain[i];
            meanOfD += d;
            meanOfDot += d * (x[i] - mean) * inverse;
        }

        meanOfD /= width;
        meanOfDot /= width;
        var a = Vector512.Create(meanOfD);
        var b = Vector512.Create(meanOfDot);
        for (i = 0; i + Lanes <= width; i += Lanes)
        {
            var normal = (Vector512.Load(x + i) - m) * s;
            var gradient = ((Vector512.Load(dh + i) * Vector512.Load(gain + i)) - a - (normal * b)) * s;
            Vector512.Store(keep == 0 ? gradient : Vector512.Load(dx + i) + gradient, dx + i);
        }

        for (; i < width; i++)
        {
            var gradient = ((dh[i] * gain[i]) - meanOfD - ((x[i] - mean) * inverse * meanOfDot)) * inverse;
            dx[i] = keep == 0 ? gradient : dx[i] + gradient;
        }
    }

    /// <summary>sum ← a + b.</summary>
    public static void Add(float* a, float* b, float* sum, int width)
    {
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) Vector512.Store(Vector512.Load(a + i) + Vector512.Load(b + i), sum + i);
        for (; i < width; i++) sum[i] = a[i] + b[i];
    }

    /// <summary>a ← a - b.</summary>
    public static void SubtractFrom(float* a, float* b, int width)
    {
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) Vector512.Store(Vector512.Load(a + i) - Vector512.Load(b + i), a + i);
        for (; i < width; i++) a[i] -= b[i];
    }

    /// <summary>a ← keep·a + (1 - keep)·b.</summary>
    public static void MoveTowards(float* a, float* b, float keep, int width)
    {
        var (k, rest) = (Vector512.Create(keep), Vector512.Create(1 - keep));
        var i = 0;
        for (; i + Lanes <= width; i += Lanes)
            Vector512.Store(Vector512.FusedMultiplyAdd(Vector512.Load(a + i), k, Vector512.Load(b + i) * rest), a + i);
        for (; i < width; i++) a[i] = MathF.FusedMultiplyAdd(a[i], keep, b[i] * (1 - keep));
    }

    /// <summary>a ← a·b.</summary>
    public static void MultiplyInto<T>(T* a, T* b, int width)
        where T : unmanaged, IOperand<T>
    {
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) T.Store(T.Load(a + i) * T.Load(b + i), a + i);
        for (; i < width; i++) a[i] = T.Of(T.Read(a[i]) * T.Read(b[i]));
    }

    /// <summary>to ← from, rounded as the operand is stored.</summary>
    public static void Round<T>(float* from, T* to, long count)
        where T : unmanaged, IOperand<T>
    {
        long i = 0;
        for (; i + Lanes <= count; i += Lanes) T.Store(Vector512.Load(from + i), to + i);
        for (; i < count; i++) to[i] = T.Of(from[i]);
    }

    /// <summary>
    /// The hidden layer after its product: adds the bias, applies GELU and dropout, and leaves in <paramref name="u"/> the factor that the
    /// backward pass needs, so that neither the exponential nor the mask is computed twice.
    /// </summary>
    /// <param name="u">In: the product; out: d activation / d (product + bias), [width].</param>
    /// <param name="bias">[width].</param>
    /// <param name="activation">[width].</param>
    /// <param name="mask">Which values are dropped.</param>
    /// <param name="row">The row, for the mask.</param>
    /// <param name="width">At least 1.</param>
    [SkipLocalsInit]
    public static void BiasGeluDropout<T>(T* u, float* bias, T* activation, in DropoutMask mask, int row, int width)
        where T : unmanaged, IOperand<T>
    {
        var factors = stackalloc float[DropoutMask.Group];
        for (var start = 0; start < width; start += DropoutMask.Group)
        {
            if (mask.Drops) mask.Fill(row, start / DropoutMask.Group, width, factors);
            var count = Math.Min(DropoutMask.Group, width - start);
            var i = 0;
            for (; i + Lanes <= count; i += Lanes)
            {
                var (value, slope) = VectorMath.Gelu(T.Load(u + start + i) + Vector512.Load(bias + start + i));
                if (mask.Drops)
                {
                    var factor = Vector512.Load(factors + i);
                    value *= factor;
                    slope *= factor;
                }

                T.Store(value, activation + start + i);
                T.Store(slope, u + start + i);
            }

            for (; i < count; i++)
            {
                var (value, slope) = VectorMath.Gelu(Vector512.Create(T.Read(u[start + i]) + bias[start + i]));
                var factor = mask.Drops ? factors[i] : 1;
                activation[start + i] = T.Of(value[0] * factor);
                u[start + i] = T.Of(slope[0] * factor);
            }
        }
    }

    /// <summary>z ← y/‖y‖ (a zero row stays zero, as with PyTorch's normalize); returns ‖y‖, at least 1e-12.</summary>
    public static float Normalise(float* y, float* z, int width)
    {
        var norm = MathF.Max(MathF.Sqrt(Dot(y, y, width)), 1e-12f);
        var inverse = 1 / norm;
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) Vector512.Store(Vector512.Load(y + i) * inverse, z + i);
        for (; i < width; i++) z[i] = y[i] * inverse;
        return norm;
    }

    /// <summary>dz ← (dz - z·(z·dz))/norm: the gradient of the normalisation, in place.</summary>
    public static void NormaliseBackward(float* dz, float* z, float norm, int width)
    {
        var along = Dot(z, dz, width);
        var inverse = 1 / norm;
        var a = Vector512.Create(-along);
        var i = 0;
        for (; i + Lanes <= width; i += Lanes)
        {
            Vector512.Store(Vector512.FusedMultiplyAdd(a, Vector512.Load(z + i), Vector512.Load(dz + i)) * inverse, dz + i);
        }

        for (; i < width; i++) dz[i] = (dz[i] - (along * z[i])) * inverse;
    }

    /// <summary>a·b.</summary>
    public static float Dot(float* a, float* b, int width)
    {
        var sum = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum);
        var total = Vector512.Sum(sum);
        for (; i < width; i++) total += a[i] * b[i];
        return total;
    }

    /// <summary>log Σ exp of a row.</summary>
    public static float LogSumExp(float* x, int width)
    {
        var largest = float.NegativeInfinity;
        for (var j = 0; j < width; j++) largest = MathF.Max(largest, x[j]);
        var m = Vector512.Create(largest);
        var sum = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= width; i += Lanes) sum += VectorMath.Exp(Vector512.Load(x + i) - m);
        var total = Vector512.Sum(sum);
        for (; i < width; i++) total += MathF.Exp(x[i] - largest);
        return largest + MathF.Log(total);
    }

    /// <summary>A row of logits becomes the gradient of the symmetric loss with respect to it; returns Σ gradient·logit.</summary>
    /// <param name="logits">[count].</param>
    /// <param name="rowSum">log Σ exp of this row.</param>
    /// <param name="columnSums">log Σ exp of each column, [count].</param>
    /// <param name="row">The column of the right answer.</param>
    /// <param name="count">Pairs of the batch.</param>
    public static float ContrastiveGradient(float* logits, float rowSum, float* columnSums, int row, int count)
    {
        var scale = 0.5f / count;
        var own = logits[row];
        var sum = Vector512.Create(rowSum);
        var dot = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= count; i += Lanes)
        {
            var s = Vector512.Load(logits + i);
            var gradient = (VectorMath.Exp(s - sum) + VectorMath.Exp(s - Vector512.Load(columnSums + i))) * scale;
            dot = Vector512.FusedMultiplyAdd(gradient, s, dot);
            Vector512.Store(gradient, logits + i);
        }

        var total = Vector512.Sum(dot);
        for (; i < count; i++)
        {
            var s = logits[i];
            var gradient = (MathF.Exp(s - rowSum) + MathF.Exp(s - columnSums[i])) * scale;
            total += gradient * s;
            logits[i] = gradient;
        }

        logits[row] -= 2 * scale;
        return total - (2 * scale * own);
    }
}
