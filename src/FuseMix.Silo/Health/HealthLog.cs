using System.Collections.Concurrent;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo.Health;

/// <summary>Logs when a check begins to fail, with why, and when it is well again; not how often it is asked meanwhile.</summary>
internal sealed partial class HealthLog(ILogger<HealthLog> logger)
{
    private readonly ConcurrentDictionary<string, bool> _isWell = new(StringComparer.Ordinal);

    /// <summary>Looks what has changed.</summary>
    public void Write(HealthReport report)
    {
        foreach (var (name, check) in report.Entries)
        {
            var isWell = check.Status == HealthStatus.Healthy;
            var wasWell = !_isWell.TryGetValue(name, out var before) || before;
            _isWell[name] = isWell;
            if (isWell == wasWell) continue;
            if (isWell) LogWell(name);
            else LogFails(check.Exception, name, check.Description);
        }
    }

    [LoggerMessage(4301, LogLevel.Warning, "The health check {Check} fails: {Trouble}")]
    private partial void LogFails(Exception? failure, string check, string? trouble);

    [LoggerMessage(4302, LogLevel.Information, "The health check {Check} is well again")]
    private partial void LogWell(string check);
}
