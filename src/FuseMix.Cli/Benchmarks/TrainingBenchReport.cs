namespace FuseMix.Cli.Benchmarks;

/// <summary>What <c>fusemix bench train</c> measured.</summary>
/// <param name="Device">What ours computed on.</param>
/// <param name="Peer">The peer, e.g. "PyTorch 1.13.1"; null where it could not be started.</param>
/// <param name="PeerMissing">Why there is no peer; null where there is one.</param>
/// <param name="Threads">Threads of either side.</param>
/// <param name="Load">Average load of the machine over the last minute when this began; null where it is not known.</param>
/// <param name="Workloads">One entry per workload.</param>
internal sealed record TrainingBenchReport(
    string Device, string? Peer, string? PeerMissing, int Threads, double? Load, WorkloadBench[] Workloads);

/// <summary>One workload.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Sizes">Its sizes in words.</param>
/// <param name="Sides">Every trainer that took turns.</param>
/// <param name="Ratios">Ours over the peer.</param>
/// <param name="Curves">How far losses without dropout were from the peer's in fp32.</param>
internal sealed record WorkloadBench(string Name, string Sizes, SideBench[] Sides, RatioBench[] Ratios, CurveBench[] Curves);

/// <summary>One trainer on one workload.</summary>
/// <param name="Name">Who, how.</param>
/// <param name="PairsPerSecond">Median over the rounds.</param>
/// <param name="Least">Of the slowest round.</param>
/// <param name="Most">Of the fastest round.</param>
/// <param name="MillisecondsPerStep">Median.</param>
/// <param name="GigaflopsPerSecond">Of the adapters' products, over the time of the whole step.</param>
/// <param name="MultiplyShare">Share of our plain products' rate that the whole step reaches, 0..1; null for the peer.</param>
internal sealed record SideBench(
    string Name, double PairsPerSecond, double Least, double Most, double MillisecondsPerStep, double GigaflopsPerSecond,
    double? MultiplyShare);

/// <summary>Pairs per second of ours over the peer's.</summary>
/// <param name="Ours">Which of ours.</param>
/// <param name="Peer">Which of the peer's: the better of several where it names several.</param>
/// <param name="Ratio">The quotient of medians.</param>
internal sealed record RatioBench(string Ours, string Peer, double Ratio);

/// <summary>The losses of the first steps without dropout, from the same weights and batches.</summary>
/// <param name="Ours">Which of ours.</param>
/// <param name="Steps">How many.</param>
/// <param name="Difference">The largest relative difference to PyTorch in fp32.</param>
/// <param name="Allowed">The largest that counts as the same curve.</param>
/// <param name="Same">Whether it is.</param>
internal sealed record CurveBench(string Ours, int Steps, double Difference, double Allowed, bool Same);
