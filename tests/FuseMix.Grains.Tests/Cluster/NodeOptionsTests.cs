using FuseMix.Grains.Cluster;


namespace FuseMix.Grains.Tests.Cluster;

public sealed class NodeOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => new NodeOptions().Validate();

    public static TheoryData<string, NodeOptions> OutOfRange => new()
    {
        { nameof(NodeOptions.Threads), new NodeOptions { Threads = 0 } },
        { nameof(NodeOptions.Threads), new NodeOptions { Threads = 1025 } },
        { nameof(NodeOptions.ItemsPerShard), new NodeOptions { ItemsPerShard = 0 } },
        { nameof(NodeOptions.LeaseDuration), new NodeOptions { LeaseDuration = TimeSpan.FromMilliseconds(999) } },
        { nameof(NodeOptions.ShardAttempts), new NodeOptions { ShardAttempts = 0 } },
        { nameof(NodeOptions.CheckpointSteps), new NodeOptions { CheckpointSteps = 0 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public void A_value_out_of_range_is_refused_by_its_key(string key, NodeOptions options)
    {
        var failure = Assert.Throws<FuseMixException>(options.Validate);
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains(key, failure.Message, StringComparison.Ordinal);
        Assert.StartsWith("It must be ", failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_role_is_refused_with_the_nearest_one() =>
        Assert.Equal("Did you mean 'train'?", Assert.Throws<FuseMixException>(new NodeOptions { Roles = ["trian"] }.Validate).Remedy);
}
