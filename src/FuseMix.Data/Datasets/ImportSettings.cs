using FuseMix.Core.Files;

namespace FuseMix.Data.Datasets;

/// <summary>What an import of a user's own data needs to know.</summary>
/// <param name="Name">The dataset's name.</param>
public sealed record ImportSettings(string Name)
{
    /// <summary>The terms under which the data may be used.</summary>
    public string Licence { get; init; } = "not stated";

    /// <summary>One or two sentences about it; null for a sentence that names the source.</summary>
    public string? About { get; init; }

    /// <summary>The shares of the splits for groups whose split the source does not give.</summary>
    public SplitRatios Ratios { get; init; } = SplitRatios.Default;

    /// <summary>The folder that no file may lie outside of, and relative to which failures name files, as of data that came from somebody
    /// else; null for the user's own, which may lie anywhere.</summary>
    public string? Within { get; init; }

    /// <summary>What was left out of the source on its way here, which is recorded as what is left out here is.</summary>
    public IReadOnlyList<FolderOmission> Omissions { get; init; } = [];

    internal ImportSettings Checked()
    {
        ResourceName.Require(Name, "dataset");
        Ratios.Checked();
        return this;
    }
}
