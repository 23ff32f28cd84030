using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.Doctor;

/// <summary><c>fusemix doctor</c></summary>
internal static class DoctorCommand
{
    public static Command Create() =>
        new CliCommand("doctor", "What this installation consists of, and what is missing. Exit code 1 where something will fail.")
            .WithExample("./fusemix doctor", "a line per finding, with the way out")
            .WithExample("./fusemix doctor --json", "the same for scripts")
            .OnThisMachine("Leave --cluster out, or run it on a machine of the cluster; './fusemix status' looks at the cluster itself.")
            .Does(Run);

    private static async Task<int> Run(CliRun run)
    {
        Finding[] findings =
        [
            .. NativeChecks.Run(),
            .. MachineChecks.Run(run.Home),
            .. HomeChecks.Run(run.Home),
            .. await CollectionChecks.Run(run),
        ];
        var report = new DoctorReport(findings.All(f => f.Verdict != Verdict.Problem), findings);
        run.Terminal.Result(report, CliJson.Relaxed.DoctorReport, r => Show(run.Terminal, r));
        return report.Healthy ? ExitCode.Success : ExitCode.Failure;
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
                if (finding is { Verdict: not Verdict.Ok, Remedy: { } remedy })
                    terminal.Say($"  {new string(' ', column + 9)}  {style.Dim("→")} {remedy}");
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
