using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace FuseMix.Testing;

/// <summary>Writes PNG files byte by byte, so that tests need no image library and can write what none would.</summary>
public static class PngFile
{
    /// <summary>A picture of 8-bit RGB pixels.</summary>
    /// <param name="side">Width and height in pixels.</param>
    /// <param name="pixel">Colour at (x, y).</param>
    public static byte[] Rgb(int side, Func<int, int, (byte Red, byte Green, byte Blue)> pixel)
    {
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), side);
        (header[8], header[9]) = (8, 2);
        WriteChunk(file, "IHDR", header);
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var y = 0; y < side; y++)
            {
                zip.WriteByte(0);
                for (var x = 0; x < side; x++)
                {
                    var (red, green, blue) = pixel(x, y);
                    zip.Write([red, green, blue]);
                }
            }
        }

        WriteChunk(file, "IDAT", packed.ToArray());
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>Appends a chunk: length, type, content, checksum.</summary>
    public static void WriteChunk(Stream file, string type, byte[] content)
    {
        var chunk = new byte[content.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        Encoding.ASCII.GetBytes(type, chunk.AsSpan(4));
        content.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(content.Length + 8), Crc(chunk.AsSpan(4, content.Length + 4)));
        file.Write(chunk);
    }

    /// <summary>The checksum of a chunk's type and content.</summary>
    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }

        return ~crc;
    }
}
