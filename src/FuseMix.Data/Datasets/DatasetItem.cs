using System.Collections.ObjectModel;
using System.Text;

namespace FuseMix.Data.Datasets;

/// <summary>Which part of a dataset an item is in.</summary>
public enum Split
{
    /// <summary>Adapters learn from it.</summary>
    Train,

    /// <summary>The best epoch is picked by it.</summary>
    Validation,

    /// <summary>Only reported on; nothing is ever chosen by it.</summary>
    Test,
}

/// <summary>One picture, text or sound of a dataset.</summary>
public sealed record DatasetItem
{
    /// <summary>The longest id, in characters.</summary>
    public const int MaxIdLength = 200;

    /// <summary>Unique in the dataset: 1 to 200 characters, no control characters, no white space at either end.</summary>
    public required string Id { get; init; }

    /// <summary>What kind of thing it is.</summary>
    public required Modality Modality { get; init; }

    /// <summary>Items of one group depict or say the same; a group is never torn between splits.</summary>
    public required string Group { get; init; }

    /// <summary>The part it is in.</summary>
    public required Split Split { get; init; }

    /// <summary>The text itself; null for an item that is a file.</summary>
    public string? Text { get; init; }

    /// <summary>The file, relative to the home folder where it lies in it, else absolute; null for a text.</summary>
    public string? File { get; init; }

    /// <summary>Bytes of the file, or of the text in UTF-8.</summary>
    public required long Size { get; init; }

    /// <summary>SHA-256 of the file, or of the text in UTF-8, in lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }

    /// <summary>What else is known about it, to be shown and to filter by.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Whether a text may be an item's id.</summary>
    public static bool IsValidId(string? id)
    {
        if (id is not { Length: > 0 and <= MaxIdLength } || char.IsWhiteSpace(id[0]) || char.IsWhiteSpace(id[^1])) return false;

        // Nearly all are plain ASCII, and there may be millions.
        return !id.AsSpan().ContainsAnyExceptInRange(' ', '~') || (!id.Any(char.IsControl) && IsWellFormed(id));
    }

    /// <summary>Whether every surrogate has its other half, so that UTF-8 can hold the text unchanged.</summary>
    internal static bool IsWellFormed(string text)
    {
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var consumed) != System.Buffers.OperationStatus.Done) return false;
            rest = rest[consumed..];
        }

        return true;
    }
}

/// <summary>Two items that belong together, such as a picture and its caption; an item may be in several pairs.</summary>
/// <param name="First">Id of the picture or sound.</param>
/// <param name="Second">Id of the caption, or of the sound that belongs to a picture.</param>
public sealed record DatasetPair(string First, string Second);

/// <summary>Something that was to be imported and was not.</summary>
/// <param name="Source">The file, line or record.</param>
/// <param name="Reason">Why not.</param>
public sealed record ImportFailure(string Source, string Reason);
