namespace FuseMix.Benchmarks.Cluster.Chaos;

/// <summary>What a run is made of.</summary>
/// <param name="Database">Connection string of the PostgreSQL database.</param>
/// <param name="Length">How long nodes are killed.</param>
/// <param name="Silos">Number of silos.</param>
/// <param name="Seed">Decides which node, when and how.</param>
internal sealed record ChaosPlan(string Database, TimeSpan Length, int Silos, int Seed);

/// <summary>What a run came to.</summary>
internal sealed class ChaosVerdict
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly List<double> _milliseconds = [];

    /// <summary>What must never be: empty where all is well.</summary>
    public List<string> Failures { get; } = [];

    public void Count(string what, int by = 1)
    {
        lock (_gate) _counts[what] = _counts.GetValueOrDefault(what) + by;
    }

    public void Took(TimeSpan search)
    {
        lock (_gate) _milliseconds.Add(search.TotalMilliseconds);
    }

    public void Fail(string why)
    {
        lock (_gate) Failures.Add(why);
    }

    public override string ToString()
    {
        lock (_gate)
        {
            var sorted = _milliseconds.Order().ToArray();
            var search = sorted.Length == 0
                ? ""
                : $"  {"search p50 / p99 / worst",-40} {sorted[sorted.Length / 2]:F1} / {sorted[sorted.Length * 99 / 100]:F1} / "
                    + $"{sorted[^1]:F0} ms\n";
            return string.Concat(_counts.Select(count => $"  {count.Key,-40} {count.Value:N0}\n")) + search
                + (Failures.Count == 0 ? "nothing lost, no wrong answer" : $"FAILED:\n  {string.Join("\n  ", Failures)}");
        }
    }
}
