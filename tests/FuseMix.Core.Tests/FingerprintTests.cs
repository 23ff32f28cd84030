using System.Text;

namespace FuseMix.Core.Tests;

public sealed class FingerprintTests
{
    // FIPS 180-2, appendix B.1.
    private const string Abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    [Fact]
    public void Bytes_text_and_stream_of_one_content_have_the_published_hash()
    {
        Assert.Equal(Abc, Fingerprint.Of("abc").Hex);
        Assert.Equal(Abc, Fingerprint.Of("abc"u8).Hex);
        Assert.Equal(Abc, Fingerprint.Of(new MemoryStream(Encoding.UTF8.GetBytes("abc"))).ToString());
        Assert.Equal(Abc[..16], Fingerprint.Of("abc").Short);
    }

    [Fact]
    public void A_stream_counts_from_where_it_stands()
    {
        var stream = new MemoryStream(Encoding.UTF8.GetBytes("xxabc")) { Position = 2 };
        Assert.Equal(new Fingerprint(Abc), Fingerprint.Of(stream));
    }

    [Fact]
    public void Another_content_is_another_fingerprint() => Assert.NotEqual(Fingerprint.Of("abc"), Fingerprint.Of("abd"));
}
