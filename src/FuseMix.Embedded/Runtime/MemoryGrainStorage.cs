using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>States in memory, kept by the cluster, so that they outlive nodes though not the process. Stored as JSON, never shared.</summary>
internal sealed class MemoryGrainStorage(ConcurrentDictionary<string, (string ETag, byte[] Json)> records) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (records.TryGetValue(Key(stateName, grainId), out var record))
        {
            grainState.State = JsonSerializer.Deserialize<T>(record.Json);
            (grainState.ETag, grainState.RecordExists) = (record.ETag, true);
        }
        else
        {
            if (grainState.RecordExists) grainState.State = Activator.CreateInstance<T>();
            (grainState.ETag, grainState.RecordExists) = (null, false);
        }

        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var record = (ETag: Guid.NewGuid().ToString("N"), Json: JsonSerializer.SerializeToUtf8Bytes(grainState.State));
        var key = Key(stateName, grainId);
        lock (records)
        {
            RequireSame(key, grainState.ETag);
            records[key] = record;
        }

        (grainState.ETag, grainState.RecordExists) = (record.ETag, true);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = Key(stateName, grainId);
        lock (records)
        {
            RequireSame(key, grainState.ETag);
            records.TryRemove(key, out _);
        }

        grainState.State = Activator.CreateInstance<T>();
        (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }

    private static string Key(string stateName, GrainId grainId) => $"{stateName}/{grainId}";

    private void RequireSame(string key, string? etag)
    {
        var stored = records.TryGetValue(key, out var record) ? record.ETag : null;
        if (stored != etag) throw new InconsistentStateException($"The state '{key}' was written since it was read.", stored, etag);
    }
}
