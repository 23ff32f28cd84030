namespace FuseMix.Contracts.Http;

/// <summary>What a yardstick is fitted to.</summary>
/// <param name="Dataset">Name of the dataset whose training pairs to take.</param>
public sealed record BaselineBody(string? Dataset)
{
    /// <summary>The name of the dataset.</summary>
    /// <exception cref="FuseMixException">It is missing, or breaks the rule for names.</exception>
    public string RequireDataset() => ResourceName.Require(Given.Value(Dataset, "dataset"), "dataset");
}

/// <summary>A yardstick.</summary>
/// <param name="Model">Name of the linear model, which is measured like any other.</param>
public sealed record BaselineAnswer(string Model);
