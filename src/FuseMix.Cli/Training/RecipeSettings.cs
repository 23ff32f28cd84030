using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Training.Recipe;

namespace FuseMix.Cli.Training;

/// <summary>Makes a recipe of <c>--preset</c>, <c>--recipe</c> and <c>--set</c>.</summary>
internal static class RecipeSettings
{
    /// <param name="preset">A built-in recipe; null for none.</param>
    /// <param name="file">A recipe file; null for none. Not both.</param>
    /// <param name="settings">"key=value", in order; a dotted key reaches into an object.</param>
    /// <exception cref="FuseMixException">An unknown preset, a file that is missing or malformed, an unknown key or a value out of
    /// range.</exception>
    public static TrainingRecipe Read(string? preset, string? file, IReadOnlyList<string> settings)
    {
        if (preset is not null && file is not null)
            throw new FuseMixException(
                FailureKind.Invalid,
                "--preset and --recipe exclude each other.",
                "A recipe file may start from a preset: { \"preset\": \"small\", … }.");
        var recipe = file is null ? new JsonObject { ["preset"] = preset ?? "small" } : ReadFile(file);
        foreach (var setting in settings) Apply(recipe, setting);
        return TrainingRecipe.Parse(recipe.ToJsonString(), file is null ? "The recipe" : $"Recipe '{file}'");
    }

    private static JsonObject ReadFile(string file)
    {
        try
        {
            var options = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
            return JsonNode.Parse(File.ReadAllText(file), documentOptions: options) as JsonObject
                ?? throw new FuseMixException(
                    FailureKind.Invalid, $"'{file}' is not a JSON object.", "A recipe is { \"preset\": \"small\", \"depth\": 4, … }.");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"There is no recipe file '{file}'.",
                $"Presets need no file: --preset {string.Join(" | ", TrainingRecipe.PresetNames)}.",
                error);
        }
        catch (JsonException error)
        {
            throw new FuseMixException(FailureKind.Invalid, $"'{file}' is not JSON: {error.Message}", inner: error);
        }
    }

    private static void Apply(JsonObject recipe, string setting)
    {
        if (setting.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at))
            throw new FuseMixException(
                FailureKind.Invalid,
                $"--set needs key=value, not '{setting}'.",
                "For example --set depth=4, or --set modalities.image.components=128.");
        var path = setting[..at].Split('.');
        var target = recipe;
        foreach (var part in path[..^1])
        {
            // A preset's own value of an object is replaced as a whole, so it has to be there to be changed in part.
            target[part] ??= Inherited(recipe, path, part);
            target = target[part] as JsonObject
                ?? throw new FuseMixException(FailureKind.Invalid, $"--set {setting}: '{part}' has no keys of its own.");
        }

        target[path[^1]] = Value(setting[(at + 1)..]);
    }

    private static JsonNode Inherited(JsonObject recipe, string[] path, string part) =>
        part == path[0] && recipe["preset"]?.GetValue<string>() is { } preset
            && JsonNode.Parse(TrainingRecipe.Preset(preset).ToJson())![part] is { } inherited
            ? inherited.DeepClone()
            : new JsonObject();

    /// <summary>A number, a truth value or null where it reads as one; else a word.</summary>
    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
