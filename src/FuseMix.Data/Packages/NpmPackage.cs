namespace FuseMix.Data.Packages;

/// <summary>One version of an npm package, pinned by the hash of its tarball, of which some folders or files are wanted.</summary>
/// <param name="Name">The package's name, with its scope where it has one: <c>@scope/name</c>.</param>
/// <param name="Version">An exact version.</param>
/// <param name="Integrity"><c>sha512-</c> and the SHA-512 of the tarball in base64, as lock files have it.</param>
/// <param name="Wanted">Paths within the package: a file, or a folder with a '/' at its end; empty for everything.</param>
public sealed record NpmPackage(string Name, string Version, string Integrity, IReadOnlyList<string> Wanted)
{
    /// <summary>The folder's name in the store: a '/' in the name becomes '+'.</summary>
    public string FolderName => $"{Name.Replace('/', '+')}@{Version}";

    /// <summary>What npm calls it.</summary>
    public string Specification => $"{Name}@{Version}";

    /// <summary>Whether a path within the package is among the wanted ones; its own description always is.</summary>
    internal bool Wants(string path) =>
        Wanted.Count == 0 || path == "package.json" || Wanted.Any(
            w => w.EndsWith('/') ? path.StartsWith(w, StringComparison.Ordinal) : path == w);

    /// <summary>Fails where a part could leave the store's folder or be taken for an option of npm.</summary>
    internal NpmPackage Checked()
    {
        var valid = Name.Length > 0 && Name[0] is not ('-' or '.') && Name.Split('/').Length <= 2
            && Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '@')
            && !Name.Contains("..", StringComparison.Ordinal)
            && Version.Length > 0 && Version.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '+')
            && !Version.Contains("..", StringComparison.Ordinal);
        if (!valid) throw new FuseMixException(FailureKind.Invalid, $"'{Specification}' is not the name and exact version of a package.");
        if (!Integrity.StartsWith("sha512-", StringComparison.Ordinal) || Integrity.Length != "sha512-".Length + 88)
            throw new FuseMixException(FailureKind.Invalid, $"The integrity of package '{Specification}' is not a SHA-512 in base64.");
        return this;
    }
}

/// <summary>What is being done to fetch a package.</summary>
public enum PackageStage
{
    /// <summary>npm is fetching the tarball; how far it is cannot be told.</summary>
    Downloading,

    /// <summary>The tarball is being hashed.</summary>
    Verifying,

    /// <summary>The wanted files are being unpacked.</summary>
    Unpacking,
}

/// <summary>How far a fetch has come.</summary>
/// <param name="Package">Name and version.</param>
/// <param name="Stage">What is being done.</param>
/// <param name="Bytes">Bytes of the tarball that this stage is through.</param>
/// <param name="TotalBytes">Bytes of the tarball; 0 while it is not known.</param>
/// <param name="Files">Files unpacked so far.</param>
public readonly record struct PackageProgress(string Package, PackageStage Stage, long Bytes, long TotalBytes, int Files);
