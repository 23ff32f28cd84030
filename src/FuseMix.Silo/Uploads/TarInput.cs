using System.Formats.Tar;
using FuseMix.Silo.Api;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Uploads;

/// <summary>Stands between the network and <see cref="TarReader"/>, which takes a tar at its word: it makes room for as much metadata as a
/// header claims, and takes the end of the stream for the end of the tar.</summary>
/// <param name="source">Where the tar comes from.</param>
internal sealed class TarInput(Stream source) : RequestStream
{
    private const int HeaderSize = 512;
    private bool _atHeader;
    private int _left;

    /// <summary>Whether the last header was the empty one that ends a tar.</summary>
    public bool SawEnd { get; private set; }

    /// <summary>What is read from here on is the headers of one entry.</summary>
    public void ExpectHeaders() => (_atHeader, _left) = (true, TarLimits.MetadataBytes);

    /// <summary>What is read from here on is the content of the entry.</summary>
    public void ExpectContent() => _atHeader = false;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_atHeader) return await source.ReadAsync(buffer, cancellationToken);
        if (buffer.Length > _left) throw TooMuchMetadata();
        var read = await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        _left -= read;
        if (read == HeaderSize) Check(buffer.Span[..read]);
        return read;
    }

    /// <summary>Refuses a header of metadata that claims to be large before anybody makes room for it.</summary>
    private void Check(ReadOnlySpan<byte> header)
    {
        SawEnd = !header.ContainsAnyExcept((byte)0);
        const int sizeAt = 124, sizeLength = 12, typeAt = 156;
        var type = (TarEntryType)header[typeAt];
        if (type is not (TarEntryType.ExtendedAttributes or TarEntryType.GlobalExtendedAttributes or TarEntryType.LongPath
            or TarEntryType.LongLink)) return;
        long size = 0;
        foreach (var digit in header.Slice(sizeAt, sizeLength))
        {
            // The high bit marks a number that octal digits cannot hold.
            if (digit >= 0x80) throw TooMuchMetadata();
            if (digit is >= (byte)'0' and <= (byte)'7') size = (size * 8) + (digit - '0');
        }

        if (size > TarLimits.MetadataBytes) throw TooMuchMetadata();
    }

    private static BadHttpRequestException TooMuchMetadata() => new(
        $"An entry of the tar has more than {TarLimits.MetadataBytes >> 10} KiB of names and attributes.",
        StatusCodes.Status413PayloadTooLarge);
}
