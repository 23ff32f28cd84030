using FuseMix.Core.Files;

namespace FuseMix.Contracts.Catalog;

/// <summary>What is done with the files of a home folder, whose bytes are too many for grain messages: whoever has the folder does it,
/// clients elsewhere do it over HTTP.</summary>
public interface IHomeFiles
{
    /// <summary>The content of an item as it was when its dataset was imported.</summary>
    /// <exception cref="FuseMixException">Unknown dataset or item, or its file is missing or has changed.</exception>
    Task<ItemContent> Content(string dataset, string itemId, CancellationToken cancellationToken = default);

    /// <summary>Tries a pack out and installs a copy of it. Safe to repeat.</summary>
    /// <param name="name">The name that its <c>encoder.json</c> gives it.</param>
    /// <param name="folder">The folder with <c>encoder.json</c>; it is not changed.</param>
    /// <param name="replace">Whether a pack of that name with another content is replaced.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The pack is not valid, has another name, or the name is taken by another content.</exception>
    Task<EncoderSummary> PutEncoder(string name, string folder, bool replace = false, CancellationToken cancellationToken = default);

    /// <summary>Removes a pack; latents and models that were made with it stay.</summary>
    /// <param name="name">The encoder.</param>
    /// <param name="force">Whether it goes though a collection searches with it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">There is none of that name; or a collection searches with it, which is named
    /// (conflict).</exception>
    Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default);

    /// <summary>Imports a dataset in place of any of that name; the files stay where they are. Safe to repeat.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="source">Where it is.</param>
    /// <param name="progress">Told about every file or row of the table.</param>
    /// <param name="cancellationToken">Stops the import.</param>
    /// <exception cref="FuseMixException">The source is missing or malformed, or nothing in it could be imported.</exception>
    Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Imports a folder that lies in the home's <c>imports</c> already. Safe to repeat.</summary>
    /// <param name="name">What to call the dataset.</param>
    /// <param name="folder">Name of the folder in <c>imports</c>; no path.</param>
    /// <param name="cancellationToken">Stops the import.</param>
    /// <exception cref="FuseMixException">There is no such folder, or nothing in it could be imported.</exception>
    Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default);

    /// <summary>Forgets a dataset; latents and models that were made of it stay. Files that were uploaded for it are deleted.</summary>
    /// <param name="name">The dataset.</param>
    /// <param name="force">Whether it goes though a collection shows its items.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">There is none of that name; or a collection shows its items, which is named
    /// (conflict).</exception>
    Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default);
}

/// <summary>An item's content.</summary>
/// <param name="Bytes">The file, or the text in UTF-8.</param>
/// <param name="MediaType">What it is, e.g. <c>image/png</c> or <c>text/plain; charset=utf-8</c>.</param>
/// <param name="Sha256">SHA-256 of <paramref name="Bytes"/>, in hexadecimal.</param>
public sealed record ItemContent(byte[] Bytes, string MediaType, string Sha256);

/// <summary>How a user's own data are written down.</summary>
public enum DatasetFormat
{
    /// <summary>A folder of pictures and sounds, with captions in text files of the same name beside them.</summary>
    Folder,

    /// <summary>A table with a JSON object per line.</summary>
    JsonLines,

    /// <summary>A table with a heading.</summary>
    Csv,
}

/// <summary>A user's own data.</summary>
/// <param name="Format">How they are written down.</param>
/// <param name="Path">The folder; or the table, which names files relative to its own folder.</param>
public sealed record DatasetSource(DatasetFormat Format, string Path)
{
    /// <summary>The terms under which the data may be used.</summary>
    public string Licence { get; init; } = "not stated";

    /// <summary>One or two sentences about them; null for one that names the source.</summary>
    public string? About { get; init; }

    /// <summary>Whether they came from somebody else: files outside of the folder are refused then, and failures do not tell where it
    /// lies.</summary>
    public bool IsForeign { get; init; }

    /// <summary>What was left out of them on the way here, with the reason; it is recorded in the dataset.</summary>
    public IReadOnlyList<FolderOmission> Omissions { get; init; } = [];

    /// <summary>What to send along with a table where it has to be sent: paths relative to its folder, and in it; null for all of the
    /// folder.</summary>
    public IReadOnlyList<string>? Files { get; init; }
}

/// <summary>How far an upload is.</summary>
/// <param name="Done">Bytes sent; where the files need not be sent, files or rows that were read.</param>
/// <param name="Total">The same in all; 0 while not known.</param>
public readonly record struct UploadProgress(long Done, long Total);
