using FuseMix.Grains.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Grains.State;

/// <summary>What a probe leaves in the storage.</summary>
[GenerateSerializer, Alias("fusemix.StateProbeRecord")]
public sealed class StateProbeRecord
{
    /// <summary>When it was written.</summary>
    [Id(0)]
    public DateTimeOffset WrittenAt { get; set; }
}

/// <summary>Finds out whether grains could write their state, by writing a record of this node's own.</summary>
public sealed class StateProbe([FromKeyedServices(GrainStorage.Name)] IGrainStorage storage, NodeOptions options, TimeProvider clock)
{
    private const string StateName = "probe";

    /// <summary>Reads and writes the record; fails as the storage does.</summary>
    public async Task Write()
    {
        var id = GrainId.Create("health", options.Name);
        var record = new GrainState<StateProbeRecord>(new StateProbeRecord());
        await storage.ReadStateAsync(StateName, id, record);
        record.State = new StateProbeRecord { WrittenAt = clock.GetUtcNow() };
        try
        {
            await storage.WriteStateAsync(StateName, id, record);
        }
        catch (InconsistentStateException)
        {
            // An earlier life of this node has written meanwhile: it can be written.
        }
    }
}
