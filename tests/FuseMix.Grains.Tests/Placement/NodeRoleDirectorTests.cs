using System.Diagnostics.CodeAnalysis;
using System.Net;
using FuseMix.Contracts.Extraction;
using FuseMix.Grains.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace FuseMix.Grains.Tests.Placement;

public sealed class NodeRoleDirectorTests
{
    [Fact]
    public async Task A_slot_lives_on_its_node_and_on_no_other()
    {
        var nodes = new Membership("index@d", "extract@c", "extract:8+index@a", "train+extract@b");
        Assert.Equal("extract:8+index@a", await nodes.Choose(new ExtractPlacement(), IExtractorGrain.KeyOf("a", 7)));
        Assert.Equal("train+extract@b", await nodes.Choose(new ExtractPlacement(), IExtractorGrain.KeyOf("b", 0)));
        foreach (var node in (string[])["d", "e"])
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(
                () => nodes.Choose(new ExtractPlacement(), IExtractorGrain.KeyOf(node, 0)));
            Assert.Equal(
                (FailureKind.Unavailable, $"No active node with the role 'extract' has the name '{node}'."),
                (failure.Kind, failure.Message));
        }
    }

    [Fact]
    public async Task A_node_without_named_roles_has_them_all()
    {
        var nodes = new Membership("single");
        foreach (var placement in (NodeRolePlacement[])[new ExtractPlacement(), new TrainPlacement(), new IndexPlacement()])
            Assert.Equal("single", await nodes.Choose(placement, "single/0"));
    }

    [Fact]
    public async Task A_role_is_a_whole_word()
    {
        var nodes = new Membership("gateway@train", "extract@index");
        await Assert.ThrowsAsync<FuseMixException>(() => nodes.Choose(new TrainPlacement(), "trainer"));
    }

    [Fact]
    public async Task Without_a_node_that_has_the_role_the_failure_says_which_one_to_start()
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => new Membership("gateway@a").Choose(new IndexPlacement(), "x"));
        Assert.Equal((FailureKind.Unavailable, "No active node has the role 'index'."), (failure.Kind, failure.Message));
        Assert.Equal("Start one with the role 'index', or add it to a node.", failure.Remedy);
    }

    [Fact]
    public async Task A_node_that_leaves_moves_only_its_own_shards()
    {
        var keys = Enumerable.Range(0, 300).Select(i => $"boats/g000001-00/image-{i:D5}/0").ToArray();
        var before = await ChooseAll(new Membership("index@a", "index@b", "index@c", "gateway@x"), keys);
        var after = await ChooseAll(new Membership("index@a", "index@c", "gateway@x"), keys);

        Assert.All(
            keys,
            key => Assert.True(before[key] == "index@b" || before[key] == after[key], $"{key} moved from {before[key]} to {after[key]}."));
        Assert.All(before.Values.CountBy(node => node), share => Assert.InRange(share.Value, 60, 140));
        Assert.Equal(2, keys.Where(key => before[key] == "index@b").Select(key => after[key]).Distinct().Count());
    }

    [Fact]
    public async Task A_node_that_joins_takes_only_its_own_share()
    {
        var keys = Enumerable.Range(0, 300).Select(i => $"boats/g000001-00/image-{i:D5}/0").ToArray();
        var before = await ChooseAll(new Membership("index@a", "index@c"), keys);
        var after = await ChooseAll(new Membership("index@c", "index@b", "index@a"), keys);
        Assert.All(
            keys,
            key => Assert.True(after[key] == "index@b" || before[key] == after[key], $"{key} moved from {before[key]} to {after[key]}."));
        Assert.InRange(keys.Count(key => after[key] == "index@b"), 60, 140);
    }

    [Fact]
    public async Task The_choice_does_not_depend_on_the_order_in_which_nodes_are_known()
    {
        var keys = Enumerable.Range(0, 50).Select(i => $"boats/g000001-00/image-{i:D5}/0").ToArray();
        Assert.Equal(
            await ChooseAll(new Membership("index@a", "index@b", "index@c"), keys),
            await ChooseAll(new Membership("index@c", "index@a", "index@b"), keys));
    }

    [Fact]
    public async Task Replicas_of_a_shard_are_on_different_nodes_as_long_as_there_are_enough()
    {
        var nodes = new Membership("index@a", "index@b", "index@c");
        for (var shard = 0; shard < 20; shard++)
        {
            string[] chosen =
            [
                .. await Task.WhenAll(
                    Enumerable.Range(0, 4).Select(r => nodes.Choose(new IndexPlacement(), $"boats/g000001-00/image-{shard:D5}/{r}")))
            ];
            Assert.Equal(3, chosen.Take(3).Distinct().Count());
            Assert.Equal(chosen[0], chosen[3]);
        }
    }

    [Fact]
    public async Task The_trainer_takes_a_node_with_an_accelerator_before_one_without()
    {
        Assert.Equal(
            "train/cuda@z", await new Membership("train@a", "train/cuda@z", "extract/cuda@b").Choose(new TrainPlacement(), "trainer"));
        Assert.Equal("train@a", await new Membership("train@a", "extract/cuda@b").Choose(new TrainPlacement(), "trainer"));
    }

    private static async Task<Dictionary<string, string>> ChooseAll(Membership nodes, string[] keys)
    {
        var chosen = new Dictionary<string, string>();
        foreach (var key in keys) chosen[key] = await nodes.Choose(new IndexPlacement(), key);
        return chosen;
    }

    /// <summary>Active nodes of those names.</summary>
    private sealed class Membership(params string[] names) : ISiloStatusOracle, IPlacementContext
    {
        private readonly Dictionary<SiloAddress, string> _nodes =
            names.Select((name, i) => (name, i)).ToDictionary(
                node => SiloAddress.New(IPAddress.Loopback, 1000 + node.i, 1), node => node.name);

        public SiloStatus CurrentStatus => SiloStatus.Active;

        public string SiloName => names[0];

        public SiloAddress SiloAddress => _nodes.Keys.First();

        public SiloAddress LocalSilo => SiloAddress;

        public SiloStatus LocalSiloStatus => SiloStatus.Active;

        public async Task<string> Choose(NodeRolePlacement placement, string key)
        {
            var target = new PlacementTarget(GrainId.Create("thing", key), [], GrainInterfaceType.Create("IThing"), 0);
            return _nodes[await new NodeRoleDirector(this).OnAddActivation(placement, target, this)];
        }

        public SiloAddress[] GetCompatibleSilos(PlacementTarget target) => [.. _nodes.Keys];

        // This one and IsFunctionalDirectory are asked for by Orleans' interfaces alone.
        public IReadOnlyDictionary<ushort, SiloAddress[]> GetCompatibleSilosWithVersions(PlacementTarget target) =>
            throw new NotSupportedException();

        public SiloAddress[] GetActiveSilos() => [.. _nodes.Keys];

        public SiloStatus GetApproximateSiloStatus(SiloAddress siloAddress) => SiloStatus.Active;

        public Dictionary<SiloAddress, SiloStatus> GetApproximateSiloStatuses(bool onlyActive = false) =>
            _nodes.Keys.ToDictionary(node => node, _ => SiloStatus.Active);

        public bool TryGetSiloName(SiloAddress siloAddress, [NotNullWhen(true)] out string? siloName) =>
            _nodes.TryGetValue(siloAddress, out siloName);

        public bool IsDeadSilo(SiloAddress silo) => false;

        public bool IsFunctionalDirectory(SiloAddress siloAddress) => true;

        public bool SubscribeToSiloStatusEvents(ISiloStatusListener observer) => false;

        public bool UnSubscribeFromSiloStatusEvents(ISiloStatusListener observer) => false;
    }
}
