using System.CommandLine;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.Training;

/// <summary>The options that say which encoders to train with.</summary>
internal static class EncoderOptions
{
    private static readonly Dictionary<Modality, Option<string?>> OptionOf = new[] { Modality.Image, Modality.Text, Modality.Audio }
        .ToDictionary(modality => modality, modality => Of(modality.ToString().ToLowerInvariant()));

    public static Option<string?>[] All => [.. OptionOf.Values];

    /// <summary>What the user chose, per modality.</summary>
    public static Dictionary<Modality, string> Given(CliRun run) =>
        OptionOf.Where(entry => run.Get(entry.Value) is not null).ToDictionary(entry => entry.Key, entry => run.Get(entry.Value)!);

    private static Option<string?> Of(string modality) => new($"--{modality}")
    {
        Description = $"The {modality} encoder (default: the one that the dataset has latents of); several side by side as a+b",
        HelpName = "encoder",
    };
}
