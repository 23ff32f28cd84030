using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Data.Datasets;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;
using Fold = FuseMix.Core.Evaluation.Fold;

namespace FuseMix.Grains.Tests.Training;

public sealed class ModelEvaluationTests(PreparedHome prepared)
{
    [Theory]
    [InlineData("train", 16, 16)]
    [InlineData("validation", 4, 4)]
    [InlineData("test", 4, 5)]
    public async Task Recall_is_what_ranking_by_hand_gives(string split, int images, int texts)
    {
        var report = await prepared.Asked.Evaluate(new EvaluationRequest(PreparedHome.Model, TestHome.Dataset, split));

        Assert.Equal((PreparedHome.Model, TestHome.Dataset, split, null), (report.Model, report.Dataset, report.Split, report.Without));
        Assert.Equal(
            [(Modality.Image, Modality.Text), (Modality.Text, Modality.Image)],
            report.Directions.Select(direction => (direction.From, direction.To)).OrderBy(direction => direction.From == Modality.Text));
        var forward = report.Directions.Single(direction => direction.From == Modality.Image);
        var backward = report.Directions.Single(direction => direction.From == Modality.Text);

        // The picture that is there twice counts once, so there are as many as there are different ones.
        Assert.Equal((images, texts), (forward.Queries, forward.Candidates));
        Assert.Equal((texts, images), (backward.Queries, backward.Candidates));
        AssertRanks(prepared.Asked.Home, Enum.Parse<Split>(split, ignoreCase: true), _ => true, forward, backward);
        Assert.Equal(report.Directions.Average(direction => (direction.At1 + direction.At5 + direction.At10) / 3), report.Mean, 1e-9);
    }

    [Fact]
    public async Task Items_of_a_kind_can_be_left_out_of_queries_and_candidates()
    {
        var report = await prepared.Asked.Evaluate(new EvaluationRequest(PreparedHome.Model, TestHome.Dataset, "train", "flag"));
        Assert.Equal("flag", report.Without);
        Assert.All(report.Directions, direction => Assert.Equal((12, 12), (direction.Queries, direction.Candidates)));
        AssertRanks(
            prepared.Asked.Home,
            Split.Train,
            item => item.Metadata["flag"] != "true",
            report.Directions.Single(direction => direction.From == Modality.Image),
            report.Directions.Single(direction => direction.From == Modality.Text));
    }

    [Fact]
    public async Task A_fold_is_measured_by_what_learnt_from_the_others()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var fold = new Fold(1, 3);
        var groups = home.Datasets.Load(TestHome.Dataset).Items.Where(item => item.Split != Split.Test).Select(
            item => item.Group).Distinct().ToArray();
        var held = groups.Count(fold.Holds);
        Assert.InRange(held, 1, groups.Length - 1);

        var request = PreparedHome.Request("held-out", "held-out", steps: 6) with { Fold = $"{fold}" };
        Assert.Equal(JobState.Completed, (await cluster.Train(request)).State);
        Assert.Equal(groups.Length - held, home.Model("held-out").Training.Pairs);
        await cluster.Train(request with { JobId = "whole", Model = "whole", Fold = null });
        Assert.Equal(16, home.Model("whole").Training.Pairs);

        foreach (var (split, count) in ((string, int)[])[("validation", held), ("train", groups.Length - held), ("test", 4)])
        {
            var report = await cluster.Evaluate(new EvaluationRequest("held-out", TestHome.Dataset, split, Fold: $"{fold}"));
            Assert.Equal((split, $"{fold}"), (report.Split, report.Fold));
            Assert.Equal(count, report.Directions.Single(direction => direction.From == Modality.Image).Queries);
        }
    }

    [Fact]
    public async Task A_model_is_measured_on_the_latents_of_its_own_encoders_whatever_their_names_mean_now()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var request = new EvaluationRequest(PreparedHome.Model, TestHome.Dataset, "train");
        var before = await cluster.Evaluate(request);
        var baseline = await cluster.Evaluation(TestHome.Dataset).FitBaseline(PreparedHome.Model, TestHome.Dataset);
        home.ReplaceTextEncoder();
        for (var i = 0; i < 2; i++)
        {
            var after = await cluster.Evaluate(request);
            Assert.Equal(before.Mean, after.Mean);
            Assert.Equal(before.Directions, after.Directions);
            Assert.Equal(baseline, await cluster.Evaluation(TestHome.Dataset).FitBaseline(PreparedHome.Model, TestHome.Dataset));
            await cluster.Extract(TestHome.TextEncoder);
        }
    }

    [Fact]
    public async Task Latents_that_only_the_encoder_as_it_is_now_has_made_are_not_taken_for_those_of_the_one_before()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        var before = home.Packs.Load(TestHome.TextEncoder);
        var now = home.ReplaceTextEncoder();
        await cluster.Extract(TestHome.TextEncoder);
        Directory.Delete(
            Path.Combine(home.Home.Latents, TestHome.Dataset, TestHome.TextEncoder, before.Fingerprint.Short), recursive: true);
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => cluster.Evaluate(new EvaluationRequest(PreparedHome.Model, TestHome.Dataset, "test")));
        Assert.Equal(FailureKind.NotFound, failure.Kind);
        Assert.Contains(
            $"encoder 'tiny-text' ({before.Fingerprint.Short}), only of others of that name ({now.Fingerprint.Short})",
            failure.Message,
            StringComparison.Ordinal);
        Assert.Contains("encoders add FOLDER --replace", failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_learnt_is_found_again()
    {
        using var home = prepared.Copy();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Train(PreparedHome.Request("long", "long", steps: 400, recipe: ", \"augmentation\": \"none\""));
        var report = await cluster.Evaluate(new EvaluationRequest("long", TestHome.Dataset, "train"));

        // By chance 5 of 16, which is 31 %; pairs that were joined wrongly would be found by chance.
        Assert.All(report.Directions, direction => Assert.InRange(direction.At5, 60, 100));
    }

    public static TheoryData<EvaluationRequest, FailureKind, string, string?> Refused => new()
    {
        { new("first-modle", TestHome.Dataset, "test"), FailureKind.NotFound, "no fusion model named 'first-modle'", "'first-model'" },
        { new(PreparedHome.Model, "boat", "test"), FailureKind.NotFound, "no dataset named 'boat'", "'boats'" },
        { new(PreparedHome.Model, TestHome.Dataset, "tst"), FailureKind.Invalid, "no split named 'tst'", "'test'" },
        { new(PreparedHome.Model, TestHome.Dataset, "7"), FailureKind.Invalid, "no split named '7'", null },
        { new(PreparedHome.Model, TestHome.Dataset, "test", "flga"), FailureKind.Invalid, "no metadata key named 'flga'", "'flag'" },
        { new(PreparedHome.Model, TestHome.Dataset, "validation", Fold: "1/50"), FailureKind.Invalid, "'1/50' is not a fold", "2/5" },
        {
            new(PreparedHome.Model, PreparedHome.Untouched, "test"),
            FailureKind.NotFound,
            "'untouched' has no latents",
            "fusemix extract untouched"
        },
        {
            new(PreparedHome.Model, PreparedHome.TrainedOnly, "test"),
            FailureKind.Invalid,
            "test split of dataset 'trained-only' has no pairs",
            null
        },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task What_cannot_be_measured_is_refused_in_words(
        EvaluationRequest request, FailureKind kind, string message, string? remedy)
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => prepared.Asked.Evaluate(request));
        Assert.Equal(kind, failure.Kind);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        if (remedy is not null) Assert.Contains(remedy, failure.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_model_is_refused_by_name()
    {
        using var home = prepared.Copy();
        var weights = Directory.EnumerateFiles(home.Models.FolderOf(PreparedHome.Model), "text-*.safetensors").Single();
        var bytes = await File.ReadAllBytesAsync(weights, TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(weights, bytes, TestContext.Current.CancellationToken);
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => cluster.Evaluate(new EvaluationRequest(PreparedHome.Model, TestHome.Dataset, "test")));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains(Path.GetFileName(weights), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_can_be_measured_while_another_one_is_trained()
    {
        using var home = prepared.Copy();
        var stage = new TrainingStage();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: stage.Configure);
        var hold = stage.HoldAt(9, 1);
        await cluster.Trainer.Submit(PreparedHome.Request("job", "another", 9, 5));
        await hold.Reached;
        Assert.Equal(2, (await cluster.Evaluate(new EvaluationRequest(PreparedHome.Model, TestHome.Dataset, "test"))).Directions.Length);
        hold.Release();
        await cluster.EndOf("job");
    }

    /// <summary>Ranks every query's best right candidate by plain loops, ties against us.</summary>
    private static void AssertRanks(
        TestHome home, Split split, Func<DatasetItem, bool> included, DirectionRecall forward, DirectionRecall backward)
    {
        var dataset = home.Datasets.Load(TestHome.Dataset);
        var pairs = dataset.PairsOf(Modality.Image, Modality.Text, split)
            .Select(pair => (Image: dataset.Item(pair.First), Text: dataset.Item(pair.Second)))
            .Where(pair => included(pair.Image) && included(pair.Text)).ToArray();
        var images = home.Embeddings(PreparedHome.Model, Modality.Image);
        var texts = home.Embeddings(PreparedHome.Model, Modality.Text);
        var imageOf = pairs.GroupBy(pair => pair.Image.Sha256).ToDictionary(same => same.Key, same => images[same.First().Image.Id]);
        var textOf = pairs.GroupBy(pair => pair.Text.Sha256).ToDictionary(same => same.Key, same => texts[same.First().Text.Id]);
        AssertRecall(forward, imageOf, textOf, pairs.Select(pair => (pair.Image.Sha256, pair.Text.Sha256)).ToHashSet());
        AssertRecall(backward, textOf, imageOf, pairs.Select(pair => (pair.Text.Sha256, pair.Image.Sha256)).ToHashSet());
    }

    private static void AssertRecall(
        DirectionRecall recall, Dictionary<string, float[]> queries, Dictionary<string, float[]> candidates,
        HashSet<(string, string)> right)
    {
        var ranks = new List<int>();
        foreach (var query in queries)
        {
            var scores = candidates.ToDictionary(
                candidate => candidate.Key, candidate => candidate.Value.Zip(query.Value, (a, b) => (double)a * b).Sum());
            var best = scores.Where(score => right.Contains((query.Key, score.Key))).Max(score => score.Value);
            ranks.Add(1 + scores.Count(score => !right.Contains((query.Key, score.Key)) && score.Value >= best));
        }

        ranks.Sort();
        Assert.Equal(100.0 * ranks.Count(rank => rank <= 1) / ranks.Count, recall.At1, 1e-9);
        Assert.Equal(100.0 * ranks.Count(rank => rank <= 5) / ranks.Count, recall.At5, 1e-9);
        Assert.Equal(100.0 * ranks.Count(rank => rank <= 10) / ranks.Count, recall.At10, 1e-9);
        Assert.Equal((ranks[(ranks.Count - 1) / 2] + ranks[ranks.Count / 2]) / 2.0, recall.MedianRank);
    }
}
