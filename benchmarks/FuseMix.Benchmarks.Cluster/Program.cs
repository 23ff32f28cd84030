using System.Globalization;
using FuseMix.Benchmarks.Cluster.Chaos;
using FuseMix.Benchmarks.Cluster.Latency;
using FuseMix.Testing.Clusters;

// Real silos as processes, which find one another in a PostgreSQL server that is started for them:
//   dotnet run -c Release --project benchmarks/FuseMix.Benchmarks.Cluster -- latency [--silos 3] [--searches 2000]
//   dotnet run -c Release --project benchmarks/FuseMix.Benchmarks.Cluster -- chaos [--silos 3] [--minutes 5] [--seed N]
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var options = args.Skip(1).Chunk(2).ToDictionary(
    pair => pair[0], pair => pair.Length == 2 ? pair[1] : throw new ArgumentException($"{pair[0]} needs a value."));
var silos = int.Parse(options.GetValueOrDefault("--silos", "3"));
await using var postgreSql = await PostgreSqlServer.StartAsync();
switch (args.FirstOrDefault())
{
    case "latency":
        await LatencyRun.Run(postgreSql.ConnectionString, silos, int.Parse(options.GetValueOrDefault("--searches", "2000")));
        return 0;
    case "chaos":
        var seed = options.TryGetValue("--seed", out var given) ? int.Parse(given) : Random.Shared.Next();
        var length = TimeSpan.FromMinutes(double.Parse(options.GetValueOrDefault("--minutes", "5")));
        var verdict = await ChaosRun.Run(new ChaosPlan(postgreSql.ConnectionString, length, silos, seed));
        Console.WriteLine(verdict);
        return verdict.Failures.Count == 0 ? 0 : 1;
    default:
        Console.Error.WriteLine("It takes 'latency' or 'chaos'.");
        return 2;
}
