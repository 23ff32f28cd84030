using FuseMix.Core.Selection;
using FuseMix.Testing.Training;
using FuseMix.Training.Recipe;

namespace FuseMix.Training.Tests.Recipe;

public sealed class PairSubsetTests
{
    [Theory]
    [InlineData(SubsetMethod.Uniform)]
    [InlineData(SubsetMethod.FarthestPoint)]
    [InlineData(SubsetMethod.Determinantal)]
    public void A_part_has_pairs_of_the_whole_in_their_order_and_keeps_validation(SubsetMethod selection)
    {
        var data = PlantedData.Create(audio: true);
        var part = new PairSubset { Count = 30, Selection = selection }.Of(data, 3, TestContext.Current.CancellationToken);
        foreach (var (whole, list) in data.Pairs.Zip(part.Pairs))
        {
            Assert.Equal(30, list.Train.Count);
            Assert.Equal(list.Train.Left, list.Train.Left.Distinct().Order());
            Assert.Equal(list.Train.Left, list.Train.Right);
            Assert.Same(whole.Validation, list.Validation);
        }
    }

    [Fact]
    public void A_list_that_has_fewer_is_taken_whole()
    {
        var data = PlantedData.Create();
        Assert.Same(data.Pairs[0].Train, new PairSubset { Count = 1000 }.Of(data, 3, TestContext.Current.CancellationToken).Pairs[0].Train);
    }

    [Fact]
    public void Groups_go_with_their_pairs()
    {
        var data = PlantedData.Create();
        var list = data.Pairs[0];
        int[] groups = [.. list.Train.Left.Select(row => row / 2)];
        data = data with { Pairs = [list with { Train = list.Train with { Groups = groups } }] };
        var part = new PairSubset { Count = 20 }.Of(data, 5, TestContext.Current.CancellationToken).Pairs[0].Train;
        Assert.Equal(part.Left.Select(row => row / 2), part.Groups!);
    }

    [Fact]
    public void A_run_learns_from_the_part_alone_and_says_so()
    {
        const string all = """{ "steps": 6, "batchSize": 8, "depth": 1, "sharedDimension": 8 }""";
        const string some =
            """{ "steps": 6, "batchSize": 8, "depth": 1, "sharedDimension": 8, "pairs": { "count": 40, "selection": "determinantal" } }""";
        var trainer = new CpuFusionTrainer(1);
        var token = TestContext.Current.CancellationToken;
        var whole = trainer.Train(PlantedData.Create(), TrainingRecipe.Parse(all), new TrainingRun(1), cancellationToken: token);
        var part = trainer.Train(PlantedData.Create(), TrainingRecipe.Parse(some), new TrainingRun(1), cancellationToken: token);
        Assert.Equal((160, 40), (whole.Training.Pairs, part.Training.Pairs));
        Assert.Equal(2, part.Training.StepsPerEpoch);
        var latents = PlantedData.Create().Latents[Modality.Image].Latents;
        Assert.NotEqual(whole.Embed(Modality.Image, latents), part.Embed(Modality.Image, latents));
    }

    [Fact]
    public void Too_few_pairs_are_refused()
    {
        var failure = Assert.Throws<FuseMixException>(() => TrainingRecipe.Parse("""{ "steps": 6, "pairs": { "count": 3 } }"""));
        Assert.Contains("'pairs.count' is 3", failure.Message, StringComparison.Ordinal);
    }
}
