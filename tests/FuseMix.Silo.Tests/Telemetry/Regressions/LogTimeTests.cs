using FuseMix.Silo.Configuration;
using FuseMix.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace FuseMix.Silo.Tests.Telemetry.Regressions;

/// <summary>The kind "words that are wrong or missing": a log tells when.</summary>
public sealed class LogTimeTests
{
    [Fact]
    public void Every_line_has_its_time_in_UTC()
    {
        using var folder = new TemporaryFolder();
        using var app = Build(folder, "{}");
        foreach (var format in (ConsoleFormatterOptions[])[Options<SimpleConsoleFormatterOptions>(app.Services), Options<JsonConsoleFormatterOptions>(app.Services)])
        {
            Assert.True(format.UseUtcTimestamp);
            Assert.Equal("2026-12-01T18:05:09.007Z ", new DateTime(2026, 12, 1, 18, 5, 9, 7).ToString(format.TimestampFormat, System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public void The_configuration_may_say_otherwise()
    {
        using var folder = new TemporaryFolder();
        using var app = Build(folder, """{ "Console": { "FormatterOptions": { "TimestampFormat": "HH:mm " } } }""");
        Assert.Equal("HH:mm ", Options<SimpleConsoleFormatterOptions>(app.Services).TimestampFormat);
    }

    private static T Options<T>(IServiceProvider services) => services.GetRequiredService<IOptionsMonitor<T>>().CurrentValue;

    private static Microsoft.AspNetCore.Builder.WebApplication Build(TemporaryFolder folder, string logging)
    {
        File.WriteAllText(folder["silo.json"], $$"""
            { "FuseMix": { "Home": "{{folder["home"]}}", "Http": { "Port": 0 }, "Cluster": { "SiloPort": 0, "GatewayPort": 0 } }, "Logging": {{logging}} }
            """);
        return SiloHost.Build(SiloConfiguration.Load([folder["silo.json"]]));
    }
}
