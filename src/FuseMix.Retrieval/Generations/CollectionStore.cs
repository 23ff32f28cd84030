using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Retrieval.Shards;
using FuseMix.Storage;

namespace FuseMix.Retrieval.Generations;

/// <summary>Collections on disk: <c>collections/&lt;name&gt;/&lt;generation&gt;/</c> with shard files and a manifest, and <c>live.json</c> beside them.</summary>
/// <remarks>
/// A generation never changes once its manifest is there. Which one is live is one small file, swapped atomically: whoever reads it sees
/// the old generation or the new one, whole. Safe for several processes on one folder.
/// </remarks>
/// <param name="home">The home folder.</param>
/// <param name="time">The clock for time stamps; the system's where null.</param>
public sealed class CollectionStore(FuseMixHome home, TimeProvider? time = null)
{
    private const string ManifestFile = "manifest.json";
    private const string LiveFile = "live.json";
    private const string NeedsFile = "needs.json";
    private const string Remedy = "Build the collection again, or restore the file from a copy.";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    internal DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>The names of all collections with at least one committed generation, in order.</summary>
    public IReadOnlyList<string> Collections() =>
        [.. Folders(home.Collections).Where(name => ResourceName.IsValid(name) && Generations(name).Any()).Order(StringComparer.Ordinal)];

    /// <summary>Whether there surely is no such collection: not where the folder of all collections is away.</summary>
    public bool Lacks(string collection) => Directory.Exists(home.Collections) && !Directory.Exists(FolderOf(collection));

    /// <summary>Starts a new generation of a collection, which need not exist yet.</summary>
    /// <exception cref="FuseMixException">A name or the dimension is not valid, or the disk fails.</exception>
    public GenerationBuild Begin(string collection, GenerationSpec spec)
    {
        ResourceName.Require(collection, "collection");
        ResourceName.Require(spec.Model, "fusion model");
        using var changing = Lock(collection);

        // The number is for people and for order; the random part makes ids unique even after a collection was dropped and made anew.
        var number = 1 + Folders(FolderOf(collection)).Select(NumberOf).DefaultIfEmpty(0).Max();
        var generation = string.Create(CultureInfo.InvariantCulture, $"g{number:D6}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        var probe = new ShardWriter(generation, "probe", Modality.Image, spec.Dimension, spec.Columns);
        var folder = FolderOf(collection, generation);
        var needs = new GenerationNeeds(spec.Model, spec.ModelFingerprint.Hex, spec.Encoders);
        AtomicFile.WriteJson(Path.Combine(folder, NeedsFile), needs, GenerationJson.Default.GenerationNeeds);
        AtomicFile.SyncFolder(FolderOf(collection));
        return new GenerationBuild(
            this, collection, generation, spec with { Columns = probe.Columns }, FileLock.Acquire(Path.Combine(folder, GenerationBuild.LockFile), $"Generation '{generation}'", TimeSpan.Zero));
    }

    /// <summary>The generation that searches see; null where the collection has none that is live.</summary>
    /// <exception cref="FuseMixException">There is no such collection, or its files are damaged.</exception>
    public GenerationManifest? Live(string collection)
    {
        RequireCollection(collection);
        return LiveId(collection) is { } id ? Manifest(collection, id) : null;
    }

    /// <summary>The ids of all committed generations of a collection, the newest first; old ones may be deleted while they are looked at.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    public IReadOnlyList<string> List(string collection)
    {
        RequireCollection(collection);
        return Generations(collection);
    }

    /// <summary>The manifest of one committed generation.</summary>
    /// <exception cref="FuseMixException">There is none (the nearest id is named), or it is damaged.</exception>
    public GenerationManifest Manifest(string collection, string generation)
    {
        RequireCollection(collection);
        if (!Generations(collection).Contains(generation)) throw FuseMixException.UnknownName($"generation of collection '{collection}'", generation, Generations(collection));
        var path = Path.Combine(FolderOf(collection, generation), ManifestFile);
        var manifest = Read(path, GenerationJson.Default.GenerationManifest);
        if (manifest.Collection != collection || manifest.Generation != generation)
        {
            throw Corrupt(path, $"it is that of generation '{manifest.Generation}' of collection '{manifest.Collection}'");
        }

        if (manifest.Dimension < 1 || manifest.Shards.Count == 0 || manifest.Shards.Any(s => s is null || !ResourceName.IsValid(s.Name) || s.File != s.Name + ShardFormat.Extension || s.Count < 1))
        {
            throw Corrupt(path, "its shards are not valid");
        }

        return manifest;
    }

    /// <summary>What all generations need, those that are being built too: neither may be deleted while they are there.</summary>
    /// <exception cref="FuseMixException">What one of them needs cannot be read.</exception>
    public GenerationPins Pins()
    {
        var needs = Folders(home.Collections).Where(ResourceName.IsValid)
            .SelectMany(collection => Folders(FolderOf(collection)).Where(id => NumberOf(id) > 0).Select(id => FolderOf(collection, id)))
            .Select(Needs).OfType<GenerationNeeds>().ToList();
        return new GenerationPins(
            needs.Select(need => new NamedContent(need.Model, new Fingerprint(need.ModelFingerprint))).ToHashSet(),
            needs.SelectMany(need => need.Encoders).Select(encoder => new NamedContent(encoder.Name, new Fingerprint(encoder.Fingerprint))).ToHashSet());
    }

    /// <summary>Reads one shard of a generation and checks that it is the one that the manifest names, byte by byte.</summary>
    /// <param name="manifest">The generation.</param>
    /// <param name="shard">The shard's name.</param>
    /// <exception cref="FuseMixException">No such shard; or the file is missing, damaged, or of another generation.</exception>
    public IndexShard OpenShard(GenerationManifest manifest, string shard)
    {
        var entry = manifest.Shards.FirstOrDefault(s => s.Name == shard) ?? throw FuseMixException.UnknownName("shard", shard, manifest.Shards.Select(s => s.Name));
        var path = PathOf(manifest, entry);
        var opened = IndexShard.Open(path, verify: false);
        try
        {
            if (opened.Generation != manifest.Generation) throw Foreign($"generation '{opened.Generation}', not '{manifest.Generation}'");
            if (opened.Name != entry.Name) throw Foreign($"shard '{opened.Name}', not '{entry.Name}'");
            if (opened.Modality != entry.Modality) throw Foreign($"{opened.Modality.Word()} items, not {entry.Modality.Word()}");
            if (opened.Dimension != manifest.Dimension) throw Foreign($"dimension {opened.Dimension}, not {manifest.Dimension}");
            if (opened.Count != entry.Count) throw Foreign($"{opened.Count} items, not {entry.Count}");
            if (!opened.Columns.SequenceEqual(manifest.Columns, StringComparer.Ordinal)) throw Foreign("other metadata columns");
            FileChecksum.Require(path, opened.Checksum, new Fingerprint(entry.Sha256), Remedy);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }

        FuseMixException Foreign(string found) => new(FailureKind.Corrupt, $"The shard file '{path}' does not belong to its manifest: it is of {found}.", Remedy);
    }

    /// <summary>What is wrong with the shard files of a generation, one for each that is missing or not what the manifest says.</summary>
    /// <param name="manifest">The generation.</param>
    /// <param name="lengthsOnly">Whether only the length of each file is looked at, rather than every byte.</param>
    public IEnumerable<FuseMixException> Damage(GenerationManifest manifest, bool lengthsOnly = false)
    {
        foreach (var shard in manifest.Shards)
        {
            FuseMixException? damage = null;
            try
            {
                if (lengthsOnly) IndexShard.RequireLength(PathOf(manifest, shard));
                else VerifiedFiles.Require(PathOf(manifest, shard), new Fingerprint(shard.Sha256), Remedy, afresh: true);
            }
            catch (FuseMixException found)
            {
                damage = found;
            }

            if (damage is not null) yield return damage;
        }
    }

    /// <summary>Makes a committed generation the one that searches see. Doing it twice changes nothing.</summary>
    /// <exception cref="FuseMixException">There is no such generation.</exception>
    public GenerationManifest MakeLive(string collection, string generation)
    {
        using var changing = Change(collection);
        return Point(collection, Manifest(collection, generation));
    }

    /// <summary>Makes a committed generation the one that searches see, if the live one is still that which was live when its build began.</summary>
    /// <param name="collection">The collection.</param>
    /// <param name="generation">The generation to make live.</param>
    /// <param name="insteadOf">The generation that must be live now; null for none.</param>
    /// <returns>False where something else is live by now; nothing was changed then.</returns>
    /// <exception cref="FuseMixException">There is no such generation.</exception>
    public bool TryMakeLive(string collection, string generation, string? insteadOf)
    {
        using var changing = Change(collection);
        if (LiveId(collection) != insteadOf) return false;
        Point(collection, Manifest(collection, generation));
        return true;
    }

    /// <summary>Deletes a collection with all its generations.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    public void Drop(string collection)
    {
        using var changing = Change(collection);

        // First the pointer: if the machine stops in between, the rest is unreachable rather than half there.
        File.Delete(Path.Combine(FolderOf(collection), LiveFile));
        AtomicFile.SyncFolder(FolderOf(collection));
        foreach (var generation in Generations(collection)) Delete(collection, generation);
        Directory.Delete(FolderOf(collection), recursive: true);
    }

    /// <summary>Deletes one generation.</summary>
    /// <exception cref="FuseMixException">There is no such generation, or it is live.</exception>
    public void Drop(string collection, string generation)
    {
        using var changing = Change(collection);
        _ = Manifest(collection, generation);
        if (LiveId(collection) == generation)
        {
            throw new FuseMixException(FailureKind.Conflict, $"Generation '{generation}' of collection '{collection}' is live.", "Make another one live first, or drop the collection.");
        }

        Delete(collection, generation);
    }

    /// <summary>Deletes what builds left behind that ended without a commit, and all but the newest committed generations.</summary>
    /// <param name="collection">The collection.</param>
    /// <param name="keep">How many committed generations to keep beside the live one.</param>
    /// <returns>The ids of the deleted generations.</returns>
    /// <exception cref="FuseMixException">The collection's files are damaged.</exception>
    public IReadOnlyList<string> CollectGarbage(string collection, int keep = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        using var changing = Change(collection);
        var committed = Generations(collection);
        var live = LiveId(collection);
        var old = committed.Where(id => id != live).Skip(keep).ToList();
        foreach (var id in old) Delete(collection, id);
        foreach (var id in Folders(FolderOf(collection)).Where(id => NumberOf(id) > 0 && !committed.Contains(id)).ToList())
        {
            // Whoever still builds holds the lock.
            using (var abandoned = FileLock.TryAcquire(Path.Combine(FolderOf(collection, id), GenerationBuild.LockFile)))
            {
                if (abandoned is null) continue;
            }

            Delete(collection, id);
            old.Add(id);
        }

        return old;
    }

    internal void Enter(GenerationManifest manifest) =>
        AtomicFile.WriteJson(Path.Combine(FolderOf(manifest.Collection, manifest.Generation), ManifestFile), manifest, GenerationJson.Default.GenerationManifest);

    internal string FolderOf(string collection) => Path.Combine(home.Collections, ResourceName.Require(collection, "collection"));

    internal string FolderOf(string collection, string generation) => Path.Combine(FolderOf(collection), ResourceName.Require(generation, "generation"));

    private string PathOf(GenerationManifest manifest, ShardEntry shard) => Path.Combine(FolderOf(manifest.Collection, manifest.Generation), shard.File);

    private void Delete(string collection, string generation)
    {
        var folder = FolderOf(collection, generation);

        // Without its manifest it is no generation any more, whatever is still there, and needs nothing.
        File.Delete(Path.Combine(folder, ManifestFile));
        File.Delete(Path.Combine(folder, NeedsFile));
        AtomicFile.SyncFolder(folder);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>What a generation needs; null where it has just been dropped, or has not begun.</summary>
    private static GenerationNeeds? Needs(string folder)
    {
        try
        {
            var manifest = Path.Combine(folder, ManifestFile);
            if (!File.Exists(manifest)) return Read(Path.Combine(folder, NeedsFile), GenerationJson.Default.GenerationNeeds);
            var made = Read(manifest, GenerationJson.Default.GenerationManifest);
            return new GenerationNeeds(made.Model, made.ModelFingerprint, made.Encoders);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private GenerationManifest Point(string collection, GenerationManifest manifest)
    {
        AtomicFile.WriteJson(
            Path.Combine(FolderOf(collection), LiveFile), new LiveGeneration(manifest.Generation), GenerationJson.Default.LiveGeneration);
        return manifest;
    }

    private string? LiveId(string collection)
    {
        var path = Path.Combine(FolderOf(collection), LiveFile);
        return File.Exists(path) ? Read(path, GenerationJson.Default.LiveGeneration).Generation : null;
    }

    private FileLock Change(string collection)
    {
        RequireCollection(collection);
        var held = Lock(collection);
        try
        {
            // It may have been dropped while this waited.
            RequireCollection(collection);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private FileLock Lock(string collection) =>
        FileLock.Acquire(LockOf(collection), $"Collection '{collection}'", Patience);

    /// <summary>Beside the collections: a lock that is deleted with what it guards lets in two.</summary>
    private string LockOf(string collection) => Path.Combine(home.Collections, ".locks", ResourceName.Require(collection, "collection"));

    private void RequireCollection(string collection)
    {
        if (!ResourceName.IsValid(collection) || !Directory.Exists(FolderOf(collection))) throw FuseMixException.UnknownName("collection", collection, Collections());
    }

    private List<string> Generations(string collection) =>
        [.. Folders(FolderOf(collection))
            .Where(id => NumberOf(id) > 0 && File.Exists(Path.Combine(FolderOf(collection, id), ManifestFile)))
            .OrderByDescending(NumberOf).ThenByDescending(id => id, StringComparer.Ordinal)];

    private static IEnumerable<string> Folders(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateDirectories(folder).Select(Path.GetFileName).OfType<string>() : [];

    private static int NumberOf(string generation) =>
        ResourceName.IsValid(generation) && generation is ['g', _, _, _, _, _, _, '-', ..]
        && int.TryParse(generation.AsSpan(1, 6), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static T Read<T>(string path, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type) ?? throw Corrupt(path, "it is empty");
        }
        catch (JsonException e)
        {
            throw Corrupt(path, "it is not valid JSON of its kind", e);
        }
    }

    private static FuseMixException Corrupt(string path, string why, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"'{path}' is damaged: {why}.", Remedy, inner);
}
