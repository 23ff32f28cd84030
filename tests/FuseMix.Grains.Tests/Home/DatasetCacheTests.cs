using FuseMix.Grains.Home;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Home;

public sealed class DatasetCacheTests : IDisposable
{
    private readonly TestHome _home = TestHome.Create();

    [Fact]
    public void A_dataset_is_read_once_until_it_changes_on_disk()
    {
        var cache = new DatasetCache(_home.Datasets);
        var first = cache.Get(TestHome.Dataset);
        Assert.Same(first, cache.Get(TestHome.Dataset));
        _home.SaveDataset([.. _home.Items(), _home.TextItem("txt-new", 3, "the red lake")], _home.Pairs());
        var second = cache.Get(TestHome.Dataset);
        Assert.NotNull(second.Find("txt-new"));
        Assert.Same(second, cache.Get(TestHome.Dataset));
    }

    [Fact]
    public void Of_many_datasets_the_latest_used_stay()
    {
        var names = Enumerable.Range(0, 5).Select(i => $"set-{i}").ToArray();
        foreach (var name in names) _home.SaveDataset(_home.Items(), _home.Pairs(), name);
        var cache = new DatasetCache(_home.Datasets);
        var first = cache.Get(names[0]);
        var second = cache.Get(names[1]);
        cache.Get(names[2]);
        cache.Get(names[3]);
        Assert.Same(first, cache.Get(names[0]));
        cache.Get(names[4]);
        Assert.Same(first, cache.Get(names[0]));
        Assert.NotSame(second, cache.Get(names[1]));
    }

    [Fact]
    public void A_dataset_that_was_removed_is_unknown()
    {
        var cache = new DatasetCache(_home.Datasets);
        cache.Get(TestHome.Dataset);
        _home.Datasets.Remove(TestHome.Dataset);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => cache.Get(TestHome.Dataset)).Kind);
    }

    public void Dispose() => _home.Dispose();
}
