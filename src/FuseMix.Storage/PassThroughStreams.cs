using System.Security.Cryptography;

namespace FuseMix.Storage;

/// <summary>A write-only stream that hands every byte on; it does not own the stream beneath.</summary>
internal abstract class PassThroughStream : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public sealed override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
}

/// <summary>Counts what is written.</summary>
internal sealed class CountingStream(Stream beneath) : PassThroughStream
{
    public long Count { get; private set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        beneath.Write(buffer);
        Count += buffer.Length;
    }

    public override void Flush() => beneath.Flush();
}

/// <summary>Hashes what is written, so that a file need not be read again for its checksum.</summary>
internal sealed class HashingStream : PassThroughStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Stream _beneath = Null;

    public HashingStream Over(Stream beneath)
    {
        _beneath = beneath;
        return this;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _beneath.Write(buffer);
        _hash.AppendData(buffer);
    }

    public override void Flush() => _beneath.Flush();

    public Fingerprint Fingerprint() => new(Convert.ToHexStringLower(_hash.GetHashAndReset()));

    protected override void Dispose(bool disposing)
    {
        if (disposing) _hash.Dispose();
        base.Dispose(disposing);
    }
}
