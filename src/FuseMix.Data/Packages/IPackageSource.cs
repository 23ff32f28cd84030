namespace FuseMix.Data.Packages;

/// <summary>Where tarballs come from; tests put a folder in npm's place.</summary>
internal interface IPackageSource
{
    /// <summary>Puts the tarball of a package into <paramref name="folder"/> and returns its path.</summary>
    Task<string> DownloadAsync(NpmPackage package, string folder, CancellationToken cancellation);
}
