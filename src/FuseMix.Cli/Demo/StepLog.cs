using FuseMix.Cli.Output;

namespace FuseMix.Cli.Demo;

/// <summary>Runs the steps of the demo one after the other, saying of each what it did and how long it took.</summary>
internal sealed class StepLog(Terminal terminal, int count)
{
    private const int NameColumns = 16;
    private readonly List<DemoStep> _steps = [];

    public DemoStep[] Steps => [.. _steps];

    /// <param name="name">What it is about, in a word or two.</param>
    /// <param name="work">Does it, and tells the result, what was done in one line, and whether all of it was there already.</param>
    public async Task<T> Run<T>(string name, Func<Task<(T Result, string Outcome, bool Reused)>> work)
    {
        var started = terminal.Clock.GetTimestamp();
        var (result, outcome, reused) = await work();
        var step = new DemoStep(name, outcome, reused, terminal.Clock.GetElapsedTime(started));
        _steps.Add(step);
        var mark = reused ? terminal.Out.Cyan("=") : terminal.Out.Green("✓");
        terminal.Say(
            $"{mark} {_steps.Count}/{count} {terminal.Out.Bold(Phrases.Fit(name, NameColumns))} {outcome} "
                + $"{terminal.Out.Dim($"({Phrases.Duration(step.Elapsed)})")}");
        return result;
    }
}
