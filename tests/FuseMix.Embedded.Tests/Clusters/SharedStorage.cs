using System.Collections.Concurrent;
using System.Text.Json;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Embedded.Tests.Clusters;

/// <summary>A storage that every node and every cluster of the test process shares, as a database would be, and that fails on request.</summary>
public sealed class SharedStorage : IGrainStorage
{
    public const string Name = "shared";

    public static readonly SharedStorage Instance = new();

    private readonly ConcurrentDictionary<string, (string ETag, string Json)> _records = new();

    /// <summary>What operations on grains with this key fail with.</summary>
    public ConcurrentDictionary<string, Exception> Failures { get; } = new();

    /// <summary>Changes what is stored behind the grain's back.</summary>
    public void Overwrite(string stateName, GrainId grain, string json) => _records[Key(stateName, grain)] = (Guid.NewGuid().ToString("N"), json);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        FailIfAsked(grainId);
        if (_records.TryGetValue(Key(stateName, grainId), out var record))
            (grainState.State, grainState.ETag, grainState.RecordExists) = (JsonSerializer.Deserialize<T>(record.Json), record.ETag, true);
        else
            (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        FailIfAsked(grainId);
        var stored = _records.TryGetValue(Key(stateName, grainId), out var record) ? record.ETag : null;
        if (stored != grainState.ETag) throw new InconsistentStateException("Another one wrote.", stored, grainState.ETag);
        record = (Guid.NewGuid().ToString("N"), JsonSerializer.Serialize(grainState.State));
        _records[Key(stateName, grainId)] = record;
        (grainState.ETag, grainState.RecordExists) = (record.ETag, true);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        FailIfAsked(grainId);
        _records.TryRemove(Key(stateName, grainId), out _);
        (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
        return Task.CompletedTask;
    }

    private static string Key(string stateName, GrainId grain) => $"{stateName}/{grain}";

    private void FailIfAsked(GrainId grain)
    {
        if (Failures.TryGetValue(grain.Key.ToString(), out var failure)) throw failure;
    }
}
