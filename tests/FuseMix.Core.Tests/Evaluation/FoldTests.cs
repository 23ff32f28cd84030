using FuseMix.Core.Evaluation;

namespace FuseMix.Core.Tests.Evaluation;

public sealed class FoldTests
{
    [Fact]
    public void A_fold_reads_as_it_is_written()
    {
        var fold = Fold.Parse("2/5");
        Assert.Equal(new Fold(2, 5), fold);
        Assert.Equal("2/5", fold.ToString());
        Assert.Equal(new Fold(20, 20), Fold.Parse("20/20"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("2/5/1")]
    [InlineData("0/5")]
    [InlineData("6/5")]
    [InlineData("1/1")]
    [InlineData("1/21")]
    [InlineData("-1/5")]
    [InlineData("two/5")]
    [InlineData("2 /5")]
    public void Anything_else_is_refused_with_an_example(string text)
    {
        var failure = Assert.Throws<FuseMixException>(() => Fold.Parse(text));
        Assert.Equal((FailureKind.Invalid, $"'{text}' is not a fold."), (failure.Kind, failure.Message));
        Assert.Contains("2/5", failure.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(20)]
    public void Every_group_is_in_one_fold_and_folds_are_about_as_large(int count)
    {
        var sizes = new int[count];
        for (var group = 0; group < 4000; group++)
        {
            var name = $"group {group}";
            var fold = Assert.Single(Enumerable.Range(1, count), number => new Fold(number, count).Holds(name));
            sizes[fold - 1]++;
        }

        var even = 4000.0 / count;
        Assert.All(sizes, size => Assert.InRange(size, even - (5 * Math.Sqrt(even)), even + (5 * Math.Sqrt(even))));
    }

    [Fact]
    public void A_group_stays_where_it_has_always_been()
    {
        string[] groups = ["1f600", "1f6f5", "2603-fe0f"];
        Assert.Equal(
            ["4/5", "5/5", "3/5"],
            groups.Select(
                group => Enumerable.Range(1, 5).Select(number => new Fold(number, 5)).Single(fold => fold.Holds(group)).ToString()));
    }
}
