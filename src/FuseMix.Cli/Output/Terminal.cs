using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Progress;

namespace FuseMix.Cli.Output;

/// <summary>Where a command writes: results on standard output, everything on the way to them on standard error.</summary>
internal sealed class Terminal(CliEnvironment environment, bool json, bool quiet, bool verbose)
{
    public Style Out { get; } = new(environment.WantsColour(environment.OutIsTerminal));

    public Style Error { get; } = new(environment.WantsColour(environment.ErrorIsTerminal));

    public bool Json => json;

    public bool Verbose => verbose;

    public int Width => environment.Width;

    public bool ShowsPictures => environment.ShowsPictures && !json;

    public TimeProvider Clock => environment.Clock;

    /// <summary>A line of the result for people; nothing with <c>--json</c>.</summary>
    public void Say(string line = "")
    {
        if (!json) environment.Out.WriteLine(line);
    }

    /// <summary>A line about what is going on; nothing with <c>--json</c> or <c>--quiet</c>.</summary>
    public void Note(string line = "")
    {
        if (!json && !quiet) environment.Error.WriteLine(line);
    }

    /// <summary>Something that went wrong but does not stop the command; always on standard error.</summary>
    public void Warn(string line) => environment.Error.WriteLine(Error.Yellow("Warning: ") + line);

    /// <summary>A table; nothing with <c>--json</c>.</summary>
    public void Draw(Table table)
    {
        foreach (var line in table.Lines(environment.OutIsTerminal ? Width : null, Out)) Say(line);
    }

    /// <summary>The result as JSON with <c>--json</c>, else as <paramref name="show"/> shows it.</summary>
    public void Result<T>(T value, JsonTypeInfo<T> type, Action<T> show)
    {
        if (json) environment.Out.WriteLine(JsonSerializer.Serialize(value, type));
        else show(value);
    }

    /// <summary>A progress display for one piece of long work; dispose it when the work ends.</summary>
    public ProgressView Progress(string title, ProgressUnit unit)
    {
        if (json || quiet) return new SilentProgress();
        return environment.ErrorIsTerminal && environment.Variable("TERM") is not "dumb"
            ? new LiveProgress(environment.Error, environment.Clock, environment.Width, environment.Height, Error, title, unit)
            : new PlainProgress(environment.Error, environment.Clock, title, unit);
    }
}
