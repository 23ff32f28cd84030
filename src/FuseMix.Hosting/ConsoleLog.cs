using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace FuseMix.Hosting;

/// <summary>The log of a program, on standard error.</summary>
public static class ConsoleLog
{
    private const string Time = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";

    /// <summary>Adds it, each line with its time in UTC; <c>Logging:Console</c> of a configuration may say otherwise.</summary>
    /// <param name="logging">Where to.</param>
    public static ILoggingBuilder AddStandardError(this ILoggingBuilder logging)
    {
        Preset<SimpleConsoleFormatterOptions>();
        Preset<JsonConsoleFormatterOptions>();
        return logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

        // First of all, since what is said last wins: a builder may read the configuration long before this.
        void Preset<T>()
            where T : ConsoleFormatterOptions => logging.Services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<T>>(
                new ConfigureOptions<T>(format => (format.TimestampFormat, format.UseUtcTimestamp) = (Time, true))));
    }
}
