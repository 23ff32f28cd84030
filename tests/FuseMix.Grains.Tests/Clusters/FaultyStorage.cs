using System.Collections.Concurrent;
using System.Text.Json;
using FuseMix.Contracts.Cluster;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>Grain storage that all nodes of a test share, and that is down when the test says so.</summary>
internal sealed class FaultyStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<string, (string ETag, string Json)> _records = new();
    private int _waiting;

    /// <summary>Whether writes fail.</summary>
    public bool IsDown { get; set; }

    /// <summary>Which records, as JSON, are never answered for, nor written, as if the power went; none unless the test says so.</summary>
    public Predicate<string> Swallows { get; set; } = _ => false;

    /// <summary>Which records, as JSON, cannot be written; none unless the test says so.</summary>
    public Predicate<string> Refuses { get; set; } = _ => false;

    /// <summary>What writes wait for; nothing unless the test says so.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Parts of the names of records that hold what nobody can read.</summary>
    public ConcurrentBag<string> Damaged { get; } = [];

    /// <summary>Names of the records that there are.</summary>
    public ICollection<string> Records => _records.Keys;

    /// <summary>How many writes wait.</summary>
    public int Waiting => _waiting;

    public void Configure(ISiloBuilder silo, NodeName node) => silo.Services.AddGrainStorage("grains", (_, _) => this);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (Damaged.FirstOrDefault(part => $"{stateName}/{grainId}".Contains(part, StringComparison.Ordinal)) is not null)
            throw new JsonException("Something else stands there.");
        if (_records.TryGetValue($"{stateName}/{grainId}", out var record))
            (grainState.State, grainState.ETag, grainState.RecordExists) =
                (JsonSerializer.Deserialize<T>(record.Json, Json)!, record.ETag, true);
        else
            (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Interlocked.Increment(ref _waiting);
        await Gate;
        Interlocked.Decrement(ref _waiting);
        var json = JsonSerializer.Serialize(grainState.State, Json);
        if (Swallows(json))
        {
            Interlocked.Increment(ref _waiting);
            await new TaskCompletionSource().Task;
        }

        if (IsDown || Refuses(json)) throw new IOException("The storage is down.");
        var stored = _records.TryGetValue($"{stateName}/{grainId}", out var record) ? record.ETag : null;
        if (stored != grainState.ETag) throw new InconsistentStateException("Another one wrote.", stored, grainState.ETag);
        record = (Guid.NewGuid().ToString("N"), json);
        _records[$"{stateName}/{grainId}"] = record;
        (grainState.ETag, grainState.RecordExists) = (record.ETag, true);
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (IsDown) throw new IOException("The storage is down.");
        _records.TryRemove($"{stateName}/{grainId}", out _);
        (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }

    private static JsonSerializerOptions Json { get; } =
        new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };
}
