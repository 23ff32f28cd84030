using System.Formats.Tar;
using System.Text;
using FuseMix.Core.Files;
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

    /// <summary>The attribute of an entry that stands for something that its sender left out, and why; it has no content.</summary>
    public const string OmittedAttribute = "FUSEMIX.omitted";

    /// <summary>The longest reason for leaving something out that is taken from a sender, in characters.</summary>
    private const int MaxReasonLength = 300;

    /// <summary>Writes every file of a tar into a folder. Entries that may not be there are left out, and the others go on.</summary>
    /// <param name="request">The request; what it may send at most is set here.</param>
    /// <param name="folder">An empty folder.</param>
    /// <param name="limits">How much may come.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <returns>What was left out, here or by the sender.</returns>
    /// <exception cref="FuseMixException">It is no tar, or broke off.</exception>
    /// <exception cref="BadHttpRequestException">It is said to be something else (415), or is too large (413).</exception>
    public static async Task<IReadOnlyList<FolderOmission>> Unpack(HttpRequest request, string folder, TarLimits limits, CancellationToken cancellationToken)
    {
        RequestBody.RequireType(request, MediaType, RequestBody.IsOfType(request, MediaType));
        var body = RequestBody.Open(request, limits.Bytes, () => TooLarge(limits));
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = limits.Bytes;
        return await Unpack(body, folder, limits, cancellationToken);
    }

    /// <inheritdoc cref="Unpack(HttpRequest, string, TarLimits, CancellationToken)"/>
    internal static async Task<IReadOnlyList<FolderOmission>> Unpack(Stream tar, string folder, TarLimits limits, CancellationToken cancellationToken)
    {
        await using var input = new TarInput(tar);
        await using var reader = new TarReader(input, leaveOpen: true);
        var omissions = new List<FolderOmission>();
        var (entries, bytes) = (0, 0L);
        while (await Next(input, reader, cancellationToken) is { } entry)
        {
            if (entry.EntryType == TarEntryType.GlobalExtendedAttributes) continue;
            if (++entries > limits.Entries)
            {
                throw new BadHttpRequestException(
                    $"The tar has more than {limits.Entries} entries.", StatusCodes.Status413PayloadTooLarge);
            }

            var parts = PartsOf(entry.Name, entry.EntryType == TarEntryType.Directory, out var problem);
            problem = OmittedBySender(entry) ?? problem ?? ProblemOf(entry, folder, parts!);
            var path = problem is null ? Path.Combine(folder, Path.Combine(parts!)) : "";
            if (problem is null && entry.EntryType == TarEntryType.Directory)
            {
                Directory.CreateDirectory(path);
                continue;
            }

            // Before anything is written: what an entry claims to hold counts, whether it comes or not.
            var original = problem is null && entry.EntryType == TarEntryType.HardLink ? OriginalOf(entry, folder, out problem) : null;
            var length = original is null ? entry.Length : new FileInfo(original).Length;
            if (length > limits.Bytes - bytes) throw TooLarge(limits);
            bytes += length;
            if (problem is not null)
            {
                omissions.Add(new FolderOmission(Shown(entry.Name), problem));
                await Skip(entry, cancellationToken);
            }
            else await Write(entry, original, path, cancellationToken);
        }

        return input.SawEnd ? omissions : throw BrokeOff(null);
    }

    /// <summary>Steps over the content of an entry, which must not be taken for the headers of the next.</summary>
    private static async Task Skip(TarEntry entry, CancellationToken cancellationToken)
    {
        try
        {
            if (entry.DataStream is { } content) await content.CopyToAsync(Stream.Null, cancellationToken);
        }
        catch (EndOfStreamException wrong)
        {
            throw BrokeOff(wrong);
        }
    }

    private static async Task Write(TarEntry entry, string? original, string path, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (original is not null)
            {
                File.Copy(original, path);
                return;
            }

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
        catch (NotSupportedException wrong)
        {
            // What follows it cannot be found either.
            throw new FuseMixException(
                FailureKind.Invalid, $"The tar has an entry that is not read here: {wrong.Message}", "Make it without --sparse and --multi-volume: tar -C FOLDER -cf FILE.tar .", wrong);
        }
        catch (Exception wrong) when (wrong is FormatException or InvalidDataException or InvalidOperationException or ArgumentException or OverflowException)
        {
            throw new FuseMixException(
                FailureKind.Invalid, "The body of the request is not a tar that can be read.", "Make one with: tar -C FOLDER -cf FILE.tar .", wrong);
        }
        finally
        {
            input.ExpectContent();
        }
    }

    /// <summary>What the sender says of something that it left out; null of an entry that is there.</summary>
    private static string? OmittedBySender(TarEntry entry)
    {
        if (entry is not PaxTarEntry pax || !pax.ExtendedAttributes.TryGetValue(OmittedAttribute, out var reason)) return null;
        return string.Concat(reason.Take(MaxReasonLength).Select(c => char.IsControl(c) ? ' ' : c));
    }

    /// <summary>Why an entry whose path is fine is left out nevertheless; null where it is not.</summary>
    private static string? ProblemOf(TarEntry entry, string folder, string[] parts)
    {
        // A folder and files: links lead out of it, devices and pipes lead anywhere, and sparse files grow when they are read.
        switch (entry.EntryType)
        {
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile or TarEntryType.Directory or TarEntryType.HardLink:
                break;
            case TarEntryType.SymbolicLink:
                return "it is a symbolic link, and the tar lacks what it leads to (tar --dereference puts that in its place)";
            default:
                return $"it is neither a file nor a folder but {entry.EntryType}";
        }

        var path = Path.Combine(folder, Path.Combine(parts));
        if (entry.EntryType == TarEntryType.Directory) return File.Exists(path) || IsBelowFile(path, folder) ? "it is a file and a folder at once" : null;
        return File.Exists(path) ? "it is in the tar twice, and the first one stays"
            : Directory.Exists(path) || IsBelowFile(path, folder) ? "it is a file and a folder at once" : null;
    }

    /// <summary>The file that a hard link is another name of, which came before it.</summary>
    private static string? OriginalOf(TarEntry link, string folder, out string? problem)
    {
        problem = null;
        if (PartsOf(link.LinkName, isFolder: false, out _) is { } parts && Path.Combine(folder, Path.Combine(parts)) is var path && File.Exists(path)) return path;
        problem = "it is a hard link to what did not come before it (tar --hard-dereference writes the file itself)";
        return null;
    }

    /// <summary>The parts of a path in the tar, which leads nowhere but down; null where there is a problem with it.</summary>
    private static string[]? PartsOf(string name, bool isFolder, out string? problem)
    {
        string[] parts = [.. name.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".")];
        problem = name.Length > TarLimits.PathLength ? $"its path has more than {TarLimits.PathLength} characters"
            : name.Contains('\uFFFD') ? "its name is not in UTF-8"
            : name.Any(char.IsControl) ? "its name has control characters"
            : name.Contains('\\') ? "its name has a '\\'"
            : name.StartsWith('/') ? "its path is one from the root"
            : parts.Contains("..") ? "its path has '..'"
            : parts.Any(part => Encoding.UTF8.GetByteCount(part) > MaxPartBytes) ? $"its name has more than {MaxPartBytes} bytes"
            : parts.Length > TarLimits.Depth ? $"it lies in more than {TarLimits.Depth} folders"
            : parts.Length == 0 && !isFolder ? "it has no name"
            : null;
        return problem is null ? parts : null;
    }

    private static bool IsBelowFile(string path, string folder)
    {
        for (var above = Path.GetDirectoryName(path); above is not null && above.Length > folder.Length; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(above)) return true;
        }

        return false;
    }

    private static string Shown(string name)
    {
        var path = name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name;
        return path.Length <= 100 ? path : $"{path[..100]}…";
    }

    private static FuseMixException BrokeOff(Exception? inner) =>
        new(FailureKind.Invalid, "The tar breaks off before its end.", "Send all of it.", inner);

    private static BadHttpRequestException TooLarge(TarLimits limits) =>
        new($"The upload is larger than the {limits.Bytes} bytes that FuseMix:Http:MaxUploadBytes allows.", StatusCodes.Status413PayloadTooLarge);
}
