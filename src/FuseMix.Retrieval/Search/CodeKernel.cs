using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FuseMix.Retrieval.Search;

/// <summary>Integer products of query codes with a tile of 32 rows.</summary>
/// <remarks>
/// A block of 16 rows is stored so that one 64-byte vector holds 4 values of each row and one 32-bit broadcast 4 values of a query: the
/// lanes are rows, nothing is ever added across lanes, and the result is a vector of scores to compare at once. .NET 10 reaches VNNI only
/// on processors that also have its VEX form, so the kernels use vpmaddubsw; <see cref="QueryCodes"/> says why it cannot saturate.
/// </remarks>
internal static unsafe class CodeKernel
{
    /// <summary>What to compute with; all give the same integers.</summary>
    internal enum Kind
    {
        Scalar,
        Avx2,
        Avx512,
    }

    public static Kind Best { get; } = Avx512BW.IsSupported ? Kind.Avx512 : Avx2.IsSupported ? Kind.Avx2 : Kind.Scalar;

    public static bool IsSupported(Kind kind) => kind switch
    {
        Kind.Avx512 => Avx512BW.IsSupported,
        Kind.Avx2 => Avx2.IsSupported,
        _ => true,
    };

    /// <summary>sums[query × 32 + row] = Σ code(query)·byte(row) − offset(query).</summary>
    /// <param name="kind">A supported kernel.</param>
    /// <param name="tile">[32 × stride] bytes.</param>
    /// <param name="queries">[count × stride] codes.</param>
    /// <param name="offsets">[count] what to take off each product.</param>
    /// <param name="count">Number of queries.</param>
    /// <param name="stride">A multiple of 16.</param>
    /// <param name="sums">[count × 32].</param>
    public static void Sums(Kind kind, byte* tile, sbyte* queries, int* offsets, int count, int stride, int* sums)
    {
        switch (kind)
        {
            case Kind.Avx512:
                Sums512(tile, queries, offsets, count, stride, sums);
                break;
            case Kind.Avx2:
                Sums256(tile, queries, offsets, count, stride, sums);
                break;
            default:
                SumsScalar(tile, queries, offsets, count, stride, sums);
                break;
        }
    }

    private static void SumsScalar(byte* tile, sbyte* queries, int* offsets, int count, int stride, int* sums)
    {
        for (var q = 0; q < count; q++)
        {
            var query = queries + ((long)q * stride);
            for (var row = 0; row < 32; row++)
            {
                var block = tile + (row / 16 * 16 * stride) + (row % 16 * 4);
                var sum = -offsets[q];
                for (var i = 0; i < stride; i += 4)
                {
                    var four = block + (i * 16);
                    sum += (query[i] * four[0]) + (query[i + 1] * four[1]) + (query[i + 2] * four[2]) + (query[i + 3] * four[3]);
                }

                sums[(q * 32) + row] = sum;
            }
        }
    }

    private static void Sums512(byte* tile, sbyte* queries, int* offsets, int count, int stride, int* sums)
    {
        var q = 0;
        for (; q + 4 <= count; q += 4) Four512(tile, queries + ((long)q * stride), offsets + q, stride, sums + (q * 32));
        for (; q < count; q++) One512(tile, queries + ((long)q * stride), offsets[q], stride, sums + (q * 32));
    }

    private static void Four512(byte* tile, sbyte* q0, int* offsets, int stride, int* sums)
    {
        var other = tile + (16 * stride);
        var q1 = q0 + stride;
        var q2 = q1 + stride;
        var q3 = q2 + stride;
        var ones = Vector512.Create((short)1);
        var a0 = Vector512.Create(-offsets[0]);
        var b0 = a0;
        var a1 = Vector512.Create(-offsets[1]);
        var b1 = a1;
        var a2 = Vector512.Create(-offsets[2]);
        var b2 = a2;
        var a3 = Vector512.Create(-offsets[3]);
        var b3 = a3;
        for (var i = 0; i < stride; i += 8)
        {
            var rows = tile + (i * 16);
            var more = other + (i * 16);
            var r0 = Vector512.Load(rows);
            var r1 = Vector512.Load(rows + 64);
            var s0 = Vector512.Load(more);
            var s1 = Vector512.Load(more + 64);
            var k0 = Broadcast512(q0 + i);
            var k1 = Broadcast512(q0 + i + 4);
            a0 += Products(r0, r1, k0, k1, ones);
            b0 += Products(s0, s1, k0, k1, ones);
            k0 = Broadcast512(q1 + i);
            k1 = Broadcast512(q1 + i + 4);
            a1 += Products(r0, r1, k0, k1, ones);
            b1 += Products(s0, s1, k0, k1, ones);
            k0 = Broadcast512(q2 + i);
            k1 = Broadcast512(q2 + i + 4);
            a2 += Products(r0, r1, k0, k1, ones);
            b2 += Products(s0, s1, k0, k1, ones);
            k0 = Broadcast512(q3 + i);
            k1 = Broadcast512(q3 + i + 4);
            a3 += Products(r0, r1, k0, k1, ones);
            b3 += Products(s0, s1, k0, k1, ones);
        }

        a0.Store(sums);
        b0.Store(sums + 16);
        a1.Store(sums + 32);
        b1.Store(sums + 48);
        a2.Store(sums + 64);
        b2.Store(sums + 80);
        a3.Store(sums + 96);
        b3.Store(sums + 112);
    }

    // One query streams through memory once; fetching ahead keeps that going across page borders, where the processor's own prefetcher
    // stops.
    private static void One512(byte* tile, sbyte* query, int offset, int stride, int* sums)
    {
        var other = tile + (16 * stride);
        var ahead = tile + (32 * stride);
        var ones = Vector512.Create((short)1);
        var a = Vector512.Create(-offset);
        var b = a;
        for (var i = 0; i < stride; i += 8)
        {
            var rows = tile + (i * 16);
            var more = other + (i * 16);
            Sse.Prefetch0(ahead + (i * 32));
            Sse.Prefetch0(ahead + (i * 32) + 64);
            Sse.Prefetch0(ahead + (i * 32) + 128);
            Sse.Prefetch0(ahead + (i * 32) + 192);
            var k0 = Broadcast512(query + i);
            var k1 = Broadcast512(query + i + 4);
            a += Products(Vector512.Load(rows), Vector512.Load(rows + 64), k0, k1, ones);
            b += Products(Vector512.Load(more), Vector512.Load(more + 64), k0, k1, ones);
        }

        a.Store(sums);
        b.Store(sums + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Broadcast512(sbyte* four) => Vector512.Create(*(int*)four).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Products(
        Vector512<byte> r0, Vector512<byte> r1, Vector512<sbyte> k0, Vector512<sbyte> k1, Vector512<short> ones) =>
        Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(r0, k0) + Avx512BW.MultiplyAddAdjacent(r1, k1), ones);

    private static void Sums256(byte* tile, sbyte* queries, int* offsets, int count, int stride, int* sums)
    {
        // 8 rows at a time: with 16 registers, four queries of sums, two rows and two broadcasts still fit.
        for (var half = 0; half < 4; half++)
        {
            var rows = tile + (half / 2 * 16 * stride) + (half % 2 * 32);
            var q = 0;
            for (; q + 4 <= count; q += 4) Four256(rows, queries + ((long)q * stride), offsets + q, stride, sums + (q * 32) + (half * 8));
            for (; q < count; q++) One256(rows, queries + ((long)q * stride), offsets[q], stride, sums + (q * 32) + (half * 8));
        }
    }

    private static void Four256(byte* rows, sbyte* q0, int* offsets, int stride, int* sums)
    {
        var q1 = q0 + stride;
        var q2 = q1 + stride;
        var q3 = q2 + stride;
        var ones = Vector256.Create((short)1);
        var a0 = Vector256.Create(-offsets[0]);
        var a1 = Vector256.Create(-offsets[1]);
        var a2 = Vector256.Create(-offsets[2]);
        var a3 = Vector256.Create(-offsets[3]);
        for (var i = 0; i < stride; i += 8)
        {
            var r0 = Vector256.Load(rows + (i * 16));
            var r1 = Vector256.Load(rows + (i * 16) + 64);
            a0 += Products(r0, r1, Broadcast256(q0 + i), Broadcast256(q0 + i + 4), ones);
            a1 += Products(r0, r1, Broadcast256(q1 + i), Broadcast256(q1 + i + 4), ones);
            a2 += Products(r0, r1, Broadcast256(q2 + i), Broadcast256(q2 + i + 4), ones);
            a3 += Products(r0, r1, Broadcast256(q3 + i), Broadcast256(q3 + i + 4), ones);
        }

        a0.Store(sums);
        a1.Store(sums + 32);
        a2.Store(sums + 64);
        a3.Store(sums + 96);
    }

    private static void One256(byte* rows, sbyte* query, int offset, int stride, int* sums)
    {
        var ones = Vector256.Create((short)1);
        var a = Vector256.Create(-offset);
        for (var i = 0; i < stride; i += 8)
        {
            a += Products(
                Vector256.Load(rows + (i * 16)),
                Vector256.Load(rows + (i * 16) + 64),
                Broadcast256(query + i),
                Broadcast256(query + i + 4),
                ones);
        }

        a.Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Broadcast256(sbyte* four) => Vector256.Create(*(int*)four).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(
        Vector256<byte> r0, Vector256<byte> r1, Vector256<sbyte> k0, Vector256<sbyte> k1, Vector256<short> ones) =>
        Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(r0, k0) + Avx2.MultiplyAddAdjacent(r1, k1), ones);
}
