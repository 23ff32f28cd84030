using FuseMix.Testing;

namespace FuseMix.Core.Tests.Testing;

/// <summary>A fuzz test is worth what its mutations are worth.</summary>
public sealed class MutationsTests
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 2000).Select(i => (byte)(i * 37))];

    [Fact]
    public void The_same_seed_gives_the_same_variants_and_another_seed_others()
    {
        var first = Mutations.Of(Content, 1, 200).ToArray();
        Assert.Equal(first, Mutations.Of(Content, 1, 200));
        Assert.DoesNotContain(
            Mutations.Of(Content, 2, 50), variant => variant.Length != 2000 && first.Any(f => f.AsSpan().SequenceEqual(variant)));
    }

    [Fact]
    public void Variants_differ_are_longer_shorter_and_as_long_and_leave_the_original_alone()
    {
        var copy = Content.ToArray();
        var variants = Mutations.Of(Content, 1, 1000).ToArray();
        Assert.InRange(variants.Count(v => !v.AsSpan().SequenceEqual(Content)), 900, 1000);
        Assert.InRange(variants.Count(v => v.Length < 2000), 100, 800);
        Assert.InRange(variants.Count(v => v.Length > 2000), 100, 800);
        Assert.InRange(variants.Count(v => v.Length == 2000), 100, 800);
        Assert.Equal(copy, Content);
        Assert.Equal(20, Mutations.Of([], 1, 20).Count());
    }

    [Fact]
    public void Drawn_unit_rows_have_unit_length_and_repeat()
    {
        var rows = Draw.UnitRows(20, 33, 4);
        Assert.Equal(rows, Draw.UnitRows(20, 33, 4));
        Assert.All(rows.Chunk(33), row => Assert.Equal(1, Math.Sqrt(row.Sum(v => (double)v * v)), 5));
        Assert.All(Draw.Clustered(20, 33, 3, 0.2f, 1).Chunk(33), row => Assert.Equal(1, Math.Sqrt(row.Sum(v => (double)v * v)), 5));
    }
}
