using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Core.Evaluation;

namespace FuseMix.Retrieval.Shards;

/// <summary>The layout of a shard file; <c>docs</c> describe it for readers in other languages.</summary>
/// <remarks>
/// Little-endian. 64 bytes of preamble: magic, u32 version, u32 header length, u64 file length, 8 zero bytes, SHA-256 over the
/// first 32 bytes and everything from byte 64 on. Then the header in JSON and the sections, each at a multiple of 64 and padded with zeros:
/// <list type="bullet">
/// <item>embeddings: count × stride fp32, stride = dimension rounded up to 16, the rest of a row zero;</item>
/// <item>codes: blocks of 16 rows; in a block, for each 4 values the 4 bytes (code + 128) of all 16 rows: 64 bytes;</item>
/// <item>scales and errors: fp32 per row, padded with 0 to whole pairs of blocks;</item>
/// <item>order: i32 row numbers by ascending id; id offsets: u32 count + 1; ids in UTF-8;</item>
/// <item>per column: i32 code per row (-1 for no value); u32 offsets; the distinct values, ascending, in UTF-8.</item>
/// </list>
/// All section addresses follow from the header's numbers, so that a header has nothing to lie about but the file's length.
/// </remarks>
internal sealed class ShardFormat
{
    public const string Extension = ".fmshard";
    public const int Version = 1;
    public const int PreambleLength = 64;
    public const int MaxHeaderLength = 1 << 20;
    public const int MaxDimension = 16_384;
    public const int MaxCount = 1 << 28;
    public const int MaxColumns = 64;
    public const int MaxIdBytes = 1024;
    public const int RowsPerBlock = 16;
    public const int RowsPerTile = 2 * RowsPerBlock;
    private const int Alignment = 64;

    public static ReadOnlySpan<byte> Magic => "FMSHARD\n"u8;

    public ShardFormat(ShardHeader header, int headerLength)
    {
        Header = header;
        HeaderLength = headerLength;
        Stride = (header.Dimension + 15) & ~15;
        Tiles = (header.Count + RowsPerTile - 1) / RowsPerTile;
        var paddedRows = (long)Tiles * RowsPerTile;
        var at = Align(PreambleLength + headerLength);
        Embeddings = Section(ref at, (long)header.Count * Stride * sizeof(float));
        Codes = Section(ref at, paddedRows * Stride);
        Scales = Section(ref at, paddedRows * sizeof(float));
        Errors = Section(ref at, paddedRows * sizeof(float));
        Order = Section(ref at, (long)header.Count * sizeof(int));
        IdOffsets = Section(ref at, ((long)header.Count + 1) * sizeof(uint));
        Ids = Section(ref at, header.IdBytes);
        Columns = [.. header.Columns.Select(c => (
            Section(ref at, (long)header.Count * sizeof(int)),
            Section(ref at, ((long)c.Distinct + 1) * sizeof(uint)),
            Section(ref at, c.Bytes)))];
        FileLength = at;
    }

    public ShardHeader Header { get; }

    public int HeaderLength { get; }

    /// <summary>Values per stored row: the dimension rounded up to 16.</summary>
    public int Stride { get; }

    /// <summary>Groups of 32 rows, the unit of the first pass.</summary>
    public int Tiles { get; }

    public long Embeddings { get; }

    public long Codes { get; }

    public long Scales { get; }

    public long Errors { get; }

    public long Order { get; }

    public long IdOffsets { get; }

    public long Ids { get; }

    public (long Codes, long Offsets, long Values)[] Columns { get; }

    public long FileLength { get; }

    public static long Align(long at) => (at + Alignment - 1) & ~(long)(Alignment - 1);

    public static byte[] Preamble(int headerLength, long fileLength, Action<IncrementalHash> hashRest)
    {
        var preamble = new byte[PreambleLength];
        Magic.CopyTo(preamble);
        BinaryPrimitives.WriteInt32LittleEndian(preamble.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(preamble.AsSpan(12), headerLength);
        BinaryPrimitives.WriteInt64LittleEndian(preamble.AsSpan(16), fileLength);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(preamble.AsSpan(0, 32));
        hashRest(hash);
        hash.GetHashAndReset(preamble.AsSpan(32));
        return preamble;
    }

    /// <summary>Reads and checks preamble and header; what fails is thrown as a sentence without the file's name.</summary>
    public static ShardFormat Parse(ReadOnlySpan<byte> start, long fileLength)
    {
        if (start.Length < PreambleLength || !start[..8].SequenceEqual(Magic))
            throw new InvalidDataException("it does not begin as a shard file");
        var version = BinaryPrimitives.ReadInt32LittleEndian(start[8..]);
        if (version != Version) throw new InvalidDataException($"it is of version {version}, this program reads version {Version}");
        var headerLength = BinaryPrimitives.ReadInt32LittleEndian(start[12..]);
        var length = BinaryPrimitives.ReadInt64LittleEndian(start[16..]);
        if (length != fileLength) throw new InvalidDataException($"it has {fileLength} bytes, its preamble says {length}");
        if (headerLength is < 2 or > MaxHeaderLength || headerLength > start.Length - PreambleLength)
            throw new InvalidDataException($"its header length {headerLength} is out of range");
        ShardHeader? header;
        try
        {
            header = JsonSerializer.Deserialize(start.Slice(PreambleLength, headerLength), ShardJson.Default.ShardHeader);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new InvalidDataException("its header is not valid JSON", e);
        }

        if (header is null || header.Columns is null || header.Columns.Any(c => c is null))
            throw new InvalidDataException("its header is incomplete");
        if (!ResourceName.IsValid(header.Generation) || !ResourceName.IsValid(header.Shard))
            throw new InvalidDataException("its generation or shard name is not valid");
        if (!Enum.IsDefined(header.Modality)) throw new InvalidDataException("its modality is unknown");
        if (header.Dimension is < 1 or > MaxDimension) throw new InvalidDataException($"its dimension {header.Dimension} is out of range");
        if (header.Count is < 1 or > MaxCount) throw new InvalidDataException($"its count {header.Count} is out of range");
        if (header.IdBytes < header.Count || header.IdBytes > uint.MaxValue)
            throw new InvalidDataException($"its {header.IdBytes} bytes of ids are out of range");
        if (header.Columns.Count > MaxColumns) throw new InvalidDataException($"its {header.Columns.Count} columns are too many");
        foreach (var column in header.Columns)
        {
            if (!IsColumnName(column.Name)
                || column.Distinct < 0
                || column.Distinct > header.Count
                || column.Bytes is < 0 or > uint.MaxValue)
            {
                throw new InvalidDataException("one of its columns is out of range");
            }
        }

        if (header.Columns.Select(c => c.Name).Distinct(StringComparer.Ordinal).Count() != header.Columns.Count)
            throw new InvalidDataException("it has two columns of one name");
        var format = new ShardFormat(header, headerLength);
        return format.FileLength == fileLength ? format : throw new InvalidDataException(
            $"it has {fileLength} bytes, its header describes {format.FileLength}");
    }

    public static bool IsColumnName(string? name) =>
        name is { Length: > 0 and <= 80 } && !name.Any(c => char.IsControl(c) || char.IsSurrogate(c));

    private static long Section(ref long at, long length)
    {
        var start = at;
        at = Align(at + length);
        return start;
    }
}

/// <summary>What a shard file says of itself.</summary>
internal sealed record ShardHeader(
    [property: JsonRequired] string Generation,
    [property: JsonRequired] string Shard,
    [property: JsonRequired, JsonConverter(typeof(ModalityName))] Modality Modality,
    [property: JsonRequired] int Dimension,
    [property: JsonRequired] int Count,
    [property: JsonRequired] long IdBytes,
    [property: JsonRequired] IReadOnlyList<ShardColumn> Columns);

/// <summary>One metadata column: its name, how many different values it has, and their bytes in UTF-8 together.</summary>
internal sealed record ShardColumn(
    [property: JsonRequired] string Name, [property: JsonRequired] int Distinct, [property: JsonRequired] long Bytes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ShardHeader))]
internal sealed partial class ShardJson : JsonSerializerContext;
