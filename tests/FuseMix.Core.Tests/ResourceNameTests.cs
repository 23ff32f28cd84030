namespace FuseMix.Core.Tests;

public sealed class ResourceNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("clip-vit_b.32")]
    [InlineData("0")]
    [InlineData("a.b")]
    public void Plain_names_are_valid(string name)
    {
        Assert.True(ResourceName.IsValid(name));
        Assert.Equal(name, ResourceName.Require(name, "dataset"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a..b")]
    [InlineData(".hidden")]
    [InlineData("-x")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a b")]
    [InlineData("A")]
    [InlineData("é")]
    [InlineData("a\0")]
    [InlineData("a\n")]
    [InlineData("c:")]
    [InlineData("٣")]
    public void Paths_and_odd_characters_are_refused_with_the_rule(string? name)
    {
        Assert.False(ResourceName.IsValid(name));
        var error = Assert.Throws<FuseMixException>(() => ResourceName.Require(name, "dataset"));
        Assert.Equal(FailureKind.Invalid, error.Kind);
        Assert.Contains("not a valid dataset name", error.Message, StringComparison.Ordinal);
        Assert.Contains("lower-case", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Eighty_characters_are_the_most()
    {
        Assert.True(ResourceName.IsValid(new string('a', 80)));
        Assert.False(ResourceName.IsValid(new string('a', 81)));
    }
}
