using FuseMix.Core.Files;
using FuseMix.Data.Uploads;
using FuseMix.Silo.Configuration;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Uploads;

/// <summary>Takes uploads in and sees to it that nobody learns where.</summary>
internal sealed class Uploaded(UploadStore store, HttpOptions options)
{
    /// <summary>Most entries of one tar.</summary>
    public const int MaxEntries = 1_000_000;

    /// <summary>What came in, and where failures about it may not say that it lies.</summary>
    /// <param name="request">The request with a tar in its body.</param>
    /// <param name="use">Makes use of the files, and of what is not among them; the folder is gone afterwards.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <exception cref="FuseMixException">See <see cref="TarUpload"/>, and what <paramref name="use"/> fails with.</exception>
    public async Task<T> Take<T>(
        HttpRequest request, Func<Upload, IReadOnlyList<FolderOmission>, Task<T>> use, CancellationToken cancellationToken)
    {
        using var upload = await Task.Run(store.Begin, cancellationToken);
        var omissions = await TarUpload.Unpack(
            request, upload.Folder, new TarLimits(options.MaxUploadBytes, MaxEntries), cancellationToken);
        return await Hiding(upload.Folder, () => use(upload, omissions));
    }

    /// <summary>What came in where all of it is needed.</summary>
    /// <exception cref="FuseMixException">Something was left out.</exception>
    public Task<T> TakeWhole<T>(HttpRequest request, Func<Upload, Task<T>> use, CancellationToken cancellationToken) => Take(
        request,
        (upload, omissions) =>
            omissions.FirstOrDefault(omission => !omission.IsSystemFile) is not { } missing ? use(upload) : throw new FuseMixException(
            FailureKind.Invalid,
            $"'{missing.Name}' in the tar cannot be taken: {missing.Reason}.",
            "Make one of plain files with: tar -C FOLDER --dereference -cf FILE.tar ."),
        cancellationToken);

    /// <summary>Gives what came in to a dataset; see <see cref="UploadStore.Enter"/>.</summary>
    public Task<T> Enter<T>(Upload upload, string dataset, Func<string, Task<T>> import, CancellationToken cancellationToken) =>
        store.Enter(upload, dataset, folder => Hiding(folder, () => import(folder)), cancellationToken);

    /// <summary>Failures name files by their paths, which are nothing to whoever sent them: they become those of the tar.</summary>
    private static async Task<T> Hiding<T>(string folder, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (FuseMixException failure) when (failure.Advice.Contains(folder, StringComparison.Ordinal))
        {
            throw new FuseMixException(failure.Kind, Hide(failure.Message), failure.Remedy is { } remedy ? Hide(remedy) : null, failure);
        }

        string Hide(string text) => text
            .Replace(folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal)
            .Replace(folder, "The upload", StringComparison.Ordinal);
    }
}
