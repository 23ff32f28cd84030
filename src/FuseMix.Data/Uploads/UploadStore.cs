using System.Globalization;
using System.Security.Cryptography;
using FuseMix.Storage;

namespace FuseMix.Data.Uploads;

/// <summary>
/// The files that came over the network: <c>uploads/&lt;dataset&gt;/&lt;time&gt;/</c>, and <c>uploads/.incoming/</c> where they arrive.
/// Safe for several processes on one folder.
/// </summary>
/// <param name="home">The home folder.</param>
/// <param name="time">The clock for names; the system's where null.</param>
public sealed class UploadStore(FuseMixHome home, TimeProvider? time = null)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    private string Incoming => Path.Combine(home.Uploads, ".incoming");

    /// <summary>An empty folder for what comes in; it is gone when disposed. What processes that died left behind is removed.</summary>
    public Upload Begin()
    {
        Directory.CreateDirectory(Incoming);
        foreach (var abandoned in Directory.EnumerateDirectories(Incoming).ToArray())
        {
            // Whoever still writes holds the lock.
            if (FileLock.TryAcquire(LockOf(abandoned)) is { } held) new Upload(abandoned, held).Dispose();
        }

        var folder = Path.Combine(Incoming, Guid.NewGuid().ToString("N"));
        var own = FileLock.TryAcquire(LockOf(folder))!;
        Directory.CreateDirectory(folder);
        return new Upload(folder, own);
    }

    /// <summary>Makes what came in the files of a dataset: they get a place that stays, from which the dataset is then imported.</summary>
    /// <remarks>Those of the dataset's earlier version stay until the next upload, for work that is under way with them; older ones
    /// go.</remarks>
    /// <param name="upload">All that came in.</param>
    /// <param name="dataset">Name of the dataset.</param>
    /// <param name="import">Imports from the folder that it is given, and saves; when it fails nothing has happened.</param>
    /// <param name="cancellation">Ends the waiting for another upload of the same dataset.</param>
    /// <exception cref="FuseMixException">The name is not valid, or another upload of the dataset takes long.</exception>
    public async Task<T> Enter<T>(Upload upload, string dataset, Func<string, Task<T>> import, CancellationToken cancellation = default)
    {
        var all = FolderOf(dataset);
        using var changing = await Task.Run(() => Lock(dataset, cancellation), cancellation);
        var folder = Path.Combine(
            all,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{_time.GetUtcNow():yyyyMMddHHmmssfff}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}"));
        Directory.CreateDirectory(all);
        AtomicFile.SyncFiles(upload.Folder);
        Directory.Move(upload.Folder, folder);
        T imported;
        try
        {
            imported = await import(folder);
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }

        foreach (var old in
            Directory.EnumerateDirectories(all).Where(other => other != folder).OrderDescending(StringComparer.Ordinal).Skip(1).ToArray())
            Directory.Delete(old, recursive: true);
        return imported;
    }

    /// <summary>Removes all that was uploaded for a dataset; nothing where nothing was.</summary>
    public void Remove(string dataset)
    {
        var folder = FolderOf(dataset);
        if (!Directory.Exists(folder)) return;
        using var changing = Lock(dataset, CancellationToken.None);
        Directory.Delete(folder, recursive: true);
    }

    private FileLock Lock(string dataset, CancellationToken cancellation) =>
        FileLock.Acquire(Path.Combine(home.Uploads, ".locks", dataset), $"The upload of dataset '{dataset}'", Patience, cancellation);

    private string FolderOf(string dataset) => Path.Combine(home.Uploads, ResourceName.Require(dataset, "dataset"));

    private static string LockOf(string folder) => $"{folder}.lock";
}

/// <summary>A folder in which an upload arrives, removed when disposed with whatever is in it then.</summary>
public sealed class Upload : IDisposable
{
    private readonly FileLock _lock;

    internal Upload(string folder, FileLock held) => (Folder, _lock) = (folder, held);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
        _lock.Dispose();

        // No other upload has this name: nobody waits for the lock.
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(Folder)!, $"{Path.GetFileName(Folder)}.lock*").ToArray())
            File.Delete(file);
    }
}
