using FuseMix.Cli.Output;

namespace FuseMix.Cli.Tests.Output;

public sealed class PhrasesTests
{
    [Theory]
    [InlineData(0, "0 ms")]
    [InlineData(0.0042, "4.2 ms")]
    [InlineData(0.0097, "10 ms")]
    [InlineData(0.4, "400 ms")]
    [InlineData(0.9996, "1.0 s")]
    [InlineData(3.14159, "3.1 s")]
    [InlineData(9.96, "10 s")]
    [InlineData(42.4, "42 s")]
    [InlineData(59.7, "1 min 00 s")]
    [InlineData(185, "3 min 05 s")]
    [InlineData(7_440, "2 h 04 min")]
    public void Durations_read_as_people_say_them(double seconds, string expected) =>
        Assert.Equal(expected, Phrases.Duration(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1_500, "1.5 kB")]
    [InlineData(62_000_000, "62 MB")]
    [InlineData(9_990_000_000, "10.0 GB")]
    [InlineData(9_999_000_000, "10 GB")]
    public void Bytes_are_decimal(long bytes, string expected) => Assert.Equal(expected, Phrases.Bytes(bytes));

    [Theory]
    [InlineData(0, "")]
    [InlineData(double.NaN, "")]
    [InlineData(0.254, "0.25 images/s")]
    [InlineData(7.26, "7.3 images/s")]
    [InlineData(144.4, "144 images/s")]
    [InlineData(12_345.6, "12,346 images/s")]
    public void A_rate_that_is_not_known_is_not_shown(double rate, string expected) => Assert.Equal(expected, Phrases.Rate(rate, "images"));

    [Fact]
    public void Counts_take_the_singular_only_at_one()
    {
        Assert.Equal("1 image", Phrases.Count(1, "image"));
        Assert.Equal("0 images", Phrases.Count(0, "image"));
        Assert.Equal("3,822 images", Phrases.Count(3822, "image"));
        Assert.Equal("2 latents", Phrases.Count(2, "latent", "latents"));
    }

    [Fact]
    public void A_percentage_is_100_only_at_the_end()
    {
        Assert.Equal("99 %", Phrases.Percent(0.9999));
        Assert.Equal("100 %", Phrases.Percent(1));
        Assert.Equal("100 %", Phrases.Percent(1.2));
    }

    [Fact]
    public void A_figure_that_is_not_a_number_is_a_dash() => Assert.Equal("–", Phrases.Fixed(double.NaN, 1));

    [Theory]
    [InlineData("caption", 7, "caption")]
    [InlineData("caption", 4, "cap…")]
    [InlineData("caption", 1, "…")]
    [InlineData("caption", 0, "")]
    [InlineData("😀😀😀", 5, "😀😀…")]
    [InlineData("😀😀😀", 4, "😀…")]
    public void Cut_text_never_exceeds_its_columns(string text, int columns, string expected)
    {
        var cut = Phrases.Cut(text, columns);
        Assert.Equal(expected, cut);
        Assert.True(CellWidth.Of(cut) <= columns);
    }

    [Fact]
    public void An_emoji_of_several_characters_is_never_cut_in_two()
    {
        const string family = "👨‍👩‍👧";
        Assert.Equal(family + "…", Phrases.Cut(family + family, 3));
    }

    [Theory]
    [InlineData("a", 3, "a  ")]
    [InlineData("日本", 5, "日本 ")]
    [InlineData("abcd", 3, "ab…")]
    public void Fitted_text_has_exactly_its_columns(string text, int columns, string expected) =>
        Assert.Equal(expected, Phrases.Fit(text, columns));
}
