using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Data.Latents;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Training;

/// <summary>Several encoders of one modality whose latents stand side by side.</summary>
public sealed class JoinedEncodersTests(PreparedHome prepared)
{
    private const string Other = "tiny-hue";
    private const string Both = $"{TestHome.ImageEncoder}+{Other}";

    [Fact]
    public async Task A_model_of_two_image_encoders_is_trained_searched_and_measured_with_both()
    {
        using var home = WithOther();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Extract(Other);
        Assert.Equal((JobState.Completed, null), await EndOf(cluster, Request(Both)));

        var source = home.Model("joined").Source(Modality.Image);
        Assert.Equal((Both, 6), (source.Encoder, source.Dimension));
        Assert.Equal(
            [(TestHome.ImageEncoder, home.Packs.Load(TestHome.ImageEncoder).Fingerprint, 3), (Other, home.Packs.Load(Other).Fingerprint, 3)],
            source.Parts.Select(part => (part.Encoder, part.Fingerprint, part.Dimension)));
        Assert.Equal(Both, (await cluster.Catalog.Models()).Single(model => model.Name == "joined").Encoders[Modality.Image]);

        await cluster.Build("joined", new CollectionBuild("joined", TestHome.Dataset));
        var picture = PngFile.Rgb(8, (_, _) => (200, 40, 90));
        var input = EncoderInput.FromBytes(picture);
        var query = home.Model("joined").Embed(Modality.Image, [.. home.Encode(TestHome.ImageEncoder, input), .. home.Encode(Other, input)], 1);
        using var first = home.OpenLatents(TestHome.ImageEncoder);
        using var second = home.OpenLatents(Other);
        var expected = first.Ids.ToDictionary(id => id, id => Cosine(query, home.Model("joined").Embed(Modality.Image, [.. Row(first, id), .. Row(second, id)], 1)));
        var found = (await cluster.Search(new SearchRequest("joined", [SearchQuery.OfContent(Modality.Image, picture)], K: 100, Target: Modality.Image))).Results[0];
        Assert.Equal(expected.Count, found.Length);
        Assert.All(found, hit => Assert.Equal(expected[hit.Id], hit.Score, 1e-3f));

        var report = await cluster.Evaluate(new EvaluationRequest("joined", TestHome.Dataset, "test"));
        Assert.Equal(2, report.Directions.Length);
        var linear = await cluster.Evaluation(TestHome.Dataset).FitBaseline("joined", TestHome.Dataset);
        Assert.Equal(2, home.Model(linear).Source(Modality.Image).Parts.Count);
    }

    [Fact]
    public async Task Only_items_that_both_encoders_know_are_trained_on()
    {
        using var home = WithOther();
        WriteLatents(home, Other, Modality.Image, home.Packs.Load(Other).Fingerprint, failing: "img-03");
        await using var cluster = await TestCluster.StartAsync(home);
        Assert.Equal((JobState.Completed, null), await EndOf(cluster, Request(Both)));
        Assert.Equal(15, home.Model("joined").Training.Pairs);
    }

    [Theory]
    [InlineData($"{TestHome.ImageEncoder}+{TestHome.ImageEncoder}", FailureKind.Invalid, "names encoder 'tiny-image' twice")]
    [InlineData($"{TestHome.ImageEncoder}+tiny-hues", FailureKind.NotFound, "named 'tiny-hues'")]
    [InlineData($"{TestHome.ImageEncoder}+", FailureKind.Invalid, "'' is not a valid encoder name")]
    public async Task What_is_at_fault_is_named(string encoders, FailureKind kind, string message)
    {
        using var home = WithOther();
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Trainer.Submit(Request(encoders)));
        Assert.Equal(kind, failure.Kind);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Both, "'tiny-hue'")]
    [InlineData($"{Other}+{TestHome.ImageEncoder}", "'tiny-hue'")]
    [InlineData($"{TestHome.ImageEncoder}+{TestHome.TextEncoder}", "'tiny-text' was named for image, but it encodes text")]
    public async Task What_only_the_data_tell_fails_the_job_and_is_named(string encoders, string message)
    {
        using var home = WithOther();
        await using var cluster = await TestCluster.StartAsync(home);
        var (state, error) = await EndOf(cluster, Request(encoders));
        Assert.Equal(JobState.Failed, state);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_query_is_encoded_by_the_encoders_that_the_model_was_made_with_whatever_their_names_mean_now()
    {
        using var home = WithOther();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Extract(Other);
        await cluster.Train(Request(Both));
        await cluster.Build("joined", new CollectionBuild("joined", TestHome.Dataset));
        var made = home.Packs.Load(Other);
        Install(home, about: "another one");
        var search = new SearchRequest("joined", [SearchQuery.OfContent(Modality.Image, TestHome.Picture(0))], Modality.Image);
        Assert.Equal("img-00", (await cluster.Search(search)).Results[0][0].Id);

        // By an encoder that is not there at all, nothing is encoded.
        await cluster.StopAsync(TestCluster.Everything);
        Directory.Delete(made.Folder, recursive: true);
        await using var next = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => next.Search(search));
        Assert.Equal(FailureKind.NotFound, failure.Kind);
        Assert.Contains($"{made.Fingerprint.Short} of the encoder '{Other}' is not here", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Three_modalities_share_one_space_and_each_two_are_measured()
    {
        const string dataset = "three", heard = "heard-elsewhere";
        using var home = prepared.Copy();
        var items = home.Items();
        for (var group = 0; group < TestHome.Groups; group++)
        {
            var sound = home.PictureItem($"snd-{group:D2}", group, TestHome.Picture(group));
            items.Add(sound with { Modality = Modality.Audio });
        }

        home.SaveDataset(items, [.. home.Pairs(), .. Enumerable.Range(0, TestHome.Groups).Select(g => new Data.Datasets.DatasetPair($"snd-{g:D2}", $"txt-{g:D2}"))], dataset);
        WriteLatents(home, heard, Modality.Audio, Fingerprint.Of(heard), dataset: dataset);
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Extract(TestHome.ImageEncoder, dataset);
        await cluster.Extract(TestHome.TextEncoder, dataset);
        var request = PreparedHome.Request("three", "three", recipe: ", \"validateEveryEpochs\": 5");
        var encoders = new Dictionary<Modality, string>(request.Encoders) { [Modality.Audio] = heard };
        Assert.Equal((JobState.Completed, null), await EndOf(cluster, request with { Dataset = dataset, Encoders = encoders }));

        // Images and sounds have no pairs of their own: texts hold them together.
        var model = home.Model("three");
        Assert.Equal([Modality.Image, Modality.Text, Modality.Audio], model.Modalities.Order());
        Assert.Equal(32, model.Training.Pairs);
        Assert.All(model.Training.Validations, validation => Assert.Equal(2, validation.Reports.Count));
        var report = await cluster.Evaluate(new EvaluationRequest("three", dataset, "test"));
        Assert.Equal(
            [(Modality.Image, Modality.Text), (Modality.Text, Modality.Image), (Modality.Text, Modality.Audio), (Modality.Audio, Modality.Text)],
            report.Directions.Select(direction => (direction.From, direction.To)));

        await cluster.Build("three", new CollectionBuild("three", dataset));
        var answer = await cluster.Search(new SearchRequest("three", [SearchQuery.OfText("two red boats")], Target: Modality.Audio));
        Assert.Equal(10, answer.Results[0].Length);
        Assert.All(answer.Results[0], hit => Assert.StartsWith("snd-", hit.Id, StringComparison.Ordinal));
        var sideways = await cluster.Search(new SearchRequest("three", [SearchQuery.OfItem("snd-07")], Target: Modality.Image));
        Assert.All(sideways.Results[0], hit => Assert.StartsWith("img-", hit.Id, StringComparison.Ordinal));
    }

    private static TrainingRequest Request(string image)
    {
        var request = PreparedHome.Request("joined", "joined");
        return request with { Encoders = new Dictionary<Modality, string>(request.Encoders) { [Modality.Image] = image } };
    }

    private static async Task<(JobState State, string? Error)> EndOf(TestCluster cluster, TrainingRequest request)
    {
        var status = await cluster.Train(request);
        return (status.State, status.Error);
    }

    /// <summary>Latents that follow from the colours of the items' pictures, written as another machine would have.</summary>
    private static void WriteLatents(
        TestHome home, string encoder, Modality modality, Fingerprint fingerprint, string? failing = null, string dataset = TestHome.Dataset)
    {
        var set = home.Latents.OpenOrCreate(LatentPlan.Of(home.Datasets.Load(dataset), modality, encoder, fingerprint, 3));
        foreach (var shard in set.Progress().Pending)
        {
            string[] ids = [.. set.ItemIds(shard).Where(id => id != failing)];
            var rows = ids.SelectMany(id => home.Encode(TestHome.ImageEncoder, EncoderInput.FromBytes(File.ReadAllBytes(home.PicturePath(id))))).ToArray();
            set.CommitShard(shard, ids, rows, failing is null ? [] : [new LatentFailure(failing, "It is broken.")]);
        }
    }

    private static float[] Row(LatentReader reader, string id)
    {
        Assert.True(reader.TryGetRow(id, out var row));
        var values = new float[reader.Dimension];
        reader.Gather([row], values);
        return values;
    }

    private static float Cosine(float[] a, float[] b) => System.Numerics.Tensors.TensorPrimitives.Dot<float>(a, b);

    private static void Install(TestHome home, string about = "Colours at unit length.") => home.Install(
        folder => TestPacks.Image(folder, Other, edit: pack => (pack["about"], pack["latent"]!["normalise"]) = (about, true)));

    private TestHome WithOther()
    {
        var home = prepared.Copy();
        Install(home);
        return home;
    }
}
