using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using FuseMix.Retrieval.Search;
using FuseMix.Storage;
using Microsoft.Win32.SafeHandles;

namespace FuseMix.Retrieval.Shards;

/// <summary>An immutable shard: exact search, ids, metadata and embeddings. Safe for use by many threads at once.</summary>
/// <remarks>
/// It holds a <see cref="PrivateCopy"/> of its file, read once and checked while it is copied: the file may be changed, shortened or
/// deleted meanwhile, and a shard that is open answers from what it has read.
/// </remarks>
public sealed unsafe class IndexShard : IDisposable
{
    private readonly PrivateCopy _copy;
    private readonly SafeMemoryMappedViewHandle _handle;
    private readonly byte* _file;
    private readonly ShardFormat _format;
    private readonly int[] _rankOfRow;

    private IndexShard(string path, PrivateCopy copy, bool verify)
    {
        (Path, _copy) = (path, copy);
        if (copy.Length < ShardFormat.PreambleLength) throw new InvalidDataException($"it has only {copy.Length} bytes");
        _handle = copy.View.SafeMemoryMappedViewHandle;
        try
        {
            byte* start = null;
            _handle.AcquirePointer(ref start);
            _file = start + copy.View.PointerOffset;
            _format = ShardFormat.Parse(
                new ReadOnlySpan<byte>(_file, (int)Math.Min(copy.Length, ShardFormat.PreambleLength + ShardFormat.MaxHeaderLength)),
                copy.Length);
            if (verify) RequireChecksum();
            RequireIds();
            for (var column = 0; column < _format.Columns.Length; column++) RequireColumn(column);
            _rankOfRow = new int[Count];
            for (var rank = 0; rank < Count; rank++) _rankOfRow[Order[rank]] = rank;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>SHA-256 of the whole file, as it was when it was read.</summary>
    public Fingerprint Checksum => _copy.Checksum;

    /// <summary>The shard's name within its generation.</summary>
    public string Name => _format.Header.Shard;

    /// <summary>The generation it was written for.</summary>
    public string Generation => _format.Header.Generation;

    /// <summary>What its items are.</summary>
    public Modality Modality => _format.Header.Modality;

    /// <summary>Values per embedding.</summary>
    public int Dimension => _format.Header.Dimension;

    /// <summary>Number of items.</summary>
    public int Count => _format.Header.Count;

    /// <summary>The names of its metadata columns.</summary>
    public IReadOnlyList<string> Columns => [.. _format.Header.Columns.Select(c => c.Name)];

    private ReadOnlySpan<int> Order => new(_file + _format.Order, Count);

    private ReadOnlySpan<uint> IdOffsets => new(_file + _format.IdOffsets, Count + 1);

    /// <summary>Reads a shard file and checks its structure: lengths, ids, metadata.</summary>
    /// <param name="path">The file.</param>
    /// <param name="verify">Also compare the SHA-256 that the file carries.</param>
    /// <exception cref="FuseMixException">There is no such file; or it is damaged, cut short, or no shard file: the message names it. Or
    /// there is no room for the copy.</exception>
    public static IndexShard Open(string path, bool verify = true) => Read(path, () =>
    {
        var copy = PrivateCopy.Of(path);
        try
        {
            return new IndexShard(path, copy, verify);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    });

    /// <summary>Checks that a shard file has the length that it says, without reading more of it than its header.</summary>
    /// <exception cref="FuseMixException">There is no such file; or it is cut short, or no shard file: the message names it.</exception>
    public static void RequireLength(string path) => Read(path, () =>
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var start = new byte[Math.Min(RandomAccess.GetLength(file), ShardFormat.PreambleLength + ShardFormat.MaxHeaderLength)];
        var read = RandomAccess.Read(file, start, 0);
        if (read < ShardFormat.PreambleLength) throw new InvalidDataException($"it has only {read} bytes");
        return ShardFormat.Parse(start.AsSpan(0, read), RandomAccess.GetLength(file));
    });

    /// <summary>The best items for each of a batch of queries, exactly: the same results as comparing every embedding in fp32.</summary>
    /// <param name="queries">[count × <see cref="Dimension"/>] finite and not zero; of unit length where scores should be cosines.</param>
    /// <param name="count">Number of queries; 0 gives no lists.</param>
    /// <param name="options">What to find; the defaults where null.</param>
    /// <returns>For each query its results by falling score, ties by id (code points ascending).</returns>
    /// <exception cref="FuseMixException">Another dimension, a query that is zero or not finite, an option out of range, or an unknown
    /// metadata column.</exception>
    /// <exception cref="ObjectDisposedException">The shard was closed.</exception>
    public SearchHit[][] Search(ReadOnlySpan<float> queries, int count, SearchOptions? options = null) =>
        Search(queries, count, options ?? new(), CodeKernel.Best, out _);

    internal SearchHit[][] Search(ReadOnlySpan<float> queries, int count, SearchOptions options, CodeKernel.Kind kernel, out long reranked)
    {
        using var use = new Use(_handle);
        var results = Scan(queries, count, options, kernel, out reranked);
        return [.. results.Select(hits => Array.ConvertAll(hits, hit => new SearchHit(IdOf(hit.Row), hit.Score, hit.Row)))];
    }

    /// <summary>As <see cref="Search(ReadOnlySpan{float}, int, SearchOptions?)"/>, but without the ids: for who merges several
    /// shards.</summary>
    /// <exception cref="FuseMixException">Another dimension, a query that is zero or not finite, an option out of range, or an unknown
    /// metadata column.</exception>
    /// <exception cref="ObjectDisposedException">The shard was closed.</exception>
    public FoundRows[] SearchRows(ReadOnlySpan<float> queries, int count, SearchOptions? options = null)
    {
        using var use = new Use(_handle);
        return Array.ConvertAll(
            Scan(queries, count, options ?? new(), CodeKernel.Best, out _),
            hits => new FoundRows(Array.ConvertAll(hits, hit => hit.Row), Array.ConvertAll(hits, hit => hit.Score)));
    }

    private (float Score, int Row)[][] Scan(
        ReadOnlySpan<float> queries, int count, SearchOptions options, CodeKernel.Kind kernel, out long reranked)
    {
        options.Validate();
        RequireQueries(queries, count);
        var scan = new ShardScan(_format, _file, _rankOfRow, kernel);
        var results = count == 0 ? [] : scan.Search(
            queries, count, Allowed(options), options.K, options.MinScore ?? float.NegativeInfinity, options.Threads);
        reranked = scan.Reranked;
        return results;
    }

    /// <summary>The id of a row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public string Id(int row)
    {
        RequireRow(row);
        using var use = new Use(_handle);
        return IdOf(row);
    }

    /// <summary>The metadata of a row; columns without a value are left out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such row.</exception>
    public IReadOnlyDictionary<string, string> Metadata(int row)
    {
        RequireRow(row);
        using var use = new Use(_handle);
        var values = new Dictionary<string, string>(_format.Columns.Length, StringComparer.Ordinal);
        for (var column = 0; column < _format.Columns.Length; column++)
        {
            var code = ColumnCodes(column)[row];
            if (code >= 0) values.Add(_format.Header.Columns[column].Name, Encoding.UTF8.GetString(ColumnValue(column, code)));
        }

        return values;
    }

    /// <summary>Finds the row of an id.</summary>
    public bool TryFind(string id, out int row)
    {
        using var use = new Use(_handle);
        row = Find(id);
        return row >= 0;
    }

    /// <summary>A copy of the embedding of an id, [<see cref="Dimension"/>] of unit length; false where there is no such item.</summary>
    public bool TryGetEmbedding(string id, [NotNullWhen(true)] out float[]? embedding)
    {
        using var use = new Use(_handle);
        var row = Find(id);
        embedding = row < 0 ? null : new ReadOnlySpan<float>(
            _file + _format.Embeddings + ((long)row * _format.Stride * sizeof(float)), Dimension).ToArray();
        return embedding is not null;
    }

    /// <summary>Lets go of the copy; searches that are under way end well.</summary>
    public void Dispose()
    {
        // The view unmaps when the last search that holds the handle lets go of it.
        if (_file != null && !_handle.IsClosed) _handle.ReleasePointer();
        _copy.Dispose();
    }

    private static T Read<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.NotFound, $"There is no shard file '{path}'.", "Build the collection again.", e);
        }
        catch (InvalidDataException e)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The shard file '{path}' is damaged: {e.Message}.",
                "Build the collection again, or restore the file from a copy.",
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(FailureKind.Unavailable, $"The shard file '{path}' cannot be read: {e.Message}", inner: e);
        }
    }

    private void RequireQueries(ReadOnlySpan<float> queries, int count)
    {
        if (count < 0 || queries.Length != (long)count * Dimension)
        {
            throw Invalid(
                $"{count} queries with {queries.Length} values were given; shard '{Name}' has embeddings of {Dimension} values.",
                "Embed the query with the fusion model that the collection was built with.");
        }

        for (var q = 0; q < count; q++)
        {
            double squares = 0;
            foreach (var value in queries.Slice(q * Dimension, Dimension)) squares += (double)value * value;
            if (!double.IsFinite(squares))
                throw Invalid($"Query {q} holds a value that is not a finite number.", "Check what it was embedded from.");
            if (squares == 0) throw Invalid(
                $"Query {q} is zero: it has no direction.", "Check what it was embedded from; a weighted sum may have cancelled out.");
            if (squares is < 1e-12 or > 1e12)
                throw Invalid($"Query {q} has length {Math.Sqrt(squares):G3}.", "Normalise queries to length 1.");
        }
    }

    private uint[]? Allowed(SearchOptions options)
    {
        if (options.Filter is null && options.Exclude is not { Count: > 0 }) return null;
        var allowed = new uint[_format.Tiles];
        allowed.AsSpan().Fill(uint.MaxValue);
        if ((Count & 31) != 0) allowed[^1] = (1u << (Count & 31)) - 1;
        foreach (var (name, values) in options.Filter?.AnyOf ?? new Dictionary<string, IReadOnlyCollection<string>>())
        {
            var column = Array.FindIndex([.. _format.Header.Columns], c => c.Name == name);
            if (column < 0) throw FuseMixException.UnknownName("metadata column", name, Columns, FailureKind.Invalid);
            var accepted = new bool[_format.Header.Columns[column].Distinct + 1];
            foreach (var value in values)
            {
                var code = FindValue(column, value);
                if (code >= 0) accepted[code + 1] = true;
            }

            var codes = ColumnCodes(column);
            for (var row = 0; row < codes.Length; row++)
            {
                if (!accepted[codes[row] + 1]) allowed[row >> 5] &= ~(1u << (row & 31));
            }
        }

        foreach (var id in options.Exclude ?? [])
        {
            var row = Find(id);
            if (row >= 0) allowed[row >> 5] &= ~(1u << (row & 31));
        }

        return allowed;
    }

    private ReadOnlySpan<byte> IdBytes(int row)
    {
        var offsets = IdOffsets;
        return new ReadOnlySpan<byte>(_file + _format.Ids + offsets[row], (int)(offsets[row + 1] - offsets[row]));
    }

    private string IdOf(int row) => Encoding.UTF8.GetString(IdBytes(row));

    private int Find(string id)
    {
        var bytes = Encoding.UTF8.GetBytes(id);
        var order = Order;
        int low = 0, high = Count - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var compared = IdBytes(order[middle]).SequenceCompareTo(bytes);
            if (compared == 0) return order[middle];
            if (compared < 0) low = middle + 1;
            else high = middle - 1;
        }

        return -1;
    }

    private ReadOnlySpan<int> ColumnCodes(int column) => new(_file + _format.Columns[column].Codes, Count);

    private ReadOnlySpan<byte> ColumnValue(int column, int code)
    {
        var offsets = (uint*)(_file + _format.Columns[column].Offsets);
        return new ReadOnlySpan<byte>(_file + _format.Columns[column].Values + offsets[code], (int)(offsets[code + 1] - offsets[code]));
    }

    private int FindValue(int column, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        int low = 0, high = _format.Header.Columns[column].Distinct - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var compared = ColumnValue(column, middle).SequenceCompareTo(bytes);
            if (compared == 0) return middle;
            if (compared < 0) low = middle + 1;
            else high = middle - 1;
        }

        return -1;
    }

    private void RequireChecksum()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(new ReadOnlySpan<byte>(_file, 32));
        for (long at = ShardFormat.PreambleLength; at < _format.FileLength; at += 1 << 24)
        {
            hash.AppendData(new ReadOnlySpan<byte>(_file + at, (int)Math.Min(1 << 24, _format.FileLength - at)));
        }

        if (!hash.GetHashAndReset().AsSpan().SequenceEqual(new ReadOnlySpan<byte>(_file + 32, 32)))
        {
            throw new InvalidDataException("its content does not match its checksum");
        }
    }

    private void RequireIds()
    {
        RequireOffsets(IdOffsets, _format.Header.IdBytes, "ids");
        var order = Order;
        for (var rank = 0; rank < order.Length; rank++)
        {
            if ((uint)order[rank] >= (uint)Count) throw new InvalidDataException("its order of ids names a row that is not there");
            var id = IdBytes(order[rank]);
            if (id.Length is 0 or > ShardFormat.MaxIdBytes || !Utf8.IsValid(id))
                throw new InvalidDataException("one of its ids is not valid");

            // Strictly rising ids are all different, so the rows they name are too, and the order is complete.
            if (rank > 0 && IdBytes(order[rank - 1]).SequenceCompareTo(id) >= 0)
                throw new InvalidDataException("its ids are out of order or not unique");
        }
    }

    private void RequireColumn(int column)
    {
        var (name, distinct, bytes) = _format.Header.Columns[column];
        RequireOffsets(new ReadOnlySpan<uint>(_file + _format.Columns[column].Offsets, distinct + 1), bytes, $"column '{name}'");
        for (var code = 0; code < distinct; code++)
        {
            if (!Utf8.IsValid(ColumnValue(column, code)))
                throw new InvalidDataException($"a value of its column '{name}' is not valid text");
            if (code > 0 && ColumnValue(column, code - 1).SequenceCompareTo(ColumnValue(column, code)) >= 0)
                throw new InvalidDataException($"the values of its column '{name}' are out of order");
        }

        foreach (var code in ColumnCodes(column))
        {
            if (code < -1 || code >= distinct) throw new InvalidDataException($"its column '{name}' names a value that is not there");
        }
    }

    private static void RequireOffsets(ReadOnlySpan<uint> offsets, long end, string what)
    {
        var rising = offsets[0] == 0 && offsets[^1] == end;
        for (var i = 1; i < offsets.Length; i++) rising &= offsets[i] >= offsets[i - 1] && offsets[i] - offsets[i - 1] <= int.MaxValue;
        if (!rising) throw new InvalidDataException($"the offsets of its {what} do not rise to their end");
    }

    private void RequireRow(int row)
    {
        if ((uint)row >= (uint)Count) throw new ArgumentOutOfRangeException(nameof(row), row, $"Shard '{Name}' has rows 0 to {Count - 1}.");
    }

    private static FuseMixException Invalid(string message, string remedy) => new(FailureKind.Invalid, message, remedy);

    /// <summary>Keeps the mapping alive while something reads it: closing meanwhile must not pull the memory away.</summary>
    private readonly ref struct Use
    {
        private readonly SafeHandle _handle;

        public Use(SafeHandle handle)
        {
            var added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
        }

        public void Dispose() => _handle.DangerousRelease();
    }
}
