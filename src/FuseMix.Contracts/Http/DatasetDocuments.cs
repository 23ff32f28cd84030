using FuseMix.Contracts.Catalog;

namespace FuseMix.Contracts.Http;

/// <summary>Which folder to import.</summary>
/// <param name="Folder">Its name below 'imports' in the home folder.</param>
public sealed record RegisterBody(string? Folder)
{
    /// <summary>The name of the folder.</summary>
    /// <exception cref="FuseMixException">It is missing, or breaks the rule for names.</exception>
    public string RequireFolder() => ResourceName.Require(Given.Value(Folder, "folder"), "folder");
}

/// <summary>The words for <see cref="DatasetFormat"/>; those for tables are also how the names of their files end.</summary>
public static class DatasetFormatWords
{
    private static readonly Dictionary<DatasetFormat, string> Words = new()
    {
        [DatasetFormat.Folder] = "folder",
        [DatasetFormat.JsonLines] = "jsonl",
        [DatasetFormat.Csv] = "csv",
    };

    /// <summary>Every word.</summary>
    public static string[] All => [.. Words.Values];

    /// <summary>The word for a format.</summary>
    public static string Of(DatasetFormat format) => Words[format];

    /// <summary>The format that a word, one of <see cref="All"/>, stands for.</summary>
    public static DatasetFormat Parse(string word) => Words.Single(entry => entry.Value == word).Key;
}
