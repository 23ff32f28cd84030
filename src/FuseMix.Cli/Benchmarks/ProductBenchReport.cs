namespace FuseMix.Cli.Benchmarks;

/// <summary>What <c>fusemix bench products</c> measured.</summary>
/// <param name="Threads">Threads that shared the work.</param>
/// <param name="Load">Average load of the machine over the last minute when this began; null where it is not known.</param>
/// <param name="Workloads">One entry per workload.</param>
internal sealed record ProductBenchReport(int Threads, double? Load, ProductBench[] Workloads);

/// <summary>The products of one step.</summary>
/// <param name="Name">Name of the workload.</param>
/// <param name="Sizes">Its sizes in words.</param>
/// <param name="Kernels">What multiplied; first the bare multiply-adds that the others are measured by.</param>
internal sealed record ProductBench(string Name, string Sizes, KernelBench[] Kernels);

/// <summary>One way to multiply.</summary>
/// <param name="Name">Which.</param>
/// <param name="GigaflopsPerSecond">Median over the rounds.</param>
/// <param name="PeakShare">Its share of the fp32 peak; bf16 may pass 1.</param>
internal sealed record KernelBench(string Name, double GigaflopsPerSecond, double PeakShare);
