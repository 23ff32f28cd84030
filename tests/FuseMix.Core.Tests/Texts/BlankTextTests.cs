using FuseMix.Core.Texts;

namespace FuseMix.Core.Tests.Texts;

public sealed class BlankTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData(" \t\r\n\u00A0\u3000\u2028")]
    [InlineData("\u0000\u0007\u007F\u0085")]
    [InlineData("\u200B\u200D\u2060\uFEFF\u00AD\u202E")]
    [InlineData("\u034F\u115F\u1160\u17B4\u180B\u3164\uFE0F\uFFA0")]
    [InlineData("\U000E0001\U000E0041\U000E0100\U000E0FFF")]
    [InlineData("\u0378\uFFFF\U000E1000")]
    public void There_is_nothing_in_white_space_and_in_what_shows_or_stands_for_nothing(string text) => Assert.True(BlankText.Is(text));

    [Theory]
    [InlineData("a")]
    [InlineData(" \u200B.\u0000")]
    [InlineData("1\uFE0F\u20E3")]
    [InlineData("❤\uFE0F")]
    [InlineData("🏳\uFE0F\u200D🌈")]
    [InlineData("猫")]
    [InlineData("\u0301")]
    [InlineData("\ud800")]
    public void There_is_something_in_all_else(string text) => Assert.False(BlankText.Is(text));
}
