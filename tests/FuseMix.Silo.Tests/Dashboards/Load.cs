using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Training;
using FuseMix.Silo.Tests.Telemetry;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Dashboards;

/// <summary>Keeps a node busy with everything that it can do, the failing of it included, until it is disposed of.</summary>
internal sealed class Load : IAsyncDisposable
{
    private const string TrainingJob = "endless";
    private static readonly ExtractionRequest Held = new("held", TestHome.ImageEncoder);

    private readonly CancellationTokenSource _stop = new();
    private readonly WatchedNode _node;
    private readonly HeldFile _picture;
    private readonly Task _work;

    private Load(WatchedNode node, HeldFile picture)
    {
        (_node, _picture) = (node, picture);
        _work = Task.WhenAll(Search(_stop.Token), Extract(_stop.Token));
    }

    private TestHome Home => _node.Served.Home;

    /// <summary>Starts it: searches, extractions one after the other, one extraction that stands still, and a training without an
    /// end.</summary>
    public static async Task<Load> Start(WatchedNode node)
    {
        var (home, grains) = (node.Served.Home, node.Served.Grains);
        await node.Served.Build("broken", ServedHome.Model);
        var generation = (await grains.GetGrain<ICollectionGrain>("broken").Status()).Generation;
        File.Delete(Path.Combine(home.Home.Collections, "broken", generation, "text-00000.fmshard"));

        var picture = home.PictureItem("held", 0, TestHome.Picture(0));
        home.SaveDataset([picture], [], Held.Dataset);
        var held = new HeldFile(home.PicturePath("held"));
        await grains.GetGrain<IExtractionJobGrain>(Held.Key).Start(Held);

        var encoders =
            new Dictionary<Modality, string> { [Modality.Image] = TestHome.ImageEncoder, [Modality.Text] = TestHome.TextEncoder };
        const string recipe = """{ "steps": 10000000, "batchSize": 8, "depth": 1, "sharedDimension": 8 }""";
        await grains.GetGrain<ITrainerGrain>(ITrainerGrain.Key).Submit(
            new TrainingRequest(TrainingJob, TrainingJob, TestHome.Dataset, encoders, recipe, 1));
        return new Load(node, held);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        await _node.Served.Grains.GetGrain<ITrainerGrain>(ITrainerGrain.Key).Cancel(TrainingJob);
        await _node.Served.Grains.GetGrain<IExtractionJobGrain>(Held.Key).Cancel();
        await _picture.Release();
        _picture.Dispose();
        _stop.Dispose();
    }

    private async Task Search(CancellationToken cancellationToken)
    {
        string[] answered = ["boats/search?q=red+boats", "boats/search?q=red+boats&target=image"];
        string[] refused = ["broken/search?q=red+boats", "broken/search?item=txt-00", "nothing/search?q=a"];
        for (var i = 0; !cancellationToken.IsCancellationRequested; i++)
        {
            var address = i % 10 > 0 ? answered[i % answered.Length] : refused[i / 10 % refused.Length];
            using var answer = await _node.Client.GetAsync($"/api/v1/collections/{address}", CancellationToken.None);
            await Pause(20, cancellationToken);
        }
    }

    private async Task Extract(CancellationToken cancellationToken)
    {
        for (var i = 0; !cancellationToken.IsCancellationRequested; i++)
        {
            // One picture is none.
            var broken = Home.PictureItem($"broken-{i}", 0, [1, 2, 3]);
            Home.SaveDataset([.. Home.Items().Take(8), broken], [], $"load-{i}");
            foreach (var encoder in (string[])[TestHome.ImageEncoder, TestHome.TextEncoder])
            {
                var request = new ExtractionRequest($"load-{i}", encoder);
                var job = _node.Served.Grains.GetGrain<IExtractionJobGrain>(request.Key);
                await job.Start(request);
                await Patience.Read(job.Watch(CancellationToken.None));
            }

            await Pause(200, cancellationToken);
        }
    }

    /// <summary>Leaves the machine to others for a while.</summary>
    private static Task Pause(int milliseconds, CancellationToken cancellationToken) =>
        Task.Delay(milliseconds, cancellationToken).ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
}
