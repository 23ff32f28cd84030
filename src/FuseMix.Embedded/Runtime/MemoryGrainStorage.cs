using System.Collections.Concurrent;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>States in memory, kept by the cluster, so that they outlive nodes though not the process. What is stored is a copy.</summary>
internal sealed class MemoryGrainStorage(Node node, ConcurrentDictionary<string, (string ETag, object? State)> records) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (records.TryGetValue(Key(stateName, grainId), out var record))
            (grainState.State, grainState.ETag, grainState.RecordExists) = (Copy((T?)record.State), record.ETag, true);
        else
            (grainState.State, grainState.ETag, grainState.RecordExists) = (NewState.Of<T>(), null, false);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var record = (ETag: Guid.NewGuid().ToString("N"), State: (object?)Copy(grainState.State));
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

        (grainState.State, grainState.ETag, grainState.RecordExists) = (NewState.Of<T>(), null, false);
        return Task.CompletedTask;
    }

    private static string Key(string stateName, GrainId grainId) => $"{stateName}/{grainId}";

    private T? Copy<T>(T? state) => (T?)new MessageCopy(node.Factory).Of(state, typeof(T));

    private void RequireSame(string key, string? etag)
    {
        var stored = records.TryGetValue(key, out var record) ? record.ETag : null;
        if (stored != etag) throw new InconsistentStateException($"The state '{key}' was written since it was read.", stored, etag);
    }
}
