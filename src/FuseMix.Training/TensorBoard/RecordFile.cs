using System.Buffers.Binary;
using System.Numerics;

namespace FuseMix.Training.TensorBoard;

/// <summary>The framing of TensorFlow's record files: length, checksum of the length, content, checksum of the content;
/// little-endian.</summary>
internal static class RecordFile
{
    private const int HeaderLength = 12;

    /// <summary>Appends one record.</summary>
    public static void Append(Stream stream, ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], MaskedChecksum(header[..8]));
        stream.Write(header);
        stream.Write(content);
        Span<byte> footer = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, MaskedChecksum(content));
        stream.Write(footer);
    }

    /// <summary>Every sound record, up to the first that is cut off or damaged: whoever wrote it ended in the middle.</summary>
    public static IEnumerable<byte[]> Read(Stream stream)
    {
        var (header, footer) = (new byte[HeaderLength], new byte[4]);
        while (stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length)
        {
            var length = BinaryPrimitives.ReadUInt64LittleEndian(header);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)) != MaskedChecksum(header.AsSpan(0, 8))) yield break;
            if (length > (ulong)(stream.Length - stream.Position)) yield break;
            var content = new byte[length];
            stream.ReadExactly(content);
            if (stream.ReadAtLeast(footer, footer.Length, throwOnEndOfStream: false) < footer.Length) yield break;
            if (BinaryPrimitives.ReadUInt32LittleEndian(footer) != MaskedChecksum(content)) yield break;
            yield return content;
        }
    }

    /// <summary>CRC-32C, rotated and shifted, so that the checksum of data that contain checksums is a sound one.</summary>
    internal static uint MaskedChecksum(ReadOnlySpan<byte> content) => BitOperations.RotateRight(Checksum(content), 15) + 0xA282_EAD8;

    /// <summary>CRC-32C (Castagnoli) as RFC 3720 has it.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> content)
    {
        var crc = uint.MaxValue;
        for (; content.Length >= 8; content = content[8..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(content));
        foreach (var value in content) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
