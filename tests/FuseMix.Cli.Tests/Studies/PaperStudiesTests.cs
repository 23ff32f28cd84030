using FuseMix.Cli.Studies;
using FuseMix.Cli.Training;

namespace FuseMix.Cli.Tests.Studies;

public sealed class PaperStudiesTests
{
    public static TheoryData<string> Names => [.. All().Select(study => study.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_variant_is_a_recipe_of_its_own(string name)
    {
        var study = All().Single(one => one.Name == name);
        var recipes = study.Variants.Select(variant => RecipeSettings.Read(null, null, variant.Settings).Fingerprint()).ToArray();
        Assert.Equal(recipes.Length, recipes.Distinct().Count());
        Assert.Equal(recipes.Length, study.Variants.Select(variant => variant.Name).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Variants_are_on_the_scale_where_there_is_one(string name)
    {
        var study = All().Single(one => one.Name == name);
        Assert.All(study.Variants, variant => Assert.Equal(study.Axis is null, variant.Value is null));
    }

    [Fact]
    public void Quantities_are_shares_of_what_there_is_up_to_the_whole()
    {
        var values = PaperStudies.Quantity(2820).Variants.Where(variant => variant.Series == "FuseMix").Select(variant => variant.Value);
        Assert.Equal([141, 282, 564, 1410, 2820], values);
        Assert.Equal(
            [50, 100], PaperStudies.Quantity(100).Variants.Where(variant => variant.Series == "FuseMix").Select(variant => variant.Value));
    }

    private static IEnumerable<Study> All() =>
    [
        PaperStudies.Augmentation, PaperStudies.Batch, PaperStudies.Depth, PaperStudies.Alpha, PaperStudies.Quantity(2820),
        PaperStudies.Diversity(2820),
    ];
}
