using System.Buffers;
using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FuseMix.Storage;

/// <summary>Writes safetensors files: the same tensors and metadata always give the same bytes.</summary>
/// <remarks>
/// Tensors keep the order in which they were added, back to back as the format demands; the data start at a multiple of
/// 8 bytes, so add wide types before narrow ones where alignment matters.
/// </remarks>
public sealed class SafetensorsWriter
{
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Adds a free text to the header.</summary>
    /// <exception cref="ArgumentException">The key is there already.</exception>
    public SafetensorsWriter AddMetadata(string key, string value)
    {
        _metadata.Add(key, value);
        return this;
    }

    /// <summary>Adds an F32 tensor; the values are read when the file is written.</summary>
    /// <exception cref="ArgumentException">The name is taken, or the shape does not have as many elements.</exception>
    public SafetensorsWriter AddFloat32(string name, ReadOnlyMemory<float> values, params long[] shape) =>
        Add(name, SafetensorsDtype.F32, values.Length, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));

    /// <summary>Adds an F16 tensor from fp32 values, rounded to nearest even; beyond ±65,504 they become infinite.</summary>
    /// <exception cref="ArgumentException">The name is taken, or the shape does not have as many elements.</exception>
    public SafetensorsWriter AddFloat16(string name, ReadOnlyMemory<float> values, params long[] shape) =>
        Add(name, SafetensorsDtype.F16, values.Length, shape, stream => WriteHalves(stream, values.Span));

    /// <summary>Adds an I64 tensor; the values are read when the file is written.</summary>
    /// <exception cref="ArgumentException">The name is taken, or the shape does not have as many elements.</exception>
    public SafetensorsWriter AddInt64(string name, ReadOnlyMemory<long> values, params long[] shape) =>
        Add(name, SafetensorsDtype.I64, values.Length, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.Span)));

    /// <summary>Adds a U8 tensor; the values are read when the file is written.</summary>
    /// <exception cref="ArgumentException">The name is taken, or the shape does not have as many elements.</exception>
    public SafetensorsWriter AddBytes(string name, ReadOnlyMemory<byte> values, params long[] shape) =>
        Add(name, SafetensorsDtype.U8, values.Length, shape, stream => stream.Write(values.Span));

    /// <summary>Adds a tensor whose bytes, little-endian, are produced only when the file is written.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="dtype">Its element type.</param>
    /// <param name="shape">Its sizes, outermost first; empty for a scalar.</param>
    /// <param name="write">Puts exactly the product of the shape times the element size in bytes into the stream.</param>
    /// <exception cref="ArgumentException">The name is taken, or a size is negative.</exception>
    public SafetensorsWriter AddStreamed(string name, SafetensorsDtype dtype, long[] shape, Action<Stream> write) =>
        Add(name, dtype, null, shape, write);

    /// <summary>Writes the file through <see cref="AtomicFile"/>.</summary>
    /// <returns>The SHA-256 of the whole file.</returns>
    public Fingerprint Save(string path)
    {
        using var hash = new HashingStream();
        AtomicFile.Write(path, stream => Write(hash.Over(stream)));
        return hash.Fingerprint();
    }

    /// <summary>The SHA-256 that the whole file will have, for a file that is named after it.</summary>
    public Fingerprint Checksum()
    {
        using var hash = new HashingStream();
        Write(hash.Over(Stream.Null));
        return hash.Fingerprint();
    }

    /// <summary>Writes the file's content into a stream.</summary>
    /// <exception cref="InvalidOperationException">A streamed tensor wrote another number of bytes than its shape has.</exception>
    public void Write(Stream stream)
    {
        var header = Header();
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        stream.Write(prefix);
        stream.Write(header);
        foreach (var (name, entry) in _entries)
        {
            var counted = new CountingStream(stream);
            entry.Write(counted);
            if (counted.Count != entry.Length)
                throw new InvalidOperationException($"Tensor '{name}' wrote {counted.Count} bytes where its shape has {entry.Length}.");
        }
    }

    private SafetensorsWriter Add(string name, SafetensorsDtype dtype, long? elements, long[] shape, Action<Stream> write)
    {
        if (name is "__metadata__")
        {
            throw new ArgumentException(
                "'__metadata__' is the header's own key and cannot name a tensor.",
                nameof(name));
        }

        long count = 1;
        foreach (var size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
            count = checked(count * size);
        }

        if (elements is not null && count != elements)
            throw new ArgumentException(
                $"Tensor '{name}' has {elements} values, its shape [{string.Join(", ", shape)}] {count}.",
                nameof(shape));
        _entries.Add(name, new Entry(dtype, [.. shape], checked(count * dtype.Size()), write));
        return this;
    }

    private byte[] Header()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in _metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }

            long offset = 0;
            foreach (var (name, entry) in _entries)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", entry.Dtype.ToString());
                json.WriteStartArray("shape");
                foreach (var size in entry.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += entry.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        var padded = new byte[(buffer.WrittenCount + 7) / 8 * 8];
        padded.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(padded);
        return padded;
    }

    private static void WriteHalves(Stream stream, ReadOnlySpan<float> values)
    {
        const int Block = 1 << 14;
        var halves = new Half[Math.Min(Block, values.Length)];
        for (var i = 0; i < values.Length; i += Block)
        {
            var part = values.Slice(i, Math.Min(Block, values.Length - i));
            TensorPrimitives.ConvertToHalf(part, halves);
            stream.Write(MemoryMarshal.AsBytes(halves.AsSpan(0, part.Length)));
        }
    }

    private sealed record Entry(SafetensorsDtype Dtype, long[] Shape, long Length, Action<Stream> Write);
}
