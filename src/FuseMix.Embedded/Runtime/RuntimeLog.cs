using Microsoft.Extensions.Logging;

namespace Orleans.Runtime;

/// <summary>What the embedded runtime says of itself.</summary>
internal sealed partial class RuntimeLog(ILogger logger)
{
    [LoggerMessage(1, LogLevel.Information, "Node '{Name}' joined the embedded cluster as {Address}.", EventName = nameof(NodeJoined))]
    private static partial void NodeJoined(ILogger logger, string name, SiloAddress address);

    [LoggerMessage(2, LogLevel.Information, "Node '{Name}' left the embedded cluster: {Status}.", EventName = nameof(NodeLeft))]
    private static partial void NodeLeft(ILogger logger, string name, SiloStatus status);

    [LoggerMessage(3, LogLevel.Error, "Grain {Grain} could not be activated.", EventName = nameof(ActivationFailed))]
    private static partial void ActivationFailed(ILogger logger, GrainId grain, Exception failure);

    [LoggerMessage(4, LogLevel.Warning, "Grain {Grain} failed while it was deactivated.", EventName = nameof(DeactivationFailed))]
    private static partial void DeactivationFailed(ILogger logger, GrainId grain, Exception failure);

    [LoggerMessage(5, LogLevel.Warning, "{Call} failed, and nobody waits for it.", EventName = nameof(CallFailed))]
    private static partial void CallFailed(ILogger logger, string call, Exception failure);

    [LoggerMessage(6, LogLevel.Warning, "An enumerator of grain {Grain} failed while it was disposed.", EventName = nameof(EnumeratorNotDisposed))]
    private static partial void EnumeratorNotDisposed(ILogger logger, GrainId grain, Exception failure);

    public void NodeJoined(string name, SiloAddress address) => NodeJoined(logger, name, address);

    public void NodeLeft(string name, SiloStatus status) => NodeLeft(logger, name, status);

    public void ActivationFailed(GrainId grain, Exception failure) => ActivationFailed(logger, grain, failure);

    public void DeactivationFailed(GrainId grain, Exception failure) => DeactivationFailed(logger, grain, failure);

    public void CallFailed(string call, Exception failure) => CallFailed(logger, call, failure);

    public void EnumeratorNotDisposed(GrainId grain, Exception failure) => EnumeratorNotDisposed(logger, grain, failure);
}
