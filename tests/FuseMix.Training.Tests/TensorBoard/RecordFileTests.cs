using System.Text;
using FuseMix.Training.TensorBoard;

namespace FuseMix.Training.Tests.TensorBoard;

public sealed class RecordFileTests
{
    /// <summary>RFC 3720, appendix B.4, and the check value of CRC-32C.</summary>
    public static TheoryData<byte[], uint> Known => new()
    {
        { Encoding.ASCII.GetBytes("123456789"), 0xE306_9283 },
        { new byte[32], 0x8A91_36AA },
        { [.. Enumerable.Repeat((byte)0xFF, 32)], 0x62A8_AB43 },
        { [.. Enumerable.Range(0, 32).Select(i => (byte)i)], 0x46DD_794E },
        { [.. Enumerable.Range(0, 32).Select(i => (byte)(31 - i))], 0x113F_DB5C },
    };

    [Theory]
    [MemberData(nameof(Known))]
    public void Checksums_are_those_of_the_standard(byte[] content, uint checksum) => Assert.Equal(checksum, RecordFile.Checksum(content));

    [Fact]
    public void A_record_is_framed_as_TensorFlow_frames_it()
    {
        using var stream = new MemoryStream();
        RecordFile.Append(stream, "123456789"u8);

        // Masked by hand from 0xE3069283: (crc >> 15 | crc << 17) + 0xA282EAD8.
        Assert.Equal([0xE5, 0xB0, 0x8A, 0xC7], stream.ToArray()[^4..]);
        Assert.Equal([9, 0, 0, 0, 0, 0, 0, 0], stream.ToArray()[..8]);
        Assert.Equal("123456789"u8, stream.ToArray().AsSpan(12, 9));
        Assert.Equal(8 + 4 + 9 + 4, stream.Length);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    [InlineData(7, 1)]
    [InlineData(12, 1)]
    [InlineData(20, 1)]
    public void Reading_ends_at_a_record_that_is_cut_off(int missing, int readable)
    {
        using var stream = new MemoryStream();
        RecordFile.Append(stream, "first"u8);
        RecordFile.Append(stream, "second"u8);
        stream.SetLength(stream.Length - missing);
        stream.Position = 0;
        Assert.Equal(((string[])["first", "second"])[..readable], RecordFile.Read(stream).Select(Encoding.ASCII.GetString));
    }

    [Fact]
    public void Reading_ends_at_a_record_that_is_damaged()
    {
        using var stream = new MemoryStream();
        RecordFile.Append(stream, "first"u8);
        RecordFile.Append(stream, "second"u8);
        for (var place = 0; place < stream.Length; place++)
        {
            var damaged = stream.ToArray();
            damaged[place] ^= 0x40;
            Assert.True(RecordFile.Read(new MemoryStream(damaged)).Count() < 2, $"Byte {place} does not matter.");
        }
    }
}
