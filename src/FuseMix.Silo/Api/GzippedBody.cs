using System.IO.Compression;

namespace FuseMix.Silo.Api;

/// <summary>What the gzip in a body holds, of which no more comes out than a body may have: a small gzip may hold any amount.</summary>
/// <param name="body">The gzip.</param>
/// <param name="limit">Most bytes that come out of it.</param>
/// <param name="tooLarge">What is thrown where there are more.</param>
internal sealed class GzippedBody(Stream body, long limit, Func<Exception> tooLarge) : Stream
{
    private readonly GZipStream _content = new(body, CompressionMode.Decompress, leaveOpen: true);
    private long _left = limit;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        try
        {
            read = await _content.ReadAsync(buffer, cancellationToken);
        }
        catch (InvalidDataException wrong)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                "The body is not the gzip that its content encoding says.",
                "Send it as gzip, or leave 'content-encoding' out.",
                wrong);
        }

        if (read > _left) throw tooLarge();
        _left -= read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("Requests are read without blocking.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _content.Dispose();
        base.Dispose(disposing);
    }
}
