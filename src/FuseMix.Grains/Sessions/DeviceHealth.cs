using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Sessions;

/// <summary>Whether the device that this node works with is still of use to this process; whoever finds out that it is not reports
/// it.</summary>
public sealed partial class DeviceHealth(ILogger<DeviceHealth> logger)
{
    private string? _lost;

    /// <summary>Why the device is lost to this process, which must be started anew; null while it is not.</summary>
    public string? Lost => Volatile.Read(ref _lost);

    /// <summary>Reports that nothing will run on the device any more in this process. The first report stands.</summary>
    /// <param name="reason">What the device or its driver said.</param>
    public void ReportLost(string reason)
    {
        if (Interlocked.CompareExchange(ref _lost, reason, null) is null) LogLost(reason);
    }

    [LoggerMessage(6001, LogLevel.Critical, "This node has lost its device and must be started anew: {Reason}")]
    private partial void LogLost(string reason);
}
