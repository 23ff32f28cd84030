using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Encoders.Packs;
using FuseMix.Grains.Cluster;
using FuseMix.Grains.Home;
using FuseMix.Grains.Search;
using FuseMix.Grains.Sessions;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Retrieval.Generations;
using FuseMix.Storage;
using FuseMix.Testing.Clusters;
using FuseMix.Training.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace FuseMix.Grains.Tests.Search;

public sealed class SearchPreparationTests(PreparedHome prepared)
{
    [Fact]
    public async Task What_a_search_needs_is_open_before_it_comes()
    {
        using var home = prepared.Copy();
        await using (var cluster = await TestCluster.StartAsync(home))
            await cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset));
        var live = new CollectionStore(home.Home).Live("boats")!;
        using var node = new Node(home.Home);

        await node.Preparation.Begin(new SearchRequest("boats", [SearchQuery.OfText("a boat")], null));

        // It can be had although its files are gone.
        Directory.Delete(home.Home.Models, recursive: true);
        var model = node.Models.Get(live.Model, new Fingerprint(live.ModelFingerprint));
        Directory.Delete(home.Home.Encoders, recursive: true);
        var text = model.Source(Modality.Text).Parts.Single();
        Assert.NotNull(node.Encoders.Get(text.Encoder, text.Fingerprint, Encoders.Sessions.EncoderAim.Latency));

        // The encoder of pictures is not needed, and was left alone.
        var image = model.Source(Modality.Image).Parts.Single();
        Assert.Throws<FuseMixException>(() => node.Encoders.Get(image.Encoder, image.Fingerprint, Encoders.Sessions.EncoderAim.Latency));
    }

    [Fact]
    public async Task Whatever_is_wrong_with_a_search_is_left_to_the_search()
    {
        using var home = prepared.Copy();
        using var node = new Node(home.Home);
        foreach (var request in (SearchRequest[])
            [new("unknown", [SearchQuery.OfText("a boat")], null), new("../x", [], null), new("unknown", [new([new QueryTerm { Content = [1] }])], null)])
            await node.Preparation.Begin(request);
    }

    private sealed class Node : IDisposable
    {
        private readonly EncodingThreads _threads;

        public Node(FuseMixHome home)
        {
            var options = new NodeOptions { Threads = 1 };
            _threads = new EncodingThreads(options);
            Models = new FusionModels(new FusionModelStore(home), TimeProvider.System);
            Encoders = new EncoderSessions(new EncoderPackStore(home.Encoders), new DeviceHealth(NullLogger<DeviceHealth>.Instance), _threads, options);
            Preparation = new SearchPreparation(new CollectionStore(home), Models, Encoders);
        }

        public FusionModels Models { get; }

        public EncoderSessions Encoders { get; }

        public SearchPreparation Preparation { get; }

        public void Dispose()
        {
            Encoders.Dispose();
            _threads.Dispose();
        }
    }
}
