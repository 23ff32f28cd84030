using System.IO.Compression;

namespace FuseMix.Silo.Api;

/// <summary>What the gzip in a body holds, of which no more comes out than a body may have: a small gzip may hold any amount.</summary>
/// <param name="body">The gzip.</param>
/// <param name="limit">Most bytes that come out of it.</param>
/// <param name="tooLarge">What is thrown where there are more.</param>
internal sealed class GzippedBody(Stream body, long limit, Func<Exception> tooLarge) : RequestStream
{
    private readonly GZipStream _content = new(body, CompressionMode.Decompress, leaveOpen: true);
    private long _left = limit;

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

    protected override void Dispose(bool disposing)
    {
        if (disposing) _content.Dispose();
        base.Dispose(disposing);
    }
}
