using System.Text;
using FuseMix.Silo.Api;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Tests.Api;

public sealed class QueryParametersTests
{
    [Theory]
    [InlineData("?q=red+car", "red car")]
    [InlineData("?q=red%20car", "red car")]
    [InlineData("?q=a%2Bb%3Dc%26d", "a+b=c&d")]
    [InlineData("?q=a=b", "a=b")]
    [InlineData("?q=%F0%9F%90%BA", "\U0001F43A")]
    [InlineData("?q=%f0%9f%90%ba", "\U0001F43A")]
    [InlineData("?%71=a", "a")]
    [InlineData("?&q=a&&k=1&", "a")]
    [InlineData("?q=%00", "\0")]
    [InlineData("?q=%20+", null)]
    [InlineData("?q=", null)]
    [InlineData("?q", null)]
    [InlineData("?", null)]
    [InlineData("", null)]
    public void A_value_is_read_as_it_was_meant(string query, string? expected) => Assert.Equal(expected, Read(query).Text("q"));

    [Theory]
    [InlineData("?Q=a", "Did you mean 'q'?")]
    [InlineData("?q=a&q=a", "given twice")]
    [InlineData("?q=a&%71=b", "given twice")]
    [InlineData("?q=%", "hexadecimal")]
    [InlineData("?q=%4", "hexadecimal")]
    [InlineData("?q=%+1", "hexadecimal")]
    [InlineData("?q=%C0%AF", "UTF-8")]
    [InlineData("?q=%ED%BF%BF", "UTF-8")]
    [InlineData("?q=%F0%9F", "UTF-8")]
    [InlineData("?%FF=a", "UTF-8")]
    [InlineData("?=a", "query parameter named ''")]
    public void What_cannot_be_meant_is_refused(string query, string words)
    {
        var failure = Assert.Throws<FuseMixException>(() => Read(query));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains(words, failure.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?k=7", 7)]
    [InlineData("?k=-7", -7)]
    [InlineData("?k=", null)]
    [InlineData("", null)]
    public void A_whole_number_is_read(string query, int? expected) => Assert.Equal(expected, Read(query).Integer("k"));

    [Theory]
    [InlineData("1.0")]
    [InlineData("1,000")]
    [InlineData("0x10")]
    [InlineData("1e3")]
    [InlineData("2147483648")]
    [InlineData("%D9%A3")]
    public void Anything_else_is_no_whole_number(string value) =>
        Assert.Contains("'k'", Assert.Throws<FuseMixException>(() => Read($"?k={value}").Integer("k")).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_text_survives_escaping()
    {
        var random = new Random(5);
        for (var round = 0; round < 500; round++)
        {
            var runes = Enumerable.Range(0, random.Next(1, 20)).Select(
                _ => new Rune(random.Next(3) == 0 ? random.Next(0xE000, 0x110000) : random.Next(0x21, 0x250)));
            var text = string.Concat(runes.Select(rune => rune.ToString()));
            Assert.Equal(string.IsNullOrWhiteSpace(text) ? null : text, Read($"?k=1&q={Uri.EscapeDataString(text)}").Text("q"));
        }
    }

    [Fact]
    public void Random_bytes_are_read_or_refused_and_nothing_else()
    {
        var random = new Random(6);
        var read = 0;
        for (var round = 0; round < 5_000; round++)
        {
            var query = string.Concat(
                Enumerable.Range(0, random.Next(12)).Select(
                    _ => random.Next(4) == 0 ? $"%{random.Next(256):X2}" : $"{"qk=&%+a1"[random.Next(8)]}"));
            try
            {
                _ = Read("?" + query);
                read++;
            }
            catch (FuseMixException failure)
            {
                Assert.Equal(FailureKind.Invalid, failure.Kind);
            }
        }

        Assert.InRange(read, 1, 4_999);
    }

    private static QueryParameters Read(string query)
    {
        var context = new DefaultHttpContext();
        context.Request.QueryString = new QueryString(query);
        return new QueryParameters(context.Request, "q", "k");
    }
}
