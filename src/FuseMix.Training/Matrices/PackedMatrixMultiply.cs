using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FuseMix.Training.Matrices;

/// <summary>A matrix product of our own: operands packed into panels (Goto and van de Geijn 2008), a kernel in vector registers.</summary>
/// <remarks>
/// Each value of C is summed over k in one order, whatever part of C a call computes: the result does not depend on how many
/// threads share the work. Lanes: tiles of 8 × 32 with 512-bit vectors, 4 × 16 with narrower ones; operands are padded with zeros
/// to whole tiles, and a tile over the edge of C is computed aside and copied in part.
/// </remarks>
internal sealed unsafe class PackedMatrixMultiply : IMatrixMultiply
{
    private const int DepthBlock = 256;
    private const int RowBlock = 256;

    [ThreadStatic]
    private static Scratch? _scratch;

    private readonly bool _wide;
    private readonly int _tileRows;
    private readonly int _tileColumns;

    public PackedMatrixMultiply()
        : this(Vector512.IsHardwareAccelerated)
    {
    }

    /// <summary>With the tiles of 512-bit vectors, or those of narrower ones.</summary>
    public PackedMatrixMultiply(bool wide) => (_wide, _tileRows, _tileColumns) = wide ? (true, 8, 32) : (false, 4, 16);

    public string Name => _wide ? "own kernel, 512-bit" : "own kernel, 256-bit";

    public void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c,
        int ldc)
    {
        if (m == 0 || n == 0) return;
        var depth = Math.Min(k, DepthBlock);
        var rows = RoundUp(Math.Min(m, RowBlock), _tileRows);
        var scratch = _scratch ??= new Scratch();
        var packedB = scratch.Take(0, depth * RoundUp(n, _tileColumns));
        var packedA = scratch.Take(1, depth * rows);
        var tile = stackalloc float[_tileRows * _tileColumns];
        for (var k0 = 0; k0 < k || k0 == 0; k0 += DepthBlock)
        {
            var kc = Math.Min(k - k0, DepthBlock);
            var keep = k0 == 0 ? beta : 1f;

            // Stored [k × n] or [n × k]; a panel is [k × columns of a tile].
            if (transposeB) PackAcross(b + k0, ldb, n, kc, _tileColumns, packedB);
            else PackAlong(b + ((long)k0 * ldb), ldb, n, kc, _tileColumns, packedB);
            for (var m0 = 0; m0 < m; m0 += RowBlock)
            {
                var mc = Math.Min(m - m0, RowBlock);
                if (transposeA) PackAlong(a + ((long)k0 * lda) + m0, lda, mc, kc, _tileRows, packedA);
                else PackAcross(a + ((long)m0 * lda) + k0, lda, mc, kc, _tileRows, packedA);
                for (var j = 0; j < n; j += _tileColumns)
                {
                    var panelB = packedB + ((long)j * kc);
                    for (var i = 0; i < mc; i += _tileRows)
                    {
                        var panelA = packedA + ((long)i * kc);
                        var target = c + ((long)(m0 + i) * ldc) + j;
                        if (i + _tileRows <= mc && j + _tileColumns <= n)
                        {
                            if (_wide) Tile8X32(kc, panelA, panelB, target, ldc, alpha, keep);
                            else Tile4X16(kc, panelA, panelB, target, ldc, alpha, keep);
                            continue;
                        }

                        if (_wide) Tile8X32(kc, panelA, panelB, tile, _tileColumns, alpha, 0);
                        else Tile4X16(kc, panelA, panelB, tile, _tileColumns, alpha, 0);
                        CopyEdge(tile, target, ldc, Math.Min(mc - i, _tileRows), Math.Min(n - j, _tileColumns), keep);
                    }
                }
            }
        }
    }

    private void CopyEdge(float* tile, float* target, int ldc, int rows, int columns, float keep)
    {
        for (var r = 0; r < rows; r++)
        {
            for (var q = 0; q < columns; q++)
            {
                var value = tile[(r * _tileColumns) + q];
                target[((long)r * ldc) + q] = keep == 0 ? value : (keep * target[((long)r * ldc) + q]) + value;
            }
        }
    }

    /// <summary>Panels from a matrix stored [k × length]: rows of a panel lie together already.</summary>
    private static void PackAlong(float* source, int stride, int length, int k, int width, float* panels)
    {
        for (var start = 0; start < length; start += width)
        {
            var count = Math.Min(width, length - start);
            for (var p = 0; p < k; p++)
            {
                var from = source + ((long)p * stride) + start;
                if (count == width)
                {
                    for (var i = 0; i < width; i += 4) Vector128.Store(Vector128.Load(from + i), panels + i);
                }
                else
                {
                    for (var i = 0; i < width; i++) panels[i] = i < count ? from[i] : 0;
                }

                panels += width;
            }
        }
    }

    /// <summary>Panels from a matrix stored [length × k]: transposed in squares of four.</summary>
    private static void PackAcross(float* source, int stride, int length, int k, int width, float* panels)
    {
        for (var start = 0; start < length; start += width)
        {
            var count = Math.Min(width, length - start);
            var p = 0;
            if (count == width && Sse.IsSupported)
            {
                for (; p + 4 <= k; p += 4)
                {
                    var to = panels + ((long)p * width);
                    for (var i = 0; i < width; i += 4)
                    {
                        var from = source + ((long)(start + i) * stride) + p;
                        var r0 = Vector128.Load(from);
                        var r1 = Vector128.Load(from + stride);
                        var r2 = Vector128.Load(from + (2L * stride));
                        var r3 = Vector128.Load(from + (3L * stride));
                        var t0 = Sse.UnpackLow(r0, r1);
                        var t1 = Sse.UnpackLow(r2, r3);
                        var t2 = Sse.UnpackHigh(r0, r1);
                        var t3 = Sse.UnpackHigh(r2, r3);
                        Vector128.Store(Sse.MoveLowToHigh(t0, t1), to + i);
                        Vector128.Store(Sse.MoveHighToLow(t1, t0), to + width + i);
                        Vector128.Store(Sse.MoveLowToHigh(t2, t3), to + (2 * width) + i);
                        Vector128.Store(Sse.MoveHighToLow(t3, t2), to + (3 * width) + i);
                    }
                }
            }

            for (; p < k; p++)
            {
                var to = panels + ((long)p * width);
                for (var i = 0; i < width; i++) to[i] = i < count ? source[((long)(start + i) * stride) + p] : 0;
            }

            panels += (long)k * width;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8X32(int k, float* a, float* b, float* c, int ldc, float alpha, float keep)
    {
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default,
        c31 = default;
        Vector512<float> c40 = default, c41 = default, c50 = default, c51 = default, c60 = default, c61 = default, c70 = default,
        c71 = default;
        for (var p = 0; p < k; p++)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(a[0]);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[1]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[2]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[3]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(a[4]);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a[5]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a[6]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a[7]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
            a += 8;
            b += 32;
        }

        Finish(c00, c01, c, alpha, keep);
        Finish(c10, c11, c + ldc, alpha, keep);
        Finish(c20, c21, c + (2L * ldc), alpha, keep);
        Finish(c30, c31, c + (3L * ldc), alpha, keep);
        Finish(c40, c41, c + (4L * ldc), alpha, keep);
        Finish(c50, c51, c + (5L * ldc), alpha, keep);
        Finish(c60, c61, c + (6L * ldc), alpha, keep);
        Finish(c70, c71, c + (7L * ldc), alpha, keep);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector512<float> left, Vector512<float> right, float* row, float alpha, float keep)
    {
        left *= alpha;
        right *= alpha;
        if (keep != 0)
        {
            var factor = Vector512.Create(keep);
            left = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row), left);
            right = Vector512.FusedMultiplyAdd(factor, Vector512.Load(row + 16), right);
        }

        Vector512.Store(left, row);
        Vector512.Store(right, row + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4X16(int k, float* a, float* b, float* c, int ldc, float alpha, float keep)
    {
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default,
        c31 = default;
        for (var p = 0; p < k; p++)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            var x = Vector256.Create(a[0]);
            c00 = Vector256.FusedMultiplyAdd(x, b0, c00);
            c01 = Vector256.FusedMultiplyAdd(x, b1, c01);
            x = Vector256.Create(a[1]);
            c10 = Vector256.FusedMultiplyAdd(x, b0, c10);
            c11 = Vector256.FusedMultiplyAdd(x, b1, c11);
            x = Vector256.Create(a[2]);
            c20 = Vector256.FusedMultiplyAdd(x, b0, c20);
            c21 = Vector256.FusedMultiplyAdd(x, b1, c21);
            x = Vector256.Create(a[3]);
            c30 = Vector256.FusedMultiplyAdd(x, b0, c30);
            c31 = Vector256.FusedMultiplyAdd(x, b1, c31);
            a += 4;
            b += 16;
        }

        Finish(c00, c01, c, alpha, keep);
        Finish(c10, c11, c + ldc, alpha, keep);
        Finish(c20, c21, c + (2L * ldc), alpha, keep);
        Finish(c30, c31, c + (3L * ldc), alpha, keep);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Vector256<float> left, Vector256<float> right, float* row, float alpha, float keep)
    {
        left *= alpha;
        right *= alpha;
        if (keep != 0)
        {
            var factor = Vector256.Create(keep);
            left = Vector256.FusedMultiplyAdd(factor, Vector256.Load(row), left);
            right = Vector256.FusedMultiplyAdd(factor, Vector256.Load(row + 8), right);
        }

        Vector256.Store(left, row);
        Vector256.Store(right, row + 8);
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Panels of one thread, kept from call to call.</summary>
    private sealed class Scratch
    {
        private readonly float*[] _memory = new float*[2];
        private readonly int[] _length = new int[2];

        ~Scratch()
        {
            foreach (var memory in _memory) NativeMemory.AlignedFree(memory);
        }

        public float* Take(int slot, int length)
        {
            if (_length[slot] < length)
            {
                NativeMemory.AlignedFree(_memory[slot]);
                _memory[slot] = (float*)NativeMemory.AlignedAlloc((nuint)length * sizeof(float), 64);
                _length[slot] = length;
            }

            return _memory[slot];
        }
    }
}
