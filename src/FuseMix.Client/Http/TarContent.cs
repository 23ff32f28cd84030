using System.Formats.Tar;
using System.Net;
using FuseMix.Contracts.Catalog;
using FuseMix.Core.Files;

namespace FuseMix.Client.Http;

/// <summary>Files as the body of a request: a tar that is written while it is sent, however large it is.</summary>
internal sealed class TarContent : HttpContent
{
    /// <summary>The attribute of an entry without content that stands for something that is not sent, and why.</summary>
    private const string OmittedAttribute = "FUSEMIX.omitted";

    private readonly FolderContents _contents;
    private readonly IProgress<UploadProgress>? _progress;
    private readonly long _total;

    /// <param name="contents">What is sent, and what the other side is told is not.</param>
    /// <param name="progress">Told how many bytes of the files are sent.</param>
    public TarContent(FolderContents contents, IProgress<UploadProgress>? progress)
    {
        (_contents, _progress, _total) = (contents, progress, contents.Files.Sum(file => LengthOf(file.Path)));
        Headers.ContentType = new("application/x-tar");
    }

    /// <summary>What kept a file from being read to its end, which is no failure of the cluster; null otherwise.</summary>
    public FuseMixException? Failure { get; private set; }

    /// <summary>Every file under a folder. What is hidden, no file, or behind a link that leads out of it stays here.</summary>
    /// <exception cref="FuseMixException">There is no such folder, it may not be read, or there is nothing in it.</exception>
    public static FolderContents FilesOf(string folder)
    {
        var contents = FolderWalk.Of(folder, folder);
        return contents.Files.Count > 0 || contents.Omissions.Any(omission => !omission.IsSystemFile)
            ? contents : throw new FuseMixException(FailureKind.Invalid, $"There is nothing in the folder '{folder}'.");
    }

    /// <summary>Every file under a folder, of which nothing may be missing but what is hidden.</summary>
    /// <exception cref="FuseMixException">See <see cref="FilesOf(string)"/>; or something in the folder cannot be sent.</exception>
    public static FolderContents WholeOf(string folder)
    {
        var contents = FilesOf(folder);
        var missing = contents.Omissions.FirstOrDefault(
            omission => !omission.IsSystemFile && !omission.Name.Split('/').Any(part => part.StartsWith('.')));
        if (missing is not null)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"'{missing.Name}' in the folder '{folder}' cannot be sent: {missing.Reason}.",
                "Put a file in its place, or take it out.");
        return contents.Files.Count > 0 ? contents with { Omissions = [] }
            : throw new FuseMixException(FailureKind.Invalid, $"There is nothing in the folder '{folder}'.");
    }

    /// <summary>A table and the files that are sent beside it.</summary>
    /// <param name="table">The table.</param>
    /// <param name="named">Their paths relative to the table's folder; what is not there, or not in it, is for the import to complain
    /// of.</param>
    /// <exception cref="FuseMixException">There is no such table.</exception>
    public static FolderContents FilesOf(string table, IEnumerable<string> named)
    {
        if (!File.Exists(table)) throw new FuseMixException(FailureKind.NotFound, $"There is no file '{table}'.", "Check the path.");
        var root = Path.GetDirectoryName(Path.GetFullPath(table))!;
        var realRoot = FilePlace.RealPath(root) ?? root;
        List<FolderFile> files = [new(Path.GetFileName(table), Path.GetFullPath(table))];
        var omissions = new List<FolderOmission>();
        var names = new AlikeNames();
        foreach (var name in named)
        {
            var path = Path.GetFullPath(names.Find(root, name));
            var relative = Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');
            if (relative.Split('/')[0] == ".." || Path.IsPathRooted(relative)) continue;
            var kind = FilePlace.KindOf(path);
            if (kind == FileKind.Other) omissions.Add(new FolderOmission(relative, "it is no file but a pipe, a socket or a device"));
            else if (kind == FileKind.File && FilePlace.RealPath(path) is { } real && !FilePlace.IsWithin(real, realRoot))
                omissions.Add(new FolderOmission(relative, "it is a link that leads out of the folder"));
            else if (kind == FileKind.File) files.Add(new FolderFile(relative, path));
        }

        return new FolderContents([.. files.DistinctBy(file => file.Name, StringComparer.Ordinal)], [.. omissions.Distinct()]);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var sent = 0L;
        await using var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var omission in _contents.Omissions) await Omit(omission);
        foreach (var (name, path) in _contents.Files)
        {
            FileStream opened;
            try
            {
                opened = new FileStream(
                    path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16,
                    FileOptions.Asynchronous | FileOptions.SequentialScan);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                await Omit(
                    new FolderOmission(
                        name,
                        e is UnauthorizedAccessException
                            ? "it may not be read by the user who sent it"
                            : "it could not be read where it was sent from"));
                continue;
            }

            await using var file = new ReadFile(
                opened, read => _progress?.Report(new UploadProgress(sent += read, _total)), e => Failure = Broken(path, e));
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = file }, cancellationToken);
        }

        Task Omit(FolderOmission omission) => tar.WriteEntryAsync(
            new PaxTarEntry(TarEntryType.RegularFile, omission.Name, [new(OmittedAttribute, omission.Reason)]), cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private static FuseMixException Broken(string path, Exception e) =>
        new(
            FailureKind.Unavailable,
            $"'{path}' cannot be read to its end: {e.Message}",
            "Check the disk that it is on, or leave it out.",
            e);

    /// <summary>For the progress alone: whoever is gone meanwhile is recorded when it is his turn.</summary>
    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    /// <summary>Tells of every read.</summary>
    private sealed class ReadFile(FileStream file, Action<int> read, Action<Exception> failed) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => file.Length;

        public override long Position { get => file.Position; set => file.Position = value; }

        public override int Read(byte[] buffer, int offset, int count) => Told(file.Read(buffer, offset, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return Told(await file.ReadAsync(buffer, cancellationToken));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failed(e);
                throw;
            }
        }

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
