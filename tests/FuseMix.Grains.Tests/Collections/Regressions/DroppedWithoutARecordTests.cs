using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Data.Datasets;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Collections.Regressions;

/// <summary>What a dataset's owner wrote is what a collection of it answers with, and what has no latent is named.</summary>
public sealed class DroppedWithoutARecordTests(PreparedHome prepared)
{
    [Fact]
    public async Task Metadata_called_like_ours_stay_the_owners_and_ours_have_names_of_their_own()
    {
        using var home = prepared.Copy();
        var before = home.Datasets.Load(TestHome.Dataset);
        DatasetItem[] items =
        [
            .. before.Items.Select(
                item => item with
                {
                    Metadata = new Dictionary<string, string>(item.Metadata) { ["split"] = "left", ["caption"] = "the owner's" },
                })
        ];
        home.Datasets.Save(
            new Dataset(home.Home, before.Name, before.Licence, before.About, items, before.Pairs, before.Failures, before.Notices));
        await using var cluster = await TestCluster.StartAsync(home);
        foreach (var encoder in TestHome.Encoders.Values) await cluster.Extract(encoder);
        await cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset));
        var request = new SearchRequest("boats", [SearchQuery.OfText(TestHome.Caption(3))], Modality.Image, 3)
        {
            Filter = new() { ["split"] = ["left"] },
        };
        var hits = (await cluster.Search(request)).Results[0];
        Assert.Equal(3, hits.Length);
        Assert.All(hits, hit =>
        {
            var item = before.Item(hit.Id);
            Assert.Equal(("left", "the owner's"), (hit.Metadata["split"], hit.Metadata["caption"]));
            Assert.Equal((item.Split.ToString().ToLowerInvariant(), item.Group), (hit.Metadata["fusemix.split"], hit.Metadata["group"]));
            Assert.NotEqual("the owner's", HitMetadata.Caption(hit.Metadata));
        });
    }

    [Fact]
    public async Task Items_that_no_latent_could_be_made_of_are_named_with_the_dataset()
    {
        using var home = TestHome.Create();
        var dataset = home.Datasets.Load(TestHome.Dataset);
        var broken = dataset.ItemsOf(Modality.Image)[0];
        await File.WriteAllTextAsync(dataset.PathOf(broken)!, "changed", TestContext.Current.CancellationToken);
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Extract(TestHome.ImageEncoder);
        var details = await cluster.Catalog.Dataset(TestHome.Dataset);
        Assert.Contains($"1 items have no latent by {TestHome.ImageEncoder}:", details.Notices);
        Assert.Contains(details.Notices, notice => notice.StartsWith($"  {broken.Id}: ", StringComparison.Ordinal));
    }
}
