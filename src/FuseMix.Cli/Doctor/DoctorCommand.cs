using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.Doctor;

/// <summary><c>fusemix doctor</c></summary>
internal static class DoctorCommand
{
    public static Command Create() =>
        new CliCommand("doctor", "What this installation consists of, what was chosen and why, and what is missing. Exit code 1 where something will fail.")
            .WithExample("./fusemix doctor", "a line per finding, with the way out")
            .WithExample("./fusemix doctor --json", "the same for scripts")
            .OnThisMachine("Leave --cluster out, or run it on a machine of the cluster; './fusemix status' looks at the cluster itself.")
            .Does(run => Task.FromResult(Run(run)));

    private static int Run(CliRun run)
    {
        Finding[] findings =
        [
            .. Choices(run),
            .. NativeChecks.Run(),
            .. MachineChecks.Run(run.Home),
            .. HomeChecks.Run(run.Home),
        ];
        var report = new DoctorReport(findings.All(f => f.Verdict != Verdict.Problem), findings);
        run.Terminal.Result(report, CliJson.Relaxed.DoctorReport, r => Show(run.Terminal, r));
        return report.Healthy ? ExitCode.Success : ExitCode.Failure;
    }

    public static IEnumerable<Finding> Choices(FeedChoice? feed)
    {
        const string area = "Choices";
#if ORLEANS
        const string built = "Orleans";
#else
        const string built = "Embedded";
#endif
        yield return new Finding(area, "grain runtime", Verdict.Ok, Because(built, feed?.GrainRuntime == built ? feed.GrainRuntimeReason : null));
        if (feed is null)
        {
            yield return new Finding(area, "feed.json", Verdict.Warning, "the launcher has left no note of what the package feed offers", "'./fusemix doctor --redetect' finds out.");
            yield break;
        }

        if (feed.GrainRuntime != built)
            yield return new Finding(area, "feed.json", Verdict.Warning, $"the feed would offer {feed.GrainRuntime}, this program was built for {built}", "The next './fusemix' command builds it anew.");
        yield return new Finding(area, "ONNX Runtime from", Verdict.Ok, Because(feed.OnnxRuntimeSource, feed.OnnxRuntimeReason));
        yield return new Finding(area, "GPU packages", Verdict.Ok, Because(feed.UseGpu ? "used" : "not used", feed.UseGpuReason));
        if (feed.Transient)
            yield return new Finding(area, "package feed", Verdict.Warning, "could not be asked when this was found out", "'./fusemix doctor --redetect' asks again.");

        static string Because(string choice, string? reason) => string.IsNullOrEmpty(reason) ? choice : $"{choice}: {reason}";
    }

    private static IEnumerable<Finding> Choices(CliRun run)
    {
        try
        {
            return Choices(FeedChoice.Find(run.Home.Root, AppContext.BaseDirectory)).ToArray();
        }
        catch (FuseMixException error)
        {
            return [new Finding("Choices", "feed.json", Verdict.Problem, error.Message, error.Remedy)];
        }
    }

    private static void Show(Terminal terminal, DoctorReport report)
    {
        var style = terminal.Out;
        foreach (var area in report.Findings.GroupBy(f => f.Area))
        {
            terminal.Say(style.Bold(area.Key));
            var column = area.Max(f => CellWidth.Of(f.Name));
            foreach (var finding in area)
            {
                var mark = finding.Verdict switch
                {
                    Verdict.Ok => style.Green("OK     "),
                    Verdict.Warning => style.Yellow("warning"),
                    _ => style.Red("problem"),
                };
                terminal.Say($"  {mark}  {Phrases.Fit(finding.Name, column)}  {finding.Found}");
                if (finding is { Verdict: not Verdict.Ok, Remedy: { } remedy }) terminal.Say($"  {new string(' ', column + 9)}  {style.Dim("→")} {remedy}");
            }

            terminal.Say();
        }

        var problems = report.Findings.Count(f => f.Verdict == Verdict.Problem);
        var warnings = report.Findings.Count(f => f.Verdict == Verdict.Warning);
        terminal.Say(problems > 0 ? style.Red($"{Phrases.Count(problems, "problem")}, {Phrases.Count(warnings, "warning")}.")
            : warnings > 0 ? $"No problems, {Phrases.Count(warnings, "warning")}."
            : style.Green("All is well."));
    }
}
