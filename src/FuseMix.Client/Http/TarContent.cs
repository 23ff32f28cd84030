using System.Formats.Tar;
using System.Net;
using FuseMix.Contracts.Catalog;

namespace FuseMix.Client.Http;

/// <summary>Files as the body of a request: a tar that is written while it is sent, however large it is.</summary>
internal sealed class TarContent : HttpContent
{
    private readonly IReadOnlyList<(string Name, string Path)> _files;
    private readonly IProgress<UploadProgress>? _progress;
    private readonly long _total;

    /// <param name="files">Name in the tar and path of each file.</param>
    /// <param name="progress">Told how many bytes of the files are sent.</param>
    public TarContent(IReadOnlyList<(string Name, string Path)> files, IProgress<UploadProgress>? progress)
    {
        (_files, _progress, _total) = (files, progress, files.Sum(file => new FileInfo(file.Path).Length));
        Headers.ContentType = new("application/x-tar");
    }

    /// <summary>What kept a file from being read, which is no failure of the cluster; null otherwise.</summary>
    public FuseMixException? Failure { get; private set; }

    /// <summary>Every file under a folder, but those in hidden folders and the hidden ones themselves.</summary>
    /// <exception cref="FuseMixException">There is no such folder, or nothing in it.</exception>
    public static IReadOnlyList<(string Name, string Path)> FilesOf(string folder)
    {
        if (!Directory.Exists(folder)) throw new FuseMixException(FailureKind.NotFound, $"There is no folder '{folder}'.", "Check the path.");
        var root = Path.GetFullPath(folder);
        (string Name, string Path)[] files =
        [
            .. Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
                .Select(path => (Name: Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/'), Path: path))
                .Where(file => !file.Name.Split('/').Any(part => part.StartsWith('.')))
                .OrderBy(file => file.Name, StringComparer.Ordinal),
        ];
        return files.Length > 0 ? files : throw new FuseMixException(FailureKind.Invalid, $"There is nothing in the folder '{folder}'.");
    }

    /// <summary>A table and the files that are sent beside it.</summary>
    /// <param name="table">The table.</param>
    /// <param name="named">Their paths relative to the table's folder; what is not there is for the import to complain of.</param>
    /// <exception cref="FuseMixException">There is no such table, or a path leads out of its folder.</exception>
    public static IReadOnlyList<(string Name, string Path)> FilesOf(string table, IEnumerable<string> named)
    {
        if (!File.Exists(table)) throw new FuseMixException(FailureKind.NotFound, $"There is no file '{table}'.", "Check the path.");
        var root = Path.GetDirectoryName(Path.GetFullPath(table))!;
        return
        [
            .. named.Select(Inside).Prepend((Name: Path.GetFileName(table), Path: Path.GetFullPath(table)))
                .Where(file => File.Exists(file.Path)).DistinctBy(file => file.Name, StringComparer.Ordinal),
        ];

        (string Name, string Path) Inside(string name)
        {
            var path = Path.GetFullPath(Path.Combine(root, name));
            var relative = Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');
            return relative.Split('/')[0] != ".." && !Path.IsPathRooted(relative) ? (relative, path) : throw new FuseMixException(
                FailureKind.Invalid, $"'{table}' names '{name}', which lies outside of its folder.", "Only what lies beside the table can be sent: move it there.");
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var sent = 0L;
        await using var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var (name, path) in _files)
        {
            await using var file = new ReadFile(Open(path), read => _progress?.Report(new UploadProgress(sent += read, _total)));
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = file }, cancellationToken);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure = new FuseMixException(FailureKind.Unavailable, $"'{path}' cannot be read: {e.Message}", "Check its permissions, then try again.", e);
        }
    }

    /// <summary>Tells of every read.</summary>
    private sealed class ReadFile(FileStream file, Action<int> read) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => file.Length;

        public override long Position { get => file.Position; set => file.Position = value; }

        public override int Read(byte[] buffer, int offset, int count) => Told(file.Read(buffer, offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Told(await file.ReadAsync(buffer, cancellationToken));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override ValueTask DisposeAsync() => file.DisposeAsync();

        protected override void Dispose(bool disposing)
        {
            if (disposing) file.Dispose();
            base.Dispose(disposing);
        }

        private int Told(int count)
        {
            read(count);
            return count;
        }
    }
}
