using System.Formats.Tar;
using System.Text;
using FuseMix.Silo.Api;
using FuseMix.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FuseMix.Silo.Uploads;

/// <summary>Unpacks the tar in the body of a request, of which nothing is believed.</summary>
internal static class TarUpload
{
    /// <summary>The longest name that file systems take.</summary>
    private const int MaxPartBytes = 255;

    /// <summary>The content type of a tar.</summary>
    public const string MediaType = "application/x-tar";

    /// <summary>Writes every file of a tar into a folder.</summary>
    /// <param name="request">The request; what it may send at most is set here.</param>
    /// <param name="folder">An empty folder.</param>
    /// <param name="limits">How much may come.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <exception cref="FuseMixException">It is no tar, broke off, or has an entry that may not be: the message names it.</exception>
    /// <exception cref="BadHttpRequestException">It is said to be something else (415), or is too large (413).</exception>
    public static async Task Unpack(HttpRequest request, string folder, TarLimits limits, CancellationToken cancellationToken)
    {
        RequestBody.RequireType(request, MediaType, RequestBody.IsOfType(request, MediaType));
        await using var body = RequestBody.Open(request, limits.Bytes, () => TooLarge(limits));
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = limits.Bytes;
        await Unpack(body, folder, limits, cancellationToken);
    }

    /// <inheritdoc cref="Unpack(HttpRequest, string, TarLimits, CancellationToken)"/>
    internal static async Task Unpack(Stream tar, string folder, TarLimits limits, CancellationToken cancellationToken)
    {
        await using var input = new TarInput(tar);
        await using var reader = new TarReader(input, leaveOpen: true);
        var (entries, bytes) = (0, 0L);
        while (await Next(input, reader, cancellationToken) is { } entry)
        {
            if (entry.EntryType == TarEntryType.GlobalExtendedAttributes) continue;
            if (++entries > limits.Entries)
            {
                throw new BadHttpRequestException(
                    $"The tar has more than {limits.Entries} entries.", StatusCodes.Status413PayloadTooLarge);
            }

            var path = Path.Combine(folder, Path.Combine(PartsOf(entry)));
            if (entry.EntryType == TarEntryType.Directory)
            {
                if (File.Exists(path) || IsBelowFile(path, folder)) throw Refused(entry, "is a file and a folder at once");
                Directory.CreateDirectory(path);
                continue;
            }

            if (File.Exists(path) || Directory.Exists(path) || IsBelowFile(path, folder)) throw Refused(entry, "is there twice, or is a file and a folder at once");

            // Before anything is written: what an entry claims to hold counts, whether it comes or not.
            if (entry.Length > limits.Bytes - bytes) throw TooLarge(limits);
            bytes += entry.Length;
            await Write(entry, path, cancellationToken);
        }

        if (!input.SawEnd) throw BrokeOff(null);
    }

    private static async Task Write(TarEntry entry, string path, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
            if (entry.DataStream is { } content) await content.CopyToAsync(file, cancellationToken);
            if (file.Length != entry.Length) throw BrokeOff(null);
        }
        catch (EndOfStreamException wrong)
        {
            throw BrokeOff(wrong);
        }
        catch (Exception failure) when (DiskFailure.Of(failure, Path.GetFileName(path)) is { } known)
        {
            throw known;
        }
    }

    private static async Task<TarEntry?> Next(TarInput input, TarReader reader, CancellationToken cancellationToken)
    {
        input.ExpectHeaders();
        try
        {
            return await reader.GetNextEntryAsync(copyData: false, cancellationToken);
        }
        catch (EndOfStreamException wrong)
        {
            throw BrokeOff(wrong);
        }
        catch (Exception wrong) when (wrong is FormatException or InvalidDataException or InvalidOperationException or ArgumentException or OverflowException or NotSupportedException)
        {
            throw new FuseMixException(
                FailureKind.Invalid, "The body of the request is not a tar that can be read.", "Make one with: tar -C FOLDER -cf FILE.tar .", wrong);
        }
        finally
        {
            input.ExpectContent();
        }
    }

    /// <summary>The parts of an entry's path, which leads nowhere but down.</summary>
    private static string[] PartsOf(TarEntry entry)
    {
        // A folder and nothing else: links lead out of it, devices and pipes lead anywhere, and sparse files grow when they are read.
        if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile or TarEntryType.Directory))
            throw Refused(entry, $"is neither a file nor a folder but {entry.EntryType}");
        var name = entry.Name;
        if (name.Length > TarLimits.PathLength) throw Refused(entry, $"has a path of more than {TarLimits.PathLength} characters");
        if (name.Any(c => char.IsControl(c) || c is '\\' or '\uFFFD')) throw Refused(entry, "has a path with '\\', control characters or bytes that are not UTF-8");
        if (name.StartsWith('/')) throw Refused(entry, "has a path from the root");
        string[] parts = [.. name.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".")];
        if (parts.Contains("..")) throw Refused(entry, "has a path with '..'");
        if (parts.FirstOrDefault(part => Encoding.UTF8.GetByteCount(part) > MaxPartBytes) is not null) throw Refused(entry, $"has a name of more than {MaxPartBytes} bytes");
        if (parts.Length > TarLimits.Depth) throw Refused(entry, $"lies in more than {TarLimits.Depth} folders");
        if (parts.Length == 0 && entry.EntryType != TarEntryType.Directory) throw Refused(entry, "has no name");
        return parts;
    }

    private static bool IsBelowFile(string path, string folder)
    {
        for (var above = Path.GetDirectoryName(path); above is not null && above.Length > folder.Length; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(above)) return true;
        }

        return false;
    }

    private static FuseMixException Refused(TarEntry entry, string why)
    {
        var name = entry.Name.Length <= 100 ? entry.Name : $"{entry.Name[..100]}…";
        return new FuseMixException(
            FailureKind.Invalid, $"The entry '{name}' of the tar {why}.", "Make one of plain files with: tar -C FOLDER --dereference -cf FILE.tar .");
    }

    private static FuseMixException BrokeOff(Exception? inner) =>
        new(FailureKind.Invalid, "The tar breaks off before its end.", "Send all of it.", inner);

    private static BadHttpRequestException TooLarge(TarLimits limits) =>
        new($"The upload is larger than the {limits.Bytes} bytes that FuseMix:Http:MaxUploadBytes allows.", StatusCodes.Status413PayloadTooLarge);
}
