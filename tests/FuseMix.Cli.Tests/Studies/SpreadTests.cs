using FuseMix.Cli.Studies;

namespace FuseMix.Cli.Tests.Studies;

public sealed class SpreadTests
{
    [Fact]
    public void The_spread_is_the_sample_deviation()
    {
        var spread = Spread.Of([1, 2, 3]);
        Assert.Equal(2, spread.Mean);
        Assert.Equal(1, spread.Deviation!.Value, 12);
        Assert.Equal("2.0±1.0", spread.ToString());
    }

    [Fact]
    public void One_seed_has_no_spread() => Assert.Equal("37.2", Spread.Of([37.2]).ToString());
}
