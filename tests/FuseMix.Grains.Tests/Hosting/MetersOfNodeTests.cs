using System.Diagnostics.Metrics;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;

namespace FuseMix.Grains.Tests.Hosting;

/// <summary>What a node measures and traces when it is used, all meters together.</summary>
public sealed class MetersOfNodeTests(PreparedHome prepared) : IDisposable
{
    private readonly MeterBook _meters = new();

    public void Dispose() => _meters.Dispose();

    [Fact]
    public async Task All_that_is_counted_is_there_before_anything_happens()
    {
        using var home = TestHome.Create();
        await using var cluster = await Start(home);
        string[] expected =
        [
            .. from state in (string[])["active", "dead", "joining", "stopping"]
               from role in (string[])["extract", "gateway", "generate", "index", "train"]
               select $"fusemix.cluster.nodes{{state={state},role={role}}}",
            .. from modality in (string[])["audio", "image", "text"]
               from outcome in (string[])["encoded", "failed"]
               select $"fusemix.extraction.items{{modality={modality},outcome={outcome}}}",
            "fusemix.extraction.jobs{}",
            "fusemix.extraction.leases.expired{}",
            .. from outcome in (string[])["committed", "dropped", "failed"] select $"fusemix.extraction.shards{{outcome={outcome}}}",
            "fusemix.index.items{}",
            "fusemix.index.moves{}",
            "fusemix.index.shards{}",
            "fusemix.search.hedges{}",
            "fusemix.search.missing_shards{}",
            .. from outcome in (string[])["complete", "failed", "incomplete"] select $"fusemix.search.queries{{outcome={outcome}}}",
            "fusemix.training.checkpoints{}",
            "fusemix.training.fenced{}",
            .. from state in (string[])["queued", "running"] select $"fusemix.training.jobs{{state={state}}}",
            "fusemix.training.pairs{}",
            "fusemix.training.steps{}",
        ];
        Assert.Equal(expected, _meters.Series("fusemix."));
        Assert.All(
            expected.Where(series => !series.Contains("cluster", StringComparison.Ordinal)),
            series => Assert.Equal(0, _meters.Sum(series.Split('{')[0])));
        Assert.Equal(1, _meters.Look("fusemix.cluster.nodes", "state=active", "role=index"));
        Assert.Equal(0, _meters.Look("fusemix.cluster.nodes", "state=active", "role=generate"));
    }

    [Fact]
    public async Task What_grains_do_is_measured()
    {
        using var home = TestHome.Create();
        await using var cluster = await Start(home);
        await cluster.Extract(TestHome.ImageEncoder);
        await cluster.Extract(TestHome.TextEncoder);
        Assert.Equal(25, _meters.Sum("fusemix.extraction.items", "modality=image", "outcome=encoded"));
        Assert.Equal(25, _meters.Sum("fusemix.extraction.items", "modality=text", "outcome=encoded"));
        Assert.Equal(8, _meters.Sum("fusemix.extraction.shards", "outcome=committed"));
        Assert.Equal(8, _meters.Values("fusemix.extraction.shard.duration").Length);
        Assert.Equal(0, _meters.Look("fusemix.extraction.jobs"));

        await cluster.Train(PreparedHome.Request("job"));
        Assert.Equal(40, _meters.Sum("fusemix.training.steps"));
        Assert.Equal(40 * 8, _meters.Sum("fusemix.training.pairs"));
        Assert.Equal(40, _meters.Values("fusemix.training.step.duration").Length);
        Assert.Equal(14, _meters.Sum("fusemix.training.checkpoints"));
        Assert.Equal(0, _meters.Look("fusemix.training.jobs", "state=running"));

        var built = await cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset, RowsPerShard: 5));
        await cluster.Search(new SearchRequest("boats", [SearchQuery.OfText("two red boats")], null, 3));
        Assert.Equal(1, _meters.Sum("fusemix.search.queries", "outcome=complete"));
        Assert.Single(_meters.Values("fusemix.search.duration", "target=any", "outcome=complete"));
        Assert.Single(_meters.Values("fusemix.search.encode.duration", "modality=text"));
        Assert.Equal(built.Shards.Length, _meters.Values("fusemix.search.shard.duration", "outcome=answered").Length);
        Assert.Equal((built.Shards.Length, 50), (_meters.Look("fusemix.index.shards"), _meters.Look("fusemix.index.items")));
    }

    [Fact]
    public async Task A_search_is_one_trace_over_all_its_grains()
    {
        using var home = prepared.Copy();
        await using var cluster = await Start(home);
        await cluster.Build("traced-boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset));
        using var spans = new SpanBook();
        await cluster.Search(new SearchRequest("traced-boats", [SearchQuery.OfText("two red boats")], Modality.Image, 3));

        var all = spans.Of("FuseMix.Search");
        var search = Assert.Single(
            all, span => span.OperationName == "search" && "traced-boats".Equals(span.GetTagItem("fusemix.collection")));
        Assert.Equal("complete", search.GetTagItem("fusemix.outcome"));
        Assert.Equal(
            ["encode", "shard"],
            all.Where(span => span.ParentId == search.Id).Select(span => span.OperationName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Jobs_are_traces_of_their_own()
    {
        using var home = TestHome.Create();
        home.SaveDataset(home.Items(), home.Pairs(), "traced");
        using var spans = new SpanBook();
        using var caller = new System.Diagnostics.Activity("caller").Start();
        await using var cluster = await Start(home);
        await cluster.Extract(TestHome.ImageEncoder, "traced");
        await cluster.Extract(TestHome.TextEncoder, "traced");
        await cluster.Train(PreparedHome.Request("traced-job") with { Dataset = "traced" });
        await cluster.Build("traced", new CollectionBuild(PreparedHome.Model, "traced"));

        var shards = spans.Of("FuseMix.Extraction").Where(span => "traced".Equals(span.GetTagItem("fusemix.dataset"))).ToArray();
        Assert.Equal(8, shards.Length);
        System.Diagnostics.Activity[] all =
        [
            .. shards,
            Assert.Single(spans.Of("FuseMix.Training"), span => "traced-job".Equals(span.GetTagItem("fusemix.job"))),
            Assert.Single(spans.Of("FuseMix.Index"), span => "traced".Equals(span.GetTagItem("fusemix.collection"))),
        ];
        Assert.All(all, span => Assert.Null(span.ParentId));
        Assert.Equal(all.Length, all.Select(span => span.TraceId).Distinct().Count());
    }

    private Task<TestCluster> Start(TestHome home) =>
        TestCluster.StartAsync(home, [TestCluster.Everything], configure: (silo, _) => silo.Services.AddSingleton<IMeterFactory>(_meters));
}
