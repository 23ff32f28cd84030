using FuseMix.Core.Texts;

namespace FuseMix.Core.Tests.Texts;

public sealed class NormalFormTests
{
    [Theory]
    [InlineData("cafe\u0301.png", "caf\u00e9.png")]
    [InlineData("caf\u00e9.png", "caf\u00e9.png")]
    [InlineData("plain.png", "plain.png")]
    [InlineData("", "")]
    [InlineData("\u1112\u1161\u11ab", "\ud55c")]
    [InlineData("\ud83d\ude00", "\ud83d\ude00")]
    [InlineData("\ud83d", "\ud83d")]
    public void Spellings_that_look_the_same_become_the_same(string text, string form) => Assert.Equal(form, NormalForm.Of(text));
}
