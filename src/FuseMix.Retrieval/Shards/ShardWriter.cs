using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FuseMix.Retrieval.Search;
using FuseMix.Storage;

namespace FuseMix.Retrieval.Shards;

/// <summary>Collects items and writes them as one immutable shard file.</summary>
/// <remarks>Holds the items in memory (4 bytes per value and 1 per code); a collection too large for that is several shards.</remarks>
public sealed class ShardWriter
{
    /// <summary>How far a row's length may be from 1.</summary>
    public const float UnitTolerance = 1e-3f;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly string _generation;
    private readonly string _shard;
    private readonly Modality _modality;
    private readonly int _dimension;
    private readonly string[] _columns;
    private readonly List<float[]> _rows = [];
    private readonly List<(string Text, byte[] Bytes)> _ids = [];
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly List<string?[]> _values = [];

    /// <summary>An empty shard.</summary>
    /// <param name="generation">The id of the generation that the shard is part of; it is bound into the file.</param>
    /// <param name="shard">The shard's name within the generation.</param>
    /// <param name="modality">What the items are.</param>
    /// <param name="dimension">Values per embedding, 1 to 16384.</param>
    /// <param name="columns">The names of the metadata columns, at most 64 different ones.</param>
    /// <exception cref="FuseMixException">A name or number out of range.</exception>
    public ShardWriter(string generation, string shard, Modality modality, int dimension, IEnumerable<string>? columns = null)
    {
        _generation = ResourceName.Require(generation, "generation");
        _shard = ResourceName.Require(shard, "shard");
        _modality = modality;
        _dimension = dimension is >= 1 and <= ShardFormat.MaxDimension
            ? dimension
            : throw Invalid($"The dimension of shard '{shard}' is {dimension}.", $"It must be 1 to {ShardFormat.MaxDimension}.");
        _columns = [.. columns ?? []];
        if (_columns.Length > ShardFormat.MaxColumns
            || _columns.Distinct(StringComparer.Ordinal).Count() != _columns.Length
            || !_columns.All(ShardFormat.IsColumnName))
        {
            throw Invalid(
                $"The metadata columns of shard '{shard}' are not valid: {string.Join(", ", _columns.Take(12))}.",
                $"Name at most {ShardFormat.MaxColumns} different columns of 1 to 80 printable characters.");
        }
    }

    /// <summary>The metadata columns, in order.</summary>
    public IReadOnlyList<string> Columns => _columns;

    /// <summary>Items added so far.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds one item; the embedding is copied.</summary>
    /// <exception cref="FuseMixException">
    /// An id that is empty, too long, not valid Unicode or already there; an embedding of another dimension, not of unit length, zero, or
    /// with a value that is not finite; a metadata column that was not declared.
    /// </exception>
    public void Add(string id, ReadOnlySpan<float> embedding, IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (_rows.Count == ShardFormat.MaxCount)
            throw Invalid($"Shard '{_shard}' is full with {ShardFormat.MaxCount} items.", "Write more, smaller shards.");
        var bytes = RequireText(id, "id");
        if (bytes.Length is 0 or > ShardFormat.MaxIdBytes)
            throw Invalid($"The id '{Shorten(id)}' has {bytes.Length} bytes.", $"An id has 1 to {ShardFormat.MaxIdBytes} bytes of UTF-8.");
        RequireUnit(id, embedding);
        var values = new string?[_columns.Length];
        foreach (var (name, value) in metadata ?? System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty)
        {
            var column = Array.IndexOf(_columns, name);
            if (column < 0) throw FuseMixException.UnknownName("metadata column", name, _columns, FailureKind.Invalid);
            _ = RequireText(value, $"metadata '{name}' of '{Shorten(id)}'");
            values[column] = value;
        }

        if (!_known.Add(id)) throw new FuseMixException(
            FailureKind.Conflict, $"Shard '{_shard}' has two items with the id '{Shorten(id)}'.", "Ids must be unique within a shard.");
        _rows.Add(embedding.ToArray());
        _ids.Add((id, bytes));
        _values.Add(values);
    }

    /// <summary>Adds one item.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlySpan{float}, IReadOnlyDictionary{string, string}?)"/>
    public void Add(IndexItem item) => Add(item.Id, item.Embedding.Span, item.Metadata);

    /// <summary>Writes the file; readers see nothing or all of it.</summary>
    /// <returns>The SHA-256 of the whole file.</returns>
    /// <exception cref="FuseMixException">There are no items, or the disk fails.</exception>
    public Fingerprint Write(string path)
    {
        if (_rows.Count == 0) throw Invalid($"Shard '{_shard}' has no items.", "A shard needs at least one.");
        var columns = Enumerable.Range(0, _columns.Length).Select(EncodeColumn).ToArray();
        var header = new ShardHeader(
            _generation, _shard, _modality, _dimension, _rows.Count, _ids.Sum(id => (long)id.Bytes.Length),
            [.. columns.Select((c, i) => new ShardColumn(_columns[i], c.Values.Length, c.Values.Sum(v => (long)v.Length)))]);
        if (header.IdBytes > uint.MaxValue || header.Columns.Any(c => c.Bytes > uint.MaxValue))
        {
            throw Invalid($"The ids or metadata of shard '{_shard}' exceed 4 GB.", "Write more, smaller shards.");
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(header, ShardJson.Default.ShardHeader);
        var format = new ShardFormat(header, json.Length);
        var quantised = Quantise(format.Stride, format.Tiles);
        var pieces = Pieces(json, format, quantised, columns);
        var preamble = ShardFormat.Preamble(json.Length, format.FileLength, hash =>
        {
            foreach (var piece in pieces) hash.AppendData(piece.Span);
        });

        using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(preamble);
            whole.AppendData(preamble);
            foreach (var piece in pieces)
            {
                stream.Write(piece.Span);
                whole.AppendData(piece.Span);
            }
        });
        return new Fingerprint(Convert.ToHexStringLower(whole.GetHashAndReset()));
    }

    private (byte[] Codes, float[] Scales, float[] Errors)[] Quantise(int stride, int tiles)
    {
        var result = new (byte[] Codes, float[] Scales, float[] Errors)[tiles];
        Parallel.For(0, tiles, tile =>
        {
            var codes = new byte[ShardFormat.RowsPerTile * stride];
            codes.AsSpan().Fill(RowCodes.Zero);
            var scales = new float[ShardFormat.RowsPerTile];
            var errors = new float[ShardFormat.RowsPerTile];
            for (var i = 0; i < ShardFormat.RowsPerTile && (tile * ShardFormat.RowsPerTile) + i < _rows.Count; i++)
            {
                (scales[i], errors[i]) = RowCodes.Write(_rows[(tile * ShardFormat.RowsPerTile) + i], codes, i, stride);
            }

            result[tile] = (codes, scales, errors);
        });
        return result;
    }

    private IEnumerable<ReadOnlyMemory<byte>> Pieces(
        byte[] json,
        ShardFormat format,
        (byte[] Codes, float[] Scales, float[] Errors)[] quantised,
        (int[] Codes, byte[][] Values)[] columns)
    {
        long at = ShardFormat.PreambleLength;
        foreach (var piece in Section(ref at, [json])) yield return piece;
        var padding = new byte[(format.Stride - _dimension) * sizeof(float)];
        foreach (var piece in Section(ref at, _rows.SelectMany(IEnumerable<ReadOnlyMemory<byte>> (row) => [Bytes(row), padding])))
            yield return piece;
        foreach (var piece in Section(ref at, quantised.Select(q => (ReadOnlyMemory<byte>)q.Codes))) yield return piece;
        foreach (var piece in Section(ref at, quantised.Select(q => Bytes(q.Scales)))) yield return piece;
        foreach (var piece in Section(ref at, quantised.Select(q => Bytes(q.Errors)))) yield return piece;
        var order = Enumerable.Range(0, _rows.Count).OrderBy(row => _ids[row].Text, IdOrder.Instance).ToArray();
        foreach (var piece in Section(ref at, [Bytes(order)])) yield return piece;
        foreach (var piece in Section(ref at, [Bytes(Offsets(_ids.Select(id => id.Bytes)))])) yield return piece;
        foreach (var piece in Section(ref at, _ids.Select(id => (ReadOnlyMemory<byte>)id.Bytes))) yield return piece;
        foreach (var (codes, values) in columns)
        {
            foreach (var piece in Section(ref at, [Bytes(codes)])) yield return piece;
            foreach (var piece in Section(ref at, [Bytes(Offsets(values))])) yield return piece;
            foreach (var piece in Section(ref at, values.Select(v => (ReadOnlyMemory<byte>)v))) yield return piece;
        }
    }

    private static List<ReadOnlyMemory<byte>> Section(ref long at, IEnumerable<ReadOnlyMemory<byte>> pieces)
    {
        var all = pieces.ToList();
        var end = at + all.Sum(p => (long)p.Length);
        at = ShardFormat.Align(end);
        all.Add(new byte[at - end]);
        return all;
    }

    private (int[] Codes, byte[][] Values) EncodeColumn(int column)
    {
        var distinct = _values.Select(v => v[column]).OfType<string>().Distinct(StringComparer.Ordinal).Order(IdOrder.Instance).ToArray();
        var codeOf = distinct.Index().ToDictionary(v => v.Item, v => v.Index, StringComparer.Ordinal);
        return ([.. _values.Select(v => v[column] is { } value ? codeOf[value] : -1)], [.. distinct.Select(Utf8.GetBytes)]);
    }

    private static uint[] Offsets(IEnumerable<byte[]> texts)
    {
        var offsets = new List<uint> { 0 };
        foreach (var text in texts) offsets.Add(offsets[^1] + (uint)text.Length);
        return [.. offsets];
    }

    private static ReadOnlyMemory<byte> Bytes<T>(T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private void RequireUnit(string id, ReadOnlySpan<float> embedding)
    {
        if (embedding.Length != _dimension)
        {
            throw Invalid(
                $"The embedding of '{Shorten(id)}' has {embedding.Length} values, shard '{_shard}' has {_dimension}.",
                "All items of a collection are embedded by one fusion model.");
        }

        double squares = 0;
        foreach (var value in embedding)
        {
            if (!float.IsFinite(value)) throw Invalid(
                $"The embedding of '{Shorten(id)}' holds {value}.", "Only finite numbers can be searched: check the item and its latent.");
            squares += (double)value * value;
        }

        if (squares == 0) throw Invalid($"The embedding of '{Shorten(id)}' is zero: it has no direction.", "Leave the item out.");
        if (Math.Abs(Math.Sqrt(squares) - 1) > UnitTolerance)
            throw Invalid($"The embedding of '{Shorten(id)}' has length {Math.Sqrt(squares):G6}.", "Normalise embeddings to length 1.");
    }

    private static byte[] RequireText(string? text, string what)
    {
        try
        {
            return Utf8.GetBytes(text ?? throw Invalid($"There is no text for the {what}.", "Leave the value out instead."));
        }
        catch (EncoderFallbackException)
        {
            throw Invalid($"The {what} is not valid Unicode: it holds half of a surrogate pair.", "Repair the text.");
        }
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : $"{text[..60]}…";

    private static FuseMixException Invalid(string message, string remedy) => new(FailureKind.Invalid, message, remedy);
}
