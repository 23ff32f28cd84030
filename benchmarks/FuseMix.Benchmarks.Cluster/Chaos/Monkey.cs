using FuseMix.Testing.Clusters;

namespace FuseMix.Benchmarks.Cluster.Chaos;

/// <summary>Kills, stops and freezes silos at random and starts them again; all the others are whole meanwhile.</summary>
internal sealed class Monkey(TestHome home, ChaosPlan plan, ChaosVerdict verdict) : IAsyncDisposable
{
    private readonly Random _random = new(plan.Seed);
    private readonly SiloCluster _cluster = new(
        home,
        "Cluster:Kind=PostgreSql",
        $"Cluster:ConnectionString={plan.Database}",
        "Node:ShardReplicas=2",
        "Node:LeaseDuration=00:00:05",
        "Node:CheckpointSteps=20");

    public IEnumerable<Uri> Addresses => _cluster.Silos.Select(silo => silo.Url);

    public async Task StartAll()
    {
        for (var i = 0; i < plan.Silos; i++) await Start(Name(i));
    }

    public async Task Rage(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var victim = Name(_random.Next(plan.Silos));
            var pause = Seconds(1, 6);
            var away = Seconds(0.5, 9.5);
            var how = _random.Next(10);
            try
            {
                await Task.Delay(pause, over);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            var silo = _cluster[victim];
            if (how < 5)
            {
                verdict.Count("silos killed with -9");
                silo.Process.Kill();
                await Again(victim, away);
            }
            else if (how < 8)
            {
                verdict.Count("silos stopped in order");
                var (code, _) = await silo.Leave();
                if (code != 0) verdict.Fail($"A silo that was asked to leave ended with {code}:\n{silo.Process.Printed}");
                await Again(victim, away);
            }
            else
            {
                verdict.Count("silos frozen and woken");
                silo.Process.Freeze();
                await Task.Delay(away * 2, CancellationToken.None);
                silo.Process.Thaw();

                // The others may have given it up meanwhile; it then finds that it is dead, and ends itself.
                await Task.WhenAny(silo.Process.Exited, Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None));
                if (silo.Process.HasExited)
                {
                    verdict.Count("frozen silos that were given up");
                    await Again(victim, away);
                }
            }
        }
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    private static string Name(int index) => $"silo-{index}";

    private TimeSpan Seconds(double from, double to) => TimeSpan.FromSeconds(from + (_random.NextDouble() * (to - from)));

    private async Task Again(string name, TimeSpan away)
    {
        await _cluster[name].DisposeAsync();
        await Task.Delay(away, CancellationToken.None);
        await Start(name);
    }

    private Task Start(string name) => _cluster.StartAsync($"gateway+extract+train+index+generate@{name}");
}
