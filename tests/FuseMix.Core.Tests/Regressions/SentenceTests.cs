namespace FuseMix.Core.Tests.Regressions;

/// <summary>The kind "words that are wrong or missing": a message and its way out are two sentences.</summary>
public sealed class SentenceTests
{
    [Theory]
    [InlineData("http://a cannot be reached: Connection refused", "http://a cannot be reached: Connection refused.")]
    [InlineData("'x' cannot be read: It is in use..", "'x' cannot be read: It is in use.")]
    [InlineData("It failed.\n", "It failed.")]
    [InlineData("It is so.", "It is so.")]
    [InlineData("And so on...", "And so on...")]
    [InlineData("Really?", "Really?")]
    [InlineData("There is no '.'", "There is no '.'.")]
    [InlineData("", "")]
    public void A_message_ends_with_a_full_stop_whoever_s_words_it_ends_with(string message, string expected)
    {
        Assert.Equal(expected, new FuseMixException(FailureKind.Invalid, message).Message);
        Assert.Equal($"{expected} Check the address.", new FuseMixException(FailureKind.Invalid, message, "Check the address.").Advice);
    }

    [Theory]
    [InlineData(Modality.Audio, "audio")]
    [InlineData(Modality.Image, "image")]
    public void A_modality_is_one_word_everywhere(Modality modality, string expected) => Assert.Equal(expected, modality.Word());
}
