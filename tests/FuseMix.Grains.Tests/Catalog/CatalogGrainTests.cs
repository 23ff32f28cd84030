using FuseMix.Contracts.Collections;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Storage;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Catalog;

public sealed class CatalogGrainTests(PreparedHome prepared)
{
    [Fact]
    public async Task Everything_on_the_shared_storage_is_listed()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Build("boats", new CollectionBuild(PreparedHome.Model, TestHome.Dataset));

        var encoders = await cluster.Catalog.Encoders();
        Assert.Equal(
            [(TestHome.ImageEncoder, Modality.Image, 3), (TestHome.TextEncoder, Modality.Text, 4)],
            encoders.Select(encoder => (encoder.Name, encoder.Modality, encoder.Dimension)));
        Assert.All(
            encoders, encoder => Assert.Equal((home.Packs.Load(encoder.Name).Fingerprint.Hex, null), (encoder.Fingerprint, encoder.Error)));

        var dataset = Assert.Single(await cluster.Catalog.Datasets());
        Assert.Equal(
            (TestHome.Dataset, TestHome.Groups, 0, "CC0-1.0", null),
            (dataset.Name, dataset.Groups, dataset.Failures, dataset.Licence, dataset.Error));
        Assert.Equal((25, 25), (dataset.Items[Modality.Image], dataset.Items[Modality.Text]));
        Assert.Equal((16, 4, 6), (dataset.Pairs["train"], dataset.Pairs["validation"], dataset.Pairs["test"]));

        Assert.Equal(
            [(TestHome.ImageEncoder, 25, 3, 0, true), (TestHome.TextEncoder, 25, 4, 0, true)],
            (await cluster.Catalog.LatentSets()).Select(set => (set.Encoder, set.Count, set.Dimension, set.Failed, set.Complete)));
        Assert.Equal(
            [(PreparedHome.Model, 8, 40, null), (PreparedHome.OtherModel, 8, 40, (string?)null)],
            (await cluster.Catalog.Models()).Select(model => (model.Name, model.Dimension, model.Steps, model.Error)));
        Assert.Equal(["boats"], await cluster.Catalog.Collections());
    }

    [Fact]
    public async Task Encoders_are_read_through_once_however_often_they_are_listed()
    {
        using var home = prepared.Copy();
        foreach (var file in Directory.EnumerateFiles(home.Home.Encoders, "*", SearchOption.AllDirectories))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(-1));
        await using var cluster = await TestCluster.StartAsync(home);
        var read = 0L;
        FileChecksum.Hashed += Count;
        try
        {
            var first = await cluster.Catalog.Encoders();
            Assert.Equal(TestHome.Encoders.Values.Sum(encoder => home.Packs.Load(encoder).Bytes), read);
            Assert.Equal(first, await cluster.Catalog.Encoders());
            Assert.Equal(TestHome.Encoders.Values.Sum(encoder => home.Packs.Load(encoder).Bytes), read);
        }
        finally
        {
            FileChecksum.Hashed -= Count;
        }

        void Count(string path, long bytes)
        {
            if (path.StartsWith(home.Home.Encoders, StringComparison.Ordinal)) Interlocked.Add(ref read, bytes);
        }
    }

    [Fact]
    public async Task An_empty_home_has_empty_lists()
    {
        using var home = TestHome.Create();
        Directory.Delete(home.Home.Encoders, recursive: true);
        home.Datasets.Remove(TestHome.Dataset);
        await using var cluster = await TestCluster.StartAsync(home);
        Assert.Empty(await cluster.Catalog.Encoders());
        Assert.Empty(await cluster.Catalog.Datasets());
        Assert.Empty(await cluster.Catalog.LatentSets());
        Assert.Empty(await cluster.Catalog.Models());
        Assert.Empty(await cluster.Catalog.Collections());
    }

    [Fact]
    public async Task What_is_damaged_is_listed_with_what_is_wrong_and_hides_nothing_else()
    {
        using var home = prepared.Copy();
        home.SaveDataset(home.Items(), home.Pairs(), "broken");
        await using var cluster = await TestCluster.StartAsync(home);
        await File.WriteAllTextAsync(
            Path.Combine(home.Home.Datasets, "broken", "dataset.json"), "{", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(home.Packs.Load(TestHome.TextEncoder).Folder, "encoder.json"), "{", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(home.Models.FolderOf(PreparedHome.OtherModel), "model.json"), "{", TestContext.Current.CancellationToken);

        var datasets = await cluster.Catalog.Datasets();
        Assert.Equal([TestHome.Dataset, "broken"], datasets.Select(dataset => dataset.Name));
        Assert.Null(datasets[0].Error);
        Assert.Contains("dataset.json", datasets[1].Error, StringComparison.Ordinal);

        var encoders = await cluster.Catalog.Encoders();
        Assert.Null(encoders.Single(encoder => encoder.Name == TestHome.ImageEncoder).Error);
        Assert.Contains("encoder.json", encoders.Single(encoder => encoder.Name == TestHome.TextEncoder).Error, StringComparison.Ordinal);

        var models = await cluster.Catalog.Models();
        Assert.Null(models.Single(model => model.Name == PreparedHome.Model).Error);
        Assert.Contains("model.json", models.Single(model => model.Name == PreparedHome.OtherModel).Error, StringComparison.Ordinal);
    }
}
