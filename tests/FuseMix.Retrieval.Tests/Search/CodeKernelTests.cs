using FuseMix.Core.Evaluation;
using FuseMix.Retrieval.Search;
using FuseMix.Testing;

namespace FuseMix.Retrieval.Tests.Search;

public sealed unsafe class CodeKernelTests
{
    public static TheoryData<int, int> Shapes => new()
    {
        { 16, 1 }, { 16, 4 }, { 32, 2 }, { 48, 3 }, { 64, 5 }, { 512, 8 }, { 512, 7 }, { 1024, 1 }, { 2048, 9 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_kernel_gives_the_integers_of_plain_arithmetic(int stride, int count)
    {
        for (var seed = 0; seed < 4; seed++)
        {
            var random = new System.Random((stride * 31) + count + (seed * 997));
            var tile = new byte[32 * stride];
            var codes = new sbyte[count * stride];
            var offsets = new int[count];
            random.NextBytes(tile);
            if (seed == 0) tile.AsSpan().Fill(255);
            for (var q = 0; q < count; q++)
            {
                // Queries as they come out of the coder, and the worst that it may give: 128 in each group of four, all of one sign.
                var query = seed == 0 ? [.. Enumerable.Repeat(q % 2 == 0 ? 1f : -1f, stride)] : Draw.Normal(1, stride, seed + q);
                offsets[q] = QueryCodes.Write(query, codes.AsSpan(q * stride, stride)).Offset;
            }

            var expected = new int[count * 32];
            for (var q = 0; q < count; q++)
            {
                for (var row = 0; row < 32; row++)
                {
                    for (var i = 0; i < stride; i++)
                    {
                        expected[(q * 32) + row] += codes[(q * stride) + i] * (tile[(row / 16 * 16 * stride) + (i / 4 * 64) + (row % 16 * 4) + (i % 4)] - 128);
                    }
                }
            }

            foreach (var kind in Enum.GetValues<CodeKernel.Kind>().Where(CodeKernel.IsSupported))
            {
                var sums = new int[count * 32];
                fixed (byte* t = tile)
                fixed (sbyte* c = codes)
                fixed (int* o = offsets)
                fixed (int* s = sums)
                {
                    CodeKernel.Sums(kind, t, c, o, count, stride, s);
                }

                Assert.True(expected.AsSpan().SequenceEqual(sums), $"{kind}, stride {stride}, {count} queries, seed {seed}");
            }
        }
    }

    [Fact]
    public void No_group_of_four_query_codes_exceeds_what_sixteen_bits_can_hold()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var stride = 16 * (1 + (seed % 5));
            var query = Draw.Normal(1, stride, seed);
            if (seed % 3 == 0) query[seed % stride] *= 40;
            var codes = new sbyte[stride];
            QueryCodes.Write(query, codes);
            for (var i = 0; i < stride; i += 8)
            {
                for (var half = 0; half < 4; half += 2)
                {
                    var sum = new[] { i + half, i + half + 1, i + half + 4, i + half + 5 }.Sum(at => Math.Abs((int)codes[at]));
                    Assert.InRange(sum, 0, 128);
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(300)]
    [InlineData(512)]
    public void The_error_bound_holds_for_every_pair(int dimension)
    {
        var stride = (dimension + 15) & ~15;
        for (var seed = 0; seed < 20; seed++)
        {
            var rows = Draw.UnitRows(32, dimension, seed);

            // Long-tailed rows make the codes coarse; near copies of the query make the score large.
            if (seed % 2 == 0)
            {
                for (var i = 0; i < rows.Length; i++) rows[i] = rows[i] * rows[i] * rows[i];
                Draw.Normalise(rows, dimension);
            }

            var query = new float[stride];
            Draw.UnitRows(1, dimension, seed % 3 == 0 ? seed : seed + 1000).CopyTo(query, 0);
            var factor = MathF.Pow(10, (seed % 7) - 3);
            for (var i = 0; i < stride; i++) query[i] *= factor;

            var tile = new byte[32 * stride];
            Array.Fill(tile, RowCodes.Zero);
            var coded = Enumerable.Range(0, 32).Select(
                row => RowCodes.Write(rows.AsSpan(row * dimension, dimension), tile, row, stride)).ToArray();
            var codes = new sbyte[stride];
            var bound = QueryCodes.Write(query, codes);
            var sums = new int[32];
            var offset = bound.Offset;
            fixed (byte* t = tile)
            fixed (sbyte* c = codes)
            fixed (int* s = sums)
            {
                CodeKernel.Sums(CodeKernel.Kind.Scalar, t, c, &offset, 1, stride, s);
            }

            for (var row = 0; row < 32; row++)
            {
                var padded = new float[stride];
                rows.AsSpan(row * dimension, dimension).CopyTo(padded);
                var exact = DotProduct.Of(query, padded);
                var approximate = sums[row] * (coded[row].Scale * bound.Scale);
                Assert.InRange(Math.Abs(exact - approximate), 0, (coded[row].Error * bound.ErrorFactor) + bound.Slack);
            }
        }
    }

    [Fact]
    public void The_bound_is_tight_enough_to_be_of_use()
    {
        var query = Draw.UnitRows(1, 512, 1);
        var bound = QueryCodes.Write(query, new sbyte[512]);
        var (_, error) = RowCodes.Write(Draw.UnitRows(1, 512, 2), new byte[32 * 512], 0, 512);
        Assert.InRange((error * bound.ErrorFactor) + bound.Slack, 0, 0.03f);
    }
}
