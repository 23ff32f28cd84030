using FuseMix.Silo.Configuration;
using FuseMix.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed class JsonLogTests
{
    [Fact]
    public void Log_lines_are_JSON_where_the_configuration_says_so()
    {
        using var file = new TemporaryFolder();
        File.WriteAllText(file["silo.json"], $$"""
            { "FuseMix": { "Home": "{{file["home"]}}", "Http": { "Port": 0 }, "Cluster": { "SiloPort": 0, "GatewayPort": 0 } },
              "Logging": { "Console": { "FormatterName": "json", "FormatterOptions": { "IncludeScopes": true } } } }
            """);
        using var app = SiloHost.Build(SiloConfiguration.Load([file["silo.json"]]));
        Assert.Equal("json", app.Services.GetRequiredService<IOptionsMonitor<ConsoleLoggerOptions>>().CurrentValue.FormatterName);
        Assert.True(app.Services.GetRequiredService<IOptionsMonitor<JsonConsoleFormatterOptions>>().CurrentValue.IncludeScopes);
    }
}
