namespace FuseMix.Core.Tests;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("imgae", "image")]
    [InlineData("IMAGE", "image")]
    [InlineData("imag", "image")]
    [InlineData("images", "image")]
    [InlineData("learnig-rate", "learning-rate")]
    [InlineData("image", "image")]
    [InlineData("txet", "text")]
    public void A_slip_is_taken_for_the_name_it_meant(string name, string meant) =>
        Assert.Equal(meant, NearestName.Of(name, ["audio", "image", "text", "learning-rate"]));

    [Theory]
    [InlineData("zebra")]
    [InlineData("")]
    [InlineData("imgagexyz")]
    public void What_is_not_near_is_not_guessed(string name) => Assert.Null(NearestName.Of(name, ["audio", "image", "text"]));

    [Fact]
    public void Of_two_near_names_the_nearer_wins_and_of_equals_the_first()
    {
        Assert.Equal("epochs", NearestName.Of("epoch", ["epics", "epochs"]));
        Assert.Equal("cat", NearestName.Of("bat", ["cat", "rat"]));
        Assert.Null(NearestName.Of("cat", []));
    }

    [Fact]
    public void A_name_of_a_megabyte_costs_nothing() =>
        Assert.Null(NearestName.Of(new string('a', 1 << 20), ["a", "image", new string('a', 80)]));
}
