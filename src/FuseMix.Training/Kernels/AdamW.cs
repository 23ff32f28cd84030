using System.Runtime.Intrinsics;

namespace FuseMix.Training.Kernels;

/// <summary>The numbers of one AdamW update (Loshchilov and Hutter 2019), the same for every parameter but for the decay.</summary>
/// <param name="Rate">Learning rate of this step.</param>
/// <param name="Decay">Weight decay of what decays.</param>
/// <param name="Beta1">Memory of the mean.</param>
/// <param name="Beta2">Memory of the square.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="Update">Number of this update, from 1.</param>
internal readonly record struct AdamW(double Rate, double Decay, double Beta1, double Beta2, double Epsilon, long Update)
{
    /// <summary>Updates <paramref name="count"/> parameters and both their moments in one pass, and what products read of them (null for
    /// nothing).</summary>
    public unsafe void Apply(
        float* parameters, float* gradients, float* means, float* squares, long count, bool decays, Bf16* operands = null)
    {
        var keep = (float)(decays ? 1 - (Rate * Decay) : 1);
        var step = (float)(Rate / (1 - Math.Pow(Beta1, Update)));
        var rootScale = (float)(1 / Math.Sqrt(1 - Math.Pow(Beta2, Update)));
        var (b1, b2, n1, n2, epsilon) = ((float)Beta1, (float)Beta2, (float)(1 - Beta1), (float)(1 - Beta2), (float)Epsilon);
        long i = 0;
        for (; i + 16 <= count; i += 16)
        {
            var g = Vector512.Load(gradients + i);
            var m = Vector512.FusedMultiplyAdd(g, Vector512.Create(n1), Vector512.Load(means + i) * b1);
            var v = Vector512.FusedMultiplyAdd(g * n2, g, Vector512.Load(squares + i) * b2);
            Vector512.Store(m, means + i);
            Vector512.Store(v, squares + i);
            var root = Vector512.FusedMultiplyAdd(Vector512.Sqrt(v), Vector512.Create(rootScale), Vector512.Create(epsilon));
            var updated = (Vector512.Load(parameters + i) * keep) - (m * step / root);
            Vector512.Store(updated, parameters + i);
            if (operands != null) Bf16.Store(updated, operands + i);
        }

        for (; i < count; i++)
        {
            var g = gradients[i];
            means[i] = (g * n1) + (means[i] * b1);
            squares[i] = (g * n2 * g) + (squares[i] * b2);
            parameters[i] = (parameters[i] * keep) - (means[i] * step / ((MathF.Sqrt(squares[i]) * rootScale) + epsilon));
            if (operands != null) operands[i] = Bf16.Of(parameters[i]);
        }
    }
}
