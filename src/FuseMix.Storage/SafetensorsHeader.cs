using System.Text.Json;

namespace FuseMix.Storage;

/// <summary>One tensor as the header of a safetensors file describes it.</summary>
/// <param name="Dtype">The element type.</param>
/// <param name="Shape">Sizes of the dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, counted from the end of the header.</param>
/// <param name="Length">Number of bytes, which is the product of the shape times the element size.</param>
public sealed record SafetensorsTensor(SafetensorsDtype Dtype, IReadOnlyList<long> Shape, long Offset, long Length)
{
    /// <summary>Number of elements.</summary>
    public long Count => Length / Dtype.Size();
}

/// <summary>The strict reading of the JSON header: what the format forbids, and what would let two readers disagree, is refused.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The limit of the reference implementation; it keeps a lying length from exhausting memory.</summary>
    public const long MaxLength = 100_000_000;

    private const string MetadataKey = "__metadata__";

    private SafetensorsHeader(OrderedDictionary<string, SafetensorsTensor> tensors, Dictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    public OrderedDictionary<string, SafetensorsTensor> Tensors { get; }

    public Dictionary<string, string> Metadata { get; }

    /// <exception cref="FuseMixException">Anything in the header does not hold; the message starts with the file's name.</exception>
    public static SafetensorsHeader Parse(string file, ReadOnlySpan<byte> json, long dataLength)
    {
        if (json.IsEmpty || json[0] != '{') throw Corrupt(file, "its header is not a JSON object");
        var tensors = new OrderedDictionary<string, SafetensorsTensor>(StringComparer.Ordinal);
        Dictionary<string, string>? metadata = null;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                reader.Read();
                if (name == MetadataKey)
                {
                    if (metadata is not null) throw Corrupt(file, "its header has two metadata sections");
                    metadata = ReadMetadata(file, ref reader);
                }
                else if (!tensors.TryAdd(name, ReadTensor(file, name, ref reader)))
                {
                    throw Corrupt(file, $"its header names tensor '{name}' twice");
                }
            }

            // Anything but padding after the closing brace makes this throw.
            reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Corrupt(file, $"its header is not valid JSON ({e.Message})", e);
        }

        RequireTiling(file, tensors, dataLength);
        return new SafetensorsHeader(tensors, metadata ?? []);
    }

    public static FuseMixException Corrupt(string file, string what, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"'{file}' is not a valid safetensors file: {what}.", inner: inner);

    private static Dictionary<string, string> ReadMetadata(string file, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Corrupt(file, "its metadata section is not an object");
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String) throw Corrupt(file, $"metadata value '{key}' is not a string");
            if (!metadata.TryAdd(key, reader.GetString()!)) throw Corrupt(file, $"metadata key '{key}' appears twice");
        }

        return metadata;
    }

    private static SafetensorsTensor ReadTensor(string file, string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Corrupt(file, $"tensor '{name}' is not described by an object");
        SafetensorsDtype? dtype = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString();
            reader.Read();
            switch (key)
            {
                case "dtype" when dtype is null && reader.TokenType == JsonTokenType.String:
                    var text = reader.GetString()!;
                    if (!Enum.TryParse<SafetensorsDtype>(text, out var known) || known.ToString() != text)
                        throw Corrupt(file, $"tensor '{name}' has the unknown dtype '{text}'");
                    dtype = known;
                    break;
                case "shape" when shape is null:
                    shape = ReadSizes(file, name, ref reader);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadSizes(file, name, ref reader);
                    break;
                default:
                    throw Corrupt(file, $"tensor '{name}' has a wrong or repeated '{key}'");
            }
        }

        if (dtype is null || shape is null || offsets is not [var begin, var end])
            throw Corrupt(file, $"tensor '{name}' lacks dtype, shape or a pair of data offsets");
        if (end < begin) throw Corrupt(file, $"tensor '{name}' ends before it begins");
        if (Bytes(shape, dtype.Value) != end - begin)
            throw Corrupt(file, $"tensor '{name}' of {dtype} [{string.Join(", ", shape)}] cannot have {end - begin} bytes");
        return new SafetensorsTensor(dtype.Value, shape, begin, end - begin);
    }

    private static List<long> ReadSizes(string file, string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Corrupt(file, $"tensor '{name}' has a shape or offsets that are no array");
        var sizes = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var size) || size < 0)
                throw Corrupt(file, $"tensor '{name}' has a shape or offset that is not a whole number of at least 0");
            sizes.Add(size);
        }

        return sizes;
    }

    /// <summary>The bytes of a shape, or -1 where they overflow.</summary>
    private static long Bytes(List<long> shape, SafetensorsDtype dtype)
    {
        Int128 bytes = dtype.Size();
        foreach (var size in shape)
        {
            bytes *= size;
            if (bytes > long.MaxValue) return -1;
        }

        return (long)bytes;
    }

    private static void RequireTiling(string file, OrderedDictionary<string, SafetensorsTensor> tensors, long dataLength)
    {
        long position = 0;
        foreach (var (name, tensor) in tensors.OrderBy(t => t.Value.Offset).ThenBy(t => t.Value.Length))
        {
            if (tensor.Offset < position) throw Corrupt(file, $"tensor '{name}' overlaps another one");
            if (tensor.Offset > position) throw Corrupt(file, $"there is a gap of {tensor.Offset - position} bytes before tensor '{name}'");
            if (tensor.Length > dataLength - position)
                throw Corrupt(
                    file,
                    $"it was cut short: tensor '{name}' needs bytes {tensor.Offset} to {tensor.Offset + (Int128)tensor.Length}, the "
                        + $"file has {dataLength}");
            position += tensor.Length;
        }

        if (position != dataLength) throw Corrupt(file, $"{dataLength - position} bytes after the last tensor belong to nothing");
    }
}
