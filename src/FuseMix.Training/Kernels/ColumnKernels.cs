using System.Runtime.Intrinsics;

namespace FuseMix.Training.Kernels;

/// <summary>Sums over the rows of a batch, for a range of columns: each column in the order of the rows, whatever the threads do.</summary>
internal static unsafe class ColumnKernels
{
    /// <summary>Columns that one part of a shared loop takes: four cache lines a row.</summary>
    public const int Part = 64;

    private const int Lanes = 16;

    /// <summary>total[j] ← total[j]·<paramref name="keep"/> + Σ over rows of x[row, j], for j from <paramref name="from"/> to
    /// <paramref name="to"/>-1.</summary>
    public static void Sum<T>(T* x, int rows, int width, int from, int to, float keep, float* total)
        where T : unmanaged, IOperand<T>
    {
        var j = from;
        for (; j + Lanes <= to; j += Lanes)
        {
            var sum = Vector512<float>.Zero;
            for (var r = 0; r < rows; r++) sum += T.Load(x + ((long)r * width) + j);
            Vector512.Store(keep == 0 ? sum : sum + Vector512.Load(total + j), total + j);
        }

        for (; j < to; j++)
        {
            var sum = 0f;
            for (var r = 0; r < rows; r++) sum += T.Read(x[((long)r * width) + j]);
            total[j] = keep == 0 ? sum : sum + total[j];
        }
    }

    /// <summary>The gradients of LayerNorm's γ and β for a range of columns.</summary>
    /// <param name="dh">Gradient of the output, [rows × width].</param>
    /// <param name="x">The input, [rows × width].</param>
    /// <param name="statistics">Mean and inverse deviation of each row, [rows × 2].</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="width">Columns.</param>
    /// <param name="from">First column.</param>
    /// <param name="to">One past the last column.</param>
    /// <param name="keep">1 to add to what is there, 0 to replace it.</param>
    /// <param name="gain">Gradient of γ, [width].</param>
    /// <param name="offset">Gradient of β, [width].</param>
    public static void LayerNormGradients(
        float* dh, float* x, float* statistics, int rows, int width, int from, int to, float keep, float* gain, float* offset)
    {
        var j = from;
        for (; j + Lanes <= to; j += Lanes)
        {
            Vector512<float> gains = default, offsets = default;
            for (var r = 0; r < rows; r++)
            {
                var d = Vector512.Load(dh + ((long)r * width) + j);
                var normal = (Vector512.Load(x + ((long)r * width) + j) - Vector512.Create(statistics[2 * r])) * statistics[(2 * r) + 1];
                gains = Vector512.FusedMultiplyAdd(d, normal, gains);
                offsets += d;
            }

            Vector512.Store(keep == 0 ? gains : gains + Vector512.Load(gain + j), gain + j);
            Vector512.Store(keep == 0 ? offsets : offsets + Vector512.Load(offset + j), offset + j);
        }

        for (; j < to; j++)
        {
            float gains = 0, offsets = 0;
            for (var r = 0; r < rows; r++)
            {
                var d = dh[((long)r * width) + j];
                gains += d * (x[((long)r * width) + j] - statistics[2 * r]) * statistics[(2 * r) + 1];
                offsets += d;
            }

            gain[j] = keep == 0 ? gains : gains + gain[j];
            offset[j] = keep == 0 ? offsets : offsets + offset[j];
        }
    }

    /// <summary>log Σ exp over the rows, for a range of columns.</summary>
    public static void LogSumExp(float* x, int rows, int width, int from, int to, float* result)
    {
        var j = from;
        for (; j + Lanes <= to; j += Lanes)
        {
            var largest = Vector512.Create(float.NegativeInfinity);
            for (var r = 0; r < rows; r++) largest = Vector512.Max(largest, Vector512.Load(x + ((long)r * width) + j));
            var sum = Vector512<float>.Zero;
            for (var r = 0; r < rows; r++) sum += VectorMath.Exp(Vector512.Load(x + ((long)r * width) + j) - largest);
            for (var lane = 0; lane < Lanes; lane++) result[j + lane] = largest[lane] + MathF.Log(sum[lane]);
        }

        for (; j < to; j++)
        {
            var largest = float.NegativeInfinity;
            for (var r = 0; r < rows; r++) largest = MathF.Max(largest, x[((long)r * width) + j]);
            var sum = 0f;
            for (var r = 0; r < rows; r++) sum += MathF.Exp(x[((long)r * width) + j] - largest);
            result[j] = largest + MathF.Log(sum);
        }
    }
}
