using FuseMix.Storage;

namespace FuseMix.Data.Latents;

/// <summary>Clears a latent set of what no manifest will ever list again. The caller holds the set's lock.</summary>
internal static class LatentGarbage
{
    public static void Remove(string folder, LatentManifest manifest)
    {
        AtomicFile.RemoveLeftovers(folder);
        // Pending shards' names stay: the next commit of theirs overwrites them.
        var listed = manifest.Shards.Select(s => s.FileName).Append(manifest.PlanFile).ToHashSet(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(folder, "shard-*.safetensors").Concat(Directory.EnumerateFiles(folder, "plan-*.txt")).ToArray())
            if (!listed.Contains(Path.GetFileName(path))) File.Delete(path);
    }
}
