namespace FuseMix.Cli.Studies;

/// <summary>What is varied, and in which steps.</summary>
/// <param name="Name">Name of the study and of its files.</param>
/// <param name="About">What it asks, in one sentence for the help and the report.</param>
/// <param name="Variants">What is trained on each seed, in the order of the table.</param>
internal sealed record Study(string Name, string About, StudyVariant[] Variants)
{
    /// <summary>What <see cref="StudyVariant.Value"/> counts, with its unit; null where variants are not on a scale.</summary>
    public string? Axis { get; init; }

    /// <summary>Whether the scale is logarithmic.</summary>
    public bool Logarithmic { get; init; }

    /// <summary>Whether linear CCA is measured beside the variants.</summary>
    public bool WithBaseline { get; init; }
}

/// <summary>One recipe of a study.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Settings">Keys of the recipe that differ, as "key=value".</param>
/// <param name="Value">Where it is on the scale; null for nowhere.</param>
/// <param name="Series">The curve that it is a point of; "" where there is only one.</param>
internal sealed record StudyVariant(string Name, string[] Settings, double? Value = null, string Series = "")
{
    /// <summary>Encoders that differ from those of the study; null for none.</summary>
    public IReadOnlyDictionary<Modality, string>? Encoders { get; init; }

    /// <summary>The dataset to train on; null for the study's own.</summary>
    public string? TrainedOn { get; init; }

    /// <summary>The dataset to measure on; null for the study's own.</summary>
    public string? MeasuredOn { get; init; }
}
