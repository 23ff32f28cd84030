using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FuseMix.Training.Kernels;

/// <summary>Elementary functions on 16 lanes at once.</summary>
internal static class VectorMath
{
    /// <summary>e^x to 2 units in the last place, clamped where fp32 would overflow or lose its exponent (Cephes).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        x = Vector512.Min(Vector512.Max(x, Vector512.Create(-87.3f)), Vector512.Create(88.3f));
        var n = Vector512.Round(x * 1.44269504f);

        // ln 2 in two parts, so that the remainder is exact.
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var power = (Vector512.ConvertToInt32(n) + Vector512.Create(127)) << 23;
        return p * power.AsSingle();
    }

    /// <summary>GELU in its erf form, x·Φ(x), and its derivative Φ(x) + x·φ(x).</summary>
    /// <remarks>Φ by Abramowitz and Stegun 7.1.26: off by at most 7.5e-8, the size of one rounding near 1. One exponential serves
    /// both.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Gelu(Vector512<float> x)
    {
        var one = Vector512<float>.One;
        var density = Exp(x * x * -0.5f);
        var t = one / Vector512.FusedMultiplyAdd(Vector512.Abs(x), Vector512.Create(0.3275911f * 0.70710678f), one);
        var p = Vector512.FusedMultiplyAdd(t, Vector512.Create(0.5f * 1.061405429f), Vector512.Create(0.5f * -1.453152027f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * 1.421413741f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * -0.284496736f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.5f * 0.254829592f));
        var tail = p * t * density;
        var probability = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero), one - tail, tail);
        return (x * probability, Vector512.FusedMultiplyAdd(x * 0.39894228f, density, probability));
    }
}
