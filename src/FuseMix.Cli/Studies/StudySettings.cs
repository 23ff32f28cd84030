namespace FuseMix.Cli.Studies;

/// <summary>What a study is made with.</summary>
/// <param name="Command">What somebody else types to get the same.</param>
/// <param name="Dataset">The dataset to train and to measure on, where a variant names no other.</param>
/// <param name="Encoders">Encoder per modality as the user chose; where there is no choice it may be missing.</param>
/// <param name="Preset">The recipe that is varied; null for the usual one.</param>
/// <param name="Recipe">Keys of the recipe that differ for every variant, as "key=value".</param>
/// <param name="Seeds">Seeds per variant.</param>
/// <param name="Split">The split to measure on.</param>
/// <param name="Folds">Folds of train and validation to measure on instead; null for none.</param>
/// <param name="Without">Leave out items whose metadata have this key set to "true"; null for none.</param>
internal sealed record StudySettings(
    string Command,
    string Dataset,
    Dictionary<Modality, string> Encoders,
    string? Preset,
    string[] Recipe,
    int Seeds,
    string Split,
    int? Folds,
    string? Without);
