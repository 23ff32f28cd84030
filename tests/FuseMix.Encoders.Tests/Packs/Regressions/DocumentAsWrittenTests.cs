using System.Text;
using FuseMix.Encoders.Packs;

namespace FuseMix.Encoders.Tests.Packs.Regressions;

/// <summary>Documents as people write them were refused in words that name types and bytes.</summary>
public sealed class DocumentAsWrittenTests
{
    private const string Sound = """{ "name": "tiny", "modality": "text", "latent": { "tensor": "latent", "dimension": 4 } }""";

    [Theory]
    [InlineData("4", "\"4\"", "'latent.dimension' must be a whole number in range.")]
    [InlineData("4", "1e10", "'latent.dimension' must be a whole number in range.")]
    [InlineData("\"tensor\": \"latent\",", "", "'latent' lacks 'tensor'.")]
    [InlineData("\"name\": \"tiny\",", "", "it lacks 'name'.")]
    [InlineData("{ \"tensor\": \"latent\", \"dimension\": 4 }", "4", "'latent' must be an object.")]
    [InlineData("\"text\"", "\"txt\"", "'modality': 'txt' is unknown. Did you mean 'text'?")]
    public void What_is_wrong_is_said_in_the_words_of_JSON(string right, string wrong, string words)
    {
        var refused = Refused(Encoding.UTF8.GetBytes(Sound.Replace(right, wrong, StringComparison.Ordinal)));
        Assert.EndsWith($" cannot be read: {words}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void UTF_16_is_called_so(string encoding)
    {
        var refused = Refused([.. Encoding.GetEncoding(encoding).GetPreamble(), .. Encoding.GetEncoding(encoding).GetBytes(Sound)]);
        Assert.EndsWith(" is UTF-16 text. Write it as UTF-8.", refused.Advice, StringComparison.Ordinal);
    }

    private static FuseMixException Refused(byte[] json) => Assert.Throws<FuseMixException>(() => EncoderPackDefinition.Parse(json));
}
