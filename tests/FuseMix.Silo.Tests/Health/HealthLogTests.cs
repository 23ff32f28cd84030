using FuseMix.Silo.Health;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace FuseMix.Silo.Tests.Health;

public sealed class HealthLogTests
{
    [Fact]
    public void Only_what_changes_is_logged()
    {
        using var book = new LogBook();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(book));
        var log = new HealthLog(loggers.CreateLogger<HealthLog>());
        foreach (var isWell in (bool[])[true, true, false, false, false, true, true, false]) log.Write(Report(isWell));
        Assert.Equal(["The health check home fails: full", "The health check home fails: full"], book.Lines(4301));
        Assert.Equal(["The health check home is well again"], book.Lines(4302));
    }

    private static HealthReport Report(bool isWell)
    {
        var entry = isWell
            ? new HealthReportEntry(HealthStatus.Healthy, null, TimeSpan.Zero, null, null)
            : new HealthReportEntry(HealthStatus.Unhealthy, "full", TimeSpan.Zero, new IOException(), null);
        return new HealthReport(new Dictionary<string, HealthReportEntry> { ["home"] = entry }, TimeSpan.Zero);
    }
}
