using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Storage;
using FuseMix.Training.Kernels;
using FuseMix.Training.Models;
using FuseMix.Training.Normalisation;
using FuseMix.Training.Recipe;

namespace FuseMix.Training.Checkpoints;

/// <summary>What a run is, as far as its checkpoints are concerned: one of another run is refused.</summary>
internal sealed record RunIdentity(TrainingRecipe Recipe, ulong Seed, Fingerprint Data);

/// <summary>The best validated weights so far.</summary>
internal sealed record BestWeights(int Step, double Mean, float[] Parameters);

/// <summary>The state of a run on disk: weights, their averages, both moments, the step, which stands for every random number to come.</summary>
internal sealed class Checkpoint(string folder)
{
    private const string Format = "2";
    private const string FileName = "checkpoint.safetensors";

    /// <summary>Where the checkpoint is.</summary>
    public string Path { get; } = System.IO.Path.Combine(folder, FileName);

    /// <summary>How far the run of the checkpoint in a folder has come.</summary>
    /// <returns>Steps done and steps in all, the latter 0 in one of an earlier version; both 0 where there is none, or none that can be read.</returns>
    public static (int Step, int Steps) Reached(string folder)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        if (!File.Exists(path)) return default;
        try
        {
            using var file = SafetensorsFile.Open(path);
            return (Number("step"), Number("steps"));

            int Number(string key) => int.TryParse(file.Metadata.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
        }
        catch (FuseMixException)
        {
            // Whoever goes on from it meets what is wrong, and names it.
            return default;
        }
    }

    /// <summary>Writes the state after the step in hand; whole or not at all.</summary>
    public void Save(RunIdentity run, TrainingSession session, BestWeights? best, IReadOnlyList<ValidationResult> validations)
    {
        var network = session.Network;
        network.Pull();
        var writer = new SafetensorsWriter()
            .AddMetadata("format", Format)
            .AddMetadata("step", session.Done.ToString(CultureInfo.InvariantCulture))
            .AddMetadata("steps", session.Steps.ToString(CultureInfo.InvariantCulture))
            .AddMetadata("seed", run.Seed.ToString(CultureInfo.InvariantCulture))
            .AddMetadata("recipe", run.Recipe.ToJson())
            .AddMetadata("data", run.Data.Hex)
            .AddMetadata("layout", network.Layout.ToString())
            .AddMetadata("validations", JsonSerializer.Serialize([.. validations], ModelJson.Default.ValidationResultArray));
        foreach (var (name, buffer) in network.State.Buffers) writer.AddStreamed(name, SafetensorsDtype.F32, [buffer.Length], stream => Write(stream, buffer));
        foreach (var (modality, transform) in session.Transforms.OrderBy(t => t.Key))
        {
            if (transform.Kind == TransformKind.None) continue;
            var prefix = $"transform.{TrainingData.Name(modality)}";
            writer.AddFloat32($"{prefix}.mean", transform.Mean, transform.Input);
            writer.AddFloat32($"{prefix}.factors", transform.Factors, transform.Factors.Length / transform.Input, transform.Input);
        }

        if (best is not null)
        {
            writer.AddMetadata("bestStep", best.Step.ToString(CultureInfo.InvariantCulture));
            writer.AddMetadata("bestMean", best.Mean.ToString("R", CultureInfo.InvariantCulture));
            writer.AddFloat32("best", best.Parameters, best.Parameters.Length);
        }

        writer.Save(Path);
    }

    /// <summary>Opens the checkpoint of a run; null where there is none.</summary>
    /// <exception cref="FuseMixException">It is damaged, or of another run: the difference is named.</exception>
    public SafetensorsFile? Open(RunIdentity run)
    {
        if (!File.Exists(Path)) return null;
        var file = SafetensorsFile.Open(Path);
        try
        {
            var format = Text(file, "format");
            if (format != Format) throw Other($"it has format {format}, this version writes {Format}");
            if (Text(file, "data") != run.Data.Hex) throw Other("it was trained on other data (another dataset, other encoders or another split)");
            var seed = run.Seed.ToString(CultureInfo.InvariantCulture);
            if (Text(file, "seed") != seed) throw Other($"its seed is {Text(file, "seed")}, not {seed}");
            if (Difference(Text(file, "recipe"), run.Recipe.ToJson()) is { } difference) throw Other(difference);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The transforms that the run was begun with.</summary>
    public static Dictionary<Modality, LatentTransform> Transforms(SafetensorsFile file, TrainingData data, TrainingRecipe recipe)
    {
        var transforms = new Dictionary<Modality, LatentTransform>();
        foreach (var (modality, source) in data.Latents)
        {
            var (kind, dimension) = (recipe.Of(modality).Transform, source.Latents.Dimension);
            if (kind == TransformKind.None)
            {
                transforms[modality] = LatentTransform.None(dimension);
                continue;
            }

            var prefix = $"transform.{TrainingData.Name(modality)}";
            var factors = file.Values<float>($"{prefix}.factors").ToArray();
            var output = LatentTransform.IsRotation(kind) ? factors.Length / dimension : dimension;
            transforms[modality] = new LatentTransform(kind, dimension, output, file.Values<float>($"{prefix}.mean").ToArray(), factors);
        }

        return transforms;
    }

    /// <summary>Brings a session to the state of the checkpoint.</summary>
    public (BestWeights? Best, IReadOnlyList<ValidationResult> Validations) Restore(SafetensorsFile file, TrainingSession session)
    {
        var network = session.Network;
        if (Text(file, "layout") is var layout && layout != network.Layout.ToString()) throw Other($"its adapters are {layout}, not {network.Layout}");
        foreach (var (name, buffer) in network.State.Buffers) file.CopyFloats(name, buffer.Span);
        network.Push();
        session.Done = int.Parse(Text(file, "step"), CultureInfo.InvariantCulture);
        var validations = JsonSerializer.Deserialize(Text(file, "validations"), ModelJson.Default.ValidationResultArray)!;
        if (!file.Metadata.ContainsKey("bestStep")) return (null, validations);
        var best = new BestWeights(
            int.Parse(Text(file, "bestStep"), CultureInfo.InvariantCulture),
            double.Parse(Text(file, "bestMean"), CultureInfo.InvariantCulture),
            file.Values<float>("best").ToArray());
        return (best, validations);
    }

    private static unsafe void Write(Stream stream, AlignedBuffer buffer)
    {
        const long Most = 1 << 20;
        for (long start = 0; start < buffer.Length; start += Most)
        {
            stream.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<float>(buffer.Pointer + start, (int)Math.Min(Most, buffer.Length - start))));
        }
    }

    private string Text(SafetensorsFile file, string key) => file.Metadata.TryGetValue(key, out var value)
        ? value
        : throw new FuseMixException(FailureKind.Corrupt, $"Checkpoint '{Path}' lacks its '{key}'.", $"Delete '{Path}' to start anew.");

    /// <summary>The first key in which two recipes differ, in words; null where they are the same.</summary>
    private static string? Difference(string theirs, string ours)
    {
        if (theirs == ours) return null;
        var (a, b) = (JsonNode.Parse(theirs)!.AsObject(), JsonNode.Parse(ours)!.AsObject());
        foreach (var key in a.Select(m => m.Key).Union(b.Select(m => m.Key)))
        {
            if (!JsonNode.DeepEquals(a[key], b[key])) return $"its recipe has '{key}' {Show(a[key])}, not {Show(b[key])}";
        }

        return "its recipe is another one";

        static string Show(JsonNode? value) => value?.ToJsonString() ?? "unset";
    }

    private FuseMixException Other(string difference) => new(
        FailureKind.Conflict, $"Checkpoint '{Path}' is of another run: {difference}.", "Go on with what it was made by, or delete it to start anew.");
}
