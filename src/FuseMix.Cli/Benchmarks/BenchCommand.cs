using System.CommandLine;
using System.Globalization;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Output;
using FuseMix.Cli.Session;
using FuseMix.Training.Recipe;

namespace FuseMix.Cli.Benchmarks;

/// <summary><c>fusemix bench</c></summary>
internal static class BenchCommand
{
    private const double Dropout = 0.6;
    private const int CurveSteps = 4;
    private const string All = "all";

    private static readonly Option<string> Workload = Choice.Of(
        "--workload", All, $"What to train: {string.Join("; ", StepWorkload.All.Select(w => $"{w.Name} ({w.Sizes})"))}", [All, .. StepWorkload.All.Select(w => w.Name)]);

    private static readonly Option<int> Rounds = new("--rounds") { Description = "Rounds, in each of which every trainer has a turn (default: 5)", HelpName = "n", DefaultValueFactory = _ => 5 };

    private static readonly Option<int> Steps = new("--steps") { Description = "Steps per turn (default: 2)", HelpName = "n", DefaultValueFactory = _ => 2 };

    private static readonly Option<int> Threads = new("--threads") { Description = "Threads of each trainer (default: one per core)", HelpName = "n" };

    private static readonly Option<string?> Python = FilePath.Option("--python", "program", "The Python that has PyTorch (default: /usr/bin/python3)");

    private static readonly Option<bool> Alone = new("--alone") { Description = "Measure this trainer only, without PyTorch" };

    /// <summary>Ours, and how far their losses may be from PyTorch's in fp32.</summary>
    private static readonly (string Name, TrainingPrecision Precision, double Allowed)[] OurSides =
        [("ours fp32", TrainingPrecision.Fp32, 1e-3), ("ours bf16", TrainingPrecision.Bf16, 1e-2)];

    private static readonly (string Name, string Precision, bool Cheap)[] PeerSides =
    [
        ("PyTorch fp32", "fp32", false), ("PyTorch bf16", "bf16", false), ("PyTorch fp32, cheap mask", "fp32", true), ("PyTorch bf16, cheap mask", "bf16", true),
    ];

    public static Command Create() =>
        new CliCommand("bench", "Benchmarks of this machine, against a peer where one is installed.").With(
            new CliCommand("train", "Training steps on synthetic latents, in turns with PyTorch (Debian: python3-torch) on the same weights, batches and λ. Exit code 1 where the losses differ.")
                .With(Workload, Rounds, Steps, Threads, Python, Alone)
                .WithExample("./fusemix bench train", "all three workloads; some minutes")
                .WithExample("./fusemix bench train --workload demo --rounds 3", "a quick look")
                .WithExample("./fusemix bench train --alone --json", "without PyTorch, as JSON")
                .OnThisMachine("Leave --cluster out, or run it on a machine of the cluster.")
                .Does(run => Task.FromResult(Train(run))),
            new CliCommand("products", "The matrix products of a step: oneDNN and our own kernels, beside the rate of bare multiply-adds, which none in fp32 can pass.")
                .With(Workload, Rounds, Threads)
                .WithExample("./fusemix bench products --workload small", "GFLOP/s and the share of the processor's peak")
                .OnThisMachine("Leave --cluster out, or run it on a machine of the cluster.")
                .Does(Multiply));

    private static int Train(CliRun run)
    {
        var (rounds, steps, threads) = (InRange("--rounds", run.Get(Rounds), 1, 1000), InRange("--steps", run.Get(Steps), 1, 1000), ThreadCount(run));
        var load = LoadAverage();
        var folder = Directory.CreateTempSubdirectory("fusemix-bench-").FullName;
        try
        {
            var (peer, missing) = run.Get(Alone) ? (null, "--alone") : TorchPeer.Start(run.Get(Python) ?? "/usr/bin/python3", folder, threads);
            using (peer)
            {
                if (missing is not null && !run.Get(Alone))
                    run.Terminal.Note($"No PyTorch to compare with: {missing}. 'apt-get install python3-torch libopenblas0-pthread' installs it; meanwhile only our side is measured.");
                if (peer is { HasFastBlas: false })
                    run.Terminal.Warn("PyTorch multiplies with the reference BLAS, which is 30 times slower: 'apt-get install libopenblas0-pthread' first.");
                var device = "";
                WorkloadBench[] workloads = [.. Chosen(run).Select(workload => Measure(run, workload, peer, rounds, steps, threads, ref device))];
                var report = new TrainingBenchReport(device, peer is null ? null : $"PyTorch {peer.Version}", missing, threads, load, workloads);
                run.Terminal.Result(report, CliJson.Relaxed.TrainingBenchReport, r => Show(run.Terminal, r));
                return workloads.All(w => w.Curves.All(c => c.Same)) ? ExitCode.Success : ExitCode.Failure;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Multiply(CliRun run)
    {
        var (rounds, threads) = (InRange("--rounds", run.Get(Rounds), 1, 1000), ThreadCount(run));
        var load = LoadAverage();
        ProductBench[] workloads = [.. Chosen(run).Select(workload =>
        {
            using var benchmark = new ProductBenchmark(workload, threads);
            var rates = benchmark.Names.ToDictionary(name => name, _ => new List<double>());

            // As with steps, the first turn of each is not counted.
            for (var round = -1; round < rounds; round++)
            {
                foreach (var name in benchmark.Names)
                {
                    run.Stop.ThrowIfCancellationRequested();
                    var rate = benchmark.Rate(name);
                    if (round >= 0) rates[name].Add(rate / 1e9);
                }
            }

            var peak = Median(rates[ProductBenchmark.Peak]);
            return new ProductBench(workload.Name, workload.Sizes, [.. rates.Select(r => new KernelBench(r.Key, Median(r.Value), Median(r.Value) / peak))]);
        })];
        run.Terminal.Result(new ProductBenchReport(threads, load, workloads), CliJson.Relaxed.ProductBenchReport, report =>
        {
            run.Terminal.Say($"{Phrases.Count(report.Threads, "thread")}{AtLoad(report.Load)}");
            foreach (var workload in report.Workloads)
            {
                run.Terminal.Say();
                run.Terminal.Say(run.Terminal.Out.Bold($"{workload.Name}: {workload.Sizes}"));
                var table = new Table("product", ">GFLOP/s", ">of the fp32 peak");
                foreach (var kernel in workload.Kernels) table.Row(kernel.Name, Phrases.Fixed(kernel.GigaflopsPerSecond, 0), $"{Phrases.Fixed(100 * kernel.PeakShare, 0)} %");
                run.Terminal.Draw(table);
            }
        });
    }

    private static IEnumerable<StepWorkload> Chosen(CliRun run) => StepWorkload.All.Where(w => run.Get(Workload) == All || w.Name == run.Get(Workload));

    private static int ThreadCount(CliRun run) => InRange("--threads", run.Get(Threads), 0, 1024) is > 0 and var given ? given : Environment.ProcessorCount;

    private static string AtLoad(double? load) => load is { } l ? $", load {Phrases.Fixed(l, 1)} at the start" : "";

    private static WorkloadBench Measure(CliRun run, StepWorkload workload, TorchPeer? peer, int rounds, int steps, int threads, ref string device)
    {
        run.Terminal.Note($"{workload.Name}: {workload.Sizes}");
        peer?.Open(workload);
        var curves = peer is null ? [] : Curves(workload, peer, threads);
        var seconds = new Dictionary<string, List<double>>();
        var multiply = new Dictionary<string, List<double>>();
        var ours = OurSides.Where(s => StepBenchmark.CanDo(s.Precision)).Select(s => (s.Name, Trainer: new StepBenchmark(workload, s.Precision, Dropout, threads))).ToArray();
        device = ours[0].Trainer.Device;
        var operations = ours[0].Trainer.Operations;
        try
        {
            var turns = ours.Select(o => (o.Name, Turn: (Func<double>)(() => o.Trainer.Run(steps).Seconds))).ToList();
            if (peer is not null) turns.AddRange(PeerSides.Select(s => (s.Name, (Func<double>)(() => peer.Run(steps, s.Precision, Dropout, s.Cheap).Seconds))));

            // The first turn of each is not counted: it touches memory for the first time, and compiles.
            for (var round = -1; round < rounds; round++)
            {
                foreach (var (name, turn) in turns)
                {
                    run.Stop.ThrowIfCancellationRequested();
                    var time = turn() / steps;
                    if (round >= 0) Of(seconds, name).Add(time);
                }

                foreach (var (name, trainer) in ours)
                {
                    var time = trainer.MultiplySeconds();
                    if (round >= 0) Of(multiply, name).Add(time);
                }

                if (round >= 0) run.Terminal.Note($"  round {round + 1} of {rounds}: {string.Join(", ", turns.Select(t => $"{t.Name} {Phrases.Fixed(1000 * seconds[t.Name][^1], 0)} ms"))}");
            }
        }
        finally
        {
            foreach (var (_, trainer) in ours) trainer.Dispose();
        }

        SideBench[] sides = [.. seconds.Select(s => Side(workload, s.Key, s.Value, operations, multiply.GetValueOrDefault(s.Key)))];
        return new WorkloadBench(workload.Name, workload.Sizes, sides, [.. Ratios(sides)], curves);
    }

    private static List<double> Of(Dictionary<string, List<double>> lists, string name) => lists.TryGetValue(name, out var list) ? list : lists[name] = [];

    private static CurveBench[] Curves(StepWorkload workload, TorchPeer peer, int threads)
    {
        var expected = peer.Run(CurveSteps, "fp32", 0, false).Losses;
        peer.Reset();
        return [.. OurSides.Where(s => StepBenchmark.CanDo(s.Precision)).Select(side =>
        {
            using var ours = new StepBenchmark(workload, side.Precision, dropout: 0, threads);
            return Compare(side.Name, ours.Run(CurveSteps).Losses, expected, side.Allowed);
        })];
    }

    public static CurveBench Compare(string name, double[] losses, double[] expected, double allowed)
    {
        var difference = losses.Zip(expected).Max(l => Math.Abs(l.First - l.Second) / Math.Abs(l.Second));
        return new CurveBench(name, losses.Length, difference, allowed, difference <= allowed);
    }

    private static SideBench Side(StepWorkload workload, string name, List<double> seconds, double operations, List<double>? multiply)
    {
        var median = Median(seconds);
        return new SideBench(
            name,
            workload.Batch / median,
            workload.Batch / seconds.Max(),
            workload.Batch / seconds.Min(),
            1000 * median,
            operations / median / 1e9,
            multiply is null ? null : Median(multiply) / median);
    }

    /// <summary>Each of ours against the better of the peer's with its own dropout, and of those with the cheaper mask; in fp32 also like with like.</summary>
    public static IEnumerable<RatioBench> Ratios(IReadOnlyList<SideBench> sides)
    {
        if (!sides.Any(s => s.Name.StartsWith("PyTorch", StringComparison.Ordinal))) yield break;
        foreach (var ours in sides.Where(s => s.Name.StartsWith("ours", StringComparison.Ordinal)))
        {
            if (ours.Name == "ours fp32") yield return Over("PyTorch fp32", p => p == "PyTorch fp32");
            yield return Over("the better PyTorch", p => !p.EndsWith("mask", StringComparison.Ordinal));
            yield return Over("the better PyTorch with the cheap mask", p => p.EndsWith("mask", StringComparison.Ordinal));

            RatioBench Over(string name, Func<string, bool> which) => new(
                ours.Name, name, ours.PairsPerSecond / sides.Where(s => s.Name.StartsWith("PyTorch", StringComparison.Ordinal) && which(s.Name)).Max(s => s.PairsPerSecond));
        }
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static void Show(Terminal terminal, TrainingBenchReport report)
    {
        terminal.Say($"{report.Device}; {report.Peer ?? "no peer"}; {Phrases.Count(report.Threads, "thread")} each{AtLoad(report.Load)}");
        foreach (var workload in report.Workloads)
        {
            terminal.Say();
            terminal.Say(terminal.Out.Bold($"{workload.Name}: {workload.Sizes}"));
            var table = new Table("trainer", ">pairs/s", ">slowest", ">fastest", ">ms/step", ">GFLOP/s", ">of the products' rate");
            foreach (var side in workload.Sides)
            {
                table.Row(
                    side.Name,
                    Phrases.Fixed(side.PairsPerSecond, 0),
                    Phrases.Fixed(side.Least, 0),
                    Phrases.Fixed(side.Most, 0),
                    Phrases.Fixed(side.MillisecondsPerStep, 1),
                    Phrases.Fixed(side.GigaflopsPerSecond, 0),
                    side.MultiplyShare is { } share ? Phrases.Percent(share) : "");
            }

            terminal.Draw(table);
            foreach (var ratio in workload.Ratios) terminal.Say($"  {ratio.Ours} over {ratio.Peer}: {Phrases.Fixed(ratio.Ratio, 2)}x");
            foreach (var curve in workload.Curves)
            {
                var verdict = curve.Same ? terminal.Out.Green("the same losses as PyTorch fp32") : terminal.Out.Red("other losses than PyTorch fp32");
                terminal.Say(string.Create(CultureInfo.InvariantCulture, $"  {curve.Ours}: {verdict} over {curve.Steps} steps without dropout (largest difference {curve.Difference:0.0e+0})"));
            }
        }
    }

    private static int InRange(string option, int value, int least, int most) => value >= least && value <= most
        ? value
        : throw new FuseMixException(FailureKind.Invalid, $"{option} must be from {Phrases.Count(least)} to {Phrases.Count(most)}, not {value}.");

    private static double? LoadAverage()
    {
        const string file = "/proc/loadavg";
        return File.Exists(file) ? double.Parse(File.ReadAllText(file).Split(' ')[0], CultureInfo.InvariantCulture) : null;
    }
}
