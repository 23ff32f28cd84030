using System.Text;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using FuseMix.Testing.Clusters;

namespace FuseMix.Client.Tests.Contract;

/// <summary>What every client promises, on a real node: the answers, and the kinds of the failures.</summary>
/// <param name="served">The node.</param>
/// <param name="name">Sets what the tests of one kind of client make apart from what those of the other do.</param>
public abstract class ClientContract(ServedCluster served, string name)
{
    /// <summary>Steps of a training that no test waits for the end of.</summary>
    private const int Endless = 2_000_000;

    protected abstract IFuseMixClient Client { get; }

    protected ServedCluster Served => served;

    [Fact]
    public async Task What_there_is_is_told()
    {
        Assert.Contains((await Client.Cluster()).Nodes, node => node.State == "Active" && node.Roles.Contains("gateway"));

        var encoder = (await Client.Encoders()).Single(e => e.Name == TestHome.ImageEncoder);
        Assert.Equal((Modality.Image, (string?)null, 64), (encoder.Modality, encoder.Error, encoder.Fingerprint.Length));

        var dataset = (await Client.Datasets()).Single(d => d.Name == TestHome.Dataset);
        Assert.Equal(TestHome.Groups + 1, dataset.Items[Modality.Image]);
        Assert.Equal(served.Home.Datasets.Load(TestHome.Dataset).Fingerprint.Hex, dataset.Fingerprint);
        Assert.Equal("Colours and words.", dataset.About);

        var latents = (await Client.LatentSets()).Single(l => l.Dataset == TestHome.Dataset && l.Encoder == TestHome.TextEncoder);
        Assert.Equal((TestHome.Groups + 1, true), (latents.Count, latents.Complete));

        var model = (await Client.Models()).Single(m => m.Name == ServedCluster.Model);
        Assert.Equal((TestHome.TextEncoder, 8, 40), (model.Encoders[Modality.Text], model.Dimension, model.Steps));

        var collection = (await Client.Collections()).Single(c => c.Name == ServedCluster.Collection);
        Assert.Equal(TestHome.Groups + 1, collection.Count(Modality.Image));
    }

    [Fact]
    public async Task A_dataset_is_told_in_full()
    {
        var details = await Client.Dataset(TestHome.Dataset);
        Assert.Equal(TestHome.Dataset, details.Summary.Name);
        Assert.Equal(TestHome.Groups + 2, details.Pairs.Sum(pairs => pairs.Count));
        Assert.Contains(
            details.Pairs, pairs => (pairs.First, pairs.Second, pairs.Split, pairs.Count) == (Modality.Image, Modality.Text, "train", 16));
        Assert.True(details.Bytes[Modality.Image] > 0);
        Assert.Empty(details.Failures);
    }

    [Fact]
    public async Task An_extraction_runs_to_its_end_and_is_listed_and_found_again()
    {
        var folder = served.Folder();
        await File.WriteAllBytesAsync(Path.Combine(folder, "a.png"), TestHome.Picture(1));
        await File.WriteAllTextAsync(Path.Combine(folder, "a.txt"), "a dog\ntwo dogs\n");
        var dataset = (await Client.PutDataset($"{name}-extracted", new DatasetSource(DatasetFormat.Folder, folder))).Name;
        Assert.Equal(JobState.Unknown, (await Client.Extraction(dataset, TestHome.TextEncoder)).State);
        Assert.Equal(JobState.Unknown, Assert.Single(await Patience.Read(Client.WatchExtraction(dataset, TestHome.TextEncoder))).State);

        await Client.StartExtraction(new ExtractionRequest(dataset, TestHome.TextEncoder));
        var seen = await Patience.Read(Client.WatchExtraction(dataset, TestHome.TextEncoder));
        Assert.Equal((JobState.Completed, 2, 2), (seen[^1].State, seen[^1].Items, seen[^1].ItemsDone));
        Assert.Contains(
            await Client.Extractions(), e => (e.Dataset, e.Encoder, e.State) == (dataset, TestHome.TextEncoder, JobState.Completed));

        var again = await Client.StartExtraction(new ExtractionRequest(dataset, TestHome.TextEncoder));
        Assert.Equal((JobState.Completed, 2), (again.State, again.ItemsFound));
        Assert.Equal(JobState.Completed, (await Client.CancelExtraction(dataset, TestHome.TextEncoder)).State);
    }

    [Fact]
    public async Task A_training_is_watched_to_its_end_recognised_and_never_mistaken_for_another()
    {
        var request = TestHome.Training($"{name}-job", $"{name}-model", seed: 2);
        var submitted = await Client.SubmitTraining(request);
        Assert.Equal((request.JobId, request.Model, TestHome.Dataset), (submitted.JobId, submitted.Model, submitted.Dataset));
        var seen = await Patience.Read(Client.WatchTraining(request.JobId));
        Assert.Equal((JobState.Completed, 40, 40), (seen[^1].State, seen[^1].Step, seen[^1].Steps));
        Assert.True(double.IsFinite(seen[^1].Loss));
        Assert.Equal(seen[^1].Loss, (await Client.Training(request.JobId)).Loss);
        var listed = new List<string>();
        TrainingPage page;
        for (string? next = null; ; next = page.Next)
        {
            page = await Client.Trainings(1, next);
            listed.Add(Assert.Single(page.Trainings).JobId);
            if (page.Next is null) break;
        }

        Assert.Contains(request.JobId, listed);
        await Fails(FailureKind.Invalid, () => Client.Trainings(1, "elsewhere"), "Give 'next' of the page before");
        Assert.Equal(JobState.Completed, (await Client.SubmitTraining(request)).State);
        await Fails(FailureKind.Conflict, () => Client.SubmitTraining(request with { Seed = 3 }), "submitted before");
    }

    [Fact]
    public async Task A_training_can_be_stopped_and_goes_on()
    {
        var request = TestHome.Training($"{name}-long", $"{name}-long", seed: 4, Endless);
        await Client.SubmitTraining(request);
        await Patience.Read(Client.WatchTraining(request.JobId), status => status.Step > 0);
        await Client.CancelTraining(request.JobId);
        var seen = await Patience.Read(Client.WatchTraining(request.JobId));
        Assert.Equal(JobState.Cancelled, seen[^1].State);
        Assert.InRange(seen[^1].Step, 1, 1_999_999);

        Assert.False((await Client.SubmitTraining(request)).State.IsOver());
        Assert.True((await Patience.Read(Client.WatchTraining(request.JobId), status => status.ResumedFrom > 0))[^1].ResumedFrom > 0);
        await Client.CancelTraining(request.JobId);
        await Patience.Read(Client.WatchTraining(request.JobId));
    }

    [Fact]
    public async Task A_watch_ends_when_the_watcher_goes_and_the_job_does_not()
    {
        var request = TestHome.Training($"{name}-left", $"{name}-left", seed: 5, Endless);
        await Client.SubmitTraining(request);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Client.WatchTraining(request.JobId, stop.Token)) await stop.CancelAsync();
        });
        Assert.False((await Client.Training(request.JobId)).State.IsOver());
        await Client.CancelTraining(request.JobId);
        await Patience.Read(Client.WatchTraining(request.JobId));
    }

    [Fact]
    public async Task A_model_is_measured_beside_its_yardstick()
    {
        var report = await Client.Evaluate(new EvaluationRequest(ServedCluster.Model, TestHome.Dataset, "test"));
        Assert.Equal(
            (ServedCluster.Model, "test", (string?)null, 2), (report.Model, report.Split, report.Without, report.Directions.Length));
        Assert.InRange(report.Mean, 1, 100);
        var without = await Client.Evaluate(new EvaluationRequest(ServedCluster.Model, TestHome.Dataset, "train", "flag"));
        Assert.Equal("flag", without.Without);
        Assert.All(without.Directions, direction => Assert.Equal(12, direction.Queries));

        var linear = await Client.FitBaseline(ServedCluster.Model, TestHome.Dataset);
        Assert.Equal(linear, await Client.FitBaseline(ServedCluster.Model, TestHome.Dataset));
        Assert.Equal(linear, (await Client.Evaluate(new EvaluationRequest(linear, TestHome.Dataset, "test"))).Model);
    }

    [Fact]
    public async Task A_collection_is_built_rebuilt_rolled_back_and_dropped()
    {
        var collection = $"{name}-boats";
        var first = await Built(new CollectionBuild(ServedCluster.Model, TestHome.Dataset, RowsPerShard: 10));
        Assert.Equal((collection, ServedCluster.Model, TestHome.Dataset, 8), (first.Name, first.Model, first.Dataset, first.Dimension));
        Assert.Equal(6, first.Shards.Length);

        var again = await Client.StartBuild(collection, new CollectionBuild(ServedCluster.Model, TestHome.Dataset, RowsPerShard: 10));
        Assert.Equal((JobState.Completed, true, first.Generation), (again.State, again.Reused, again.Generation));
        Assert.Equal(again, await Client.Build(collection));
        Assert.Equal(again, await Client.CancelBuild(collection));

        var second = await Built(new CollectionBuild(ServedCluster.Model, TestHome.Dataset, RowsPerShard: 20));
        Assert.Equal([second.Generation, first.Generation], second.Generations);
        Assert.Equal(first.Generation, (await Client.GoLive(collection, first.Generation)).Generation);
        Assert.Equal(first.Generation, (await Client.GoLive(collection, first.Generation)).Generation);
        await Fails(FailureKind.NotFound, () => Client.GoLive(collection, "g000009-00000000"), "g000009-00000000");

        await Client.Drop(collection);
        await Client.Drop(collection);
        await Fails(FailureKind.NotFound, () => Client.Collection(collection), collection);
        Assert.DoesNotContain(await Client.Collections(), c => c.Name == collection);

        async Task<CollectionStatus> Built(CollectionBuild request)
        {
            await Client.StartBuild(collection, request);
            var end = (await Patience.Read(Client.WatchBuild(collection)))[^1];
            Assert.Equal((JobState.Completed, (string?)null), (end.State, end.Error));
            var status = await Client.Collection(collection);
            Assert.Equal(end.Generation, status.Generation);
            return status;
        }
    }

    [Fact]
    public async Task A_search_finds_by_text_picture_item_vector_and_sums_of_them()
    {
        var embedding = served.Home.Embeddings(ServedCluster.Model, Modality.Image)["img-03"];
        var sum = new SearchQuery(
            [new QueryTerm { Text = TestHome.Caption(3), Weight = 0.5f }, new QueryTerm { ItemId = "img-04", Weight = -0.25f }]);
        var answer = await Client.Search(new SearchRequest(
            ServedCluster.Collection,
            [
                SearchQuery.OfText(TestHome.Caption(3)),
                SearchQuery.OfContent(Modality.Image, TestHome.Picture(3)),
                SearchQuery.OfItem("img-03"),
                new SearchQuery([new QueryTerm { Embedding = embedding }]), sum,
            ],
            Modality.Image,
            K: 3));
        Assert.Equal((ServedCluster.Collection, true, 5), (answer.Collection, answer.Complete, answer.Results.Length));
        Assert.Empty(answer.MissingShards);
        Assert.All(answer.Results, hits => Assert.Equal(3, hits.Length));
        Assert.All(answer.Results[1..4], hits => Assert.Equal(("img-03", Modality.Image), (hits[0].Id, hits[0].Modality)));
        Assert.Equal(1, answer.Results[3][0].Score, 0.001f);
        Assert.Equal("group-03", answer.Results[1][0].Metadata["group"]);
        Assert.True(answer.Elapsed > TimeSpan.Zero);
    }

    [Fact]
    public async Task Filters_thresholds_and_exclusions_are_heeded()
    {
        var request = new SearchRequest(ServedCluster.Collection, [SearchQuery.OfItem("img-03")], null, K: 100)
        {
            Filter = new() { ["split"] = ["test"] },
            Exclude = ["img-20"],
            MinScore = -1,
        };
        var hits = (await Client.Search(request)).Results[0];
        Assert.All(hits, hit => Assert.Equal("test", hit.Metadata["split"]));
        Assert.DoesNotContain(hits, hit => hit.Id == "img-20");
        Assert.Contains(hits, hit => hit.Modality == Modality.Text);
        Assert.Empty((await Client.Search(request with { MinScore = 0.99999f })).Results[0]);
    }

    [Fact]
    public async Task The_content_of_an_item_comes_as_it_was_imported()
    {
        var picture = await Client.Content(ServedCluster.Collection, "img-03");
        Assert.Equal(TestHome.Picture(3), picture.Bytes);
        Assert.Equal(("image/png", Fingerprint.Of(picture.Bytes).Hex), (picture.MediaType, picture.Sha256));
        var text = await Client.Content(ServedCluster.Collection, "txt-03");
        Assert.Equal((TestHome.Caption(3), "text/plain; charset=utf-8"), (Encoding.UTF8.GetString(text.Bytes), text.MediaType));
        await Fails(FailureKind.NotFound, () => Client.Content(ServedCluster.Collection, "a/../b ü"), "'a/../b ü'");
    }

    [Fact]
    public async Task A_pack_is_installed_recognised_replaced_only_on_request_and_removed()
    {
        var encoder = $"{name}-pack";
        var folder = served.Folder();
        TestPacks.Text(folder, encoder);
        var installed = await Client.PutEncoder(encoder, folder);
        Assert.Equal((encoder, Modality.Text, (string?)null), (installed.Name, installed.Modality, installed.Error));
        Assert.Equal(installed, await Client.PutEncoder(encoder, folder));
        Assert.Contains(installed, await Client.Encoders());

        var definition = Path.Combine(folder, "encoder.json");
        await File.AppendAllTextAsync(definition, "\n");
        await Fails(FailureKind.Conflict, () => Client.PutEncoder(encoder, folder), "already installed");
        Assert.NotEqual(installed.Fingerprint, (await Client.PutEncoder(encoder, folder, replace: true)).Fingerprint);
        await Fails(FailureKind.Invalid, () => Client.PutEncoder($"{name}-other", folder), encoder);

        await Client.RemoveEncoder(encoder);
        await Fails(FailureKind.NotFound, () => Client.RemoveEncoder(encoder), encoder);
        await Fails(FailureKind.NotFound, () => Client.RemoveEncoder(encoder, force: true), encoder);
    }

    [Fact]
    public async Task What_a_collection_stands_on_is_not_removed_without_being_forced()
    {
        await Fails(
            FailureKind.Conflict, () => Client.RemoveDataset(TestHome.Dataset), $"'fusemix collections drop {ServedCluster.Collection}'");
        await Fails(
            FailureKind.Conflict,
            () => Client.RemoveEncoder(TestHome.TextEncoder),
            $"'fusemix collections drop {ServedCluster.Collection}'");
        Assert.Contains(await Client.Datasets(), dataset => dataset.Name == TestHome.Dataset);
        Assert.Contains(await Client.Encoders(), encoder => encoder.Name == TestHome.TextEncoder);
    }

    [Fact]
    public async Task A_folder_and_tables_become_datasets()
    {
        var dataset = $"{name}-mine";
        var folder = served.Folder();
        await File.WriteAllBytesAsync(Path.Combine(folder, "a.png"), TestHome.Picture(1));
        await File.WriteAllTextAsync(Path.Combine(folder, "a.txt"), "a dog\n");
        await File.WriteAllTextAsync(Path.Combine(folder, "notes.doc"), "?");
        var source = new DatasetSource(DatasetFormat.Folder, folder) { Licence = "CC0 & mine", About = "Mine alone." };
        var progress = new List<UploadProgress>();
        var imported = await Client.PutDataset(dataset, source, new Told(progress));
        Assert.Equal((1, 1, 1), (imported.Items[Modality.Image], imported.Items[Modality.Text], imported.Failures));
        Assert.Equal(("CC0 & mine", "Mine alone."), (imported.Licence, imported.About));
        Assert.Equal("notes.doc", Assert.Single((await Client.Dataset(dataset)).Failures).Source);
        Assert.NotEmpty(progress);
        Assert.Equal(imported, (await Client.Datasets()).Single(d => d.Name == dataset), Same);
        Assert.Equal(imported, await Client.PutDataset(dataset, source), Same);

        File.Delete(Path.Combine(folder, "notes.doc"));
        await File.WriteAllTextAsync(Path.Combine(folder, "pairs.csv"), "image,text\na.png,a cat\nmissing.png,nothing\n");
        var table = await Client.PutDataset(
            dataset, new DatasetSource(DatasetFormat.Csv, Path.Combine(folder, "pairs.csv")) { Files = ["a.png", "missing.png"] });
        Assert.Equal((1, 1), (table.Items[Modality.Image], table.Failures));
        Assert.NotEqual(imported.Fingerprint, table.Fingerprint);

        await File.WriteAllTextAsync(Path.Combine(folder, "pairs.jsonl"), """{ "image": "a.png", "text": ["a cat", "two cats"] }""");
        var lines = await Client.PutDataset(dataset, new DatasetSource(DatasetFormat.JsonLines, Path.Combine(folder, "pairs.jsonl")));
        Assert.Equal(2, lines.Items[Modality.Text]);
        await Fails(
            FailureKind.NotFound,
            () => Client.PutDataset(dataset, new DatasetSource(DatasetFormat.Folder, Path.Combine(folder, "nowhere"))),
            "nowhere");

        await Client.RemoveDataset(dataset);
        await Fails(FailureKind.NotFound, () => Client.RemoveDataset(dataset), dataset);
        await Fails(FailureKind.NotFound, () => Client.Dataset(dataset), dataset);
        Assert.True(File.Exists(Path.Combine(folder, "a.png")));
    }

    [Fact]
    public async Task A_folder_that_is_there_already_is_registered()
    {
        var folder = Directory.CreateDirectory(Path.Combine(served.Root, "imports", $"{name}-there")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "a.png"), TestHome.Picture(2));
        await File.WriteAllTextAsync(Path.Combine(folder, "a.txt"), "a boat\n");
        Assert.Equal(1, (await Client.RegisterDataset($"{name}-registered", $"{name}-there")).Items[Modality.Image]);
        await Fails(FailureKind.NotFound, () => Client.RegisterDataset($"{name}-registered", $"{name}-their"), $"{name}-there");
        await Fails(FailureKind.Invalid, () => Client.RegisterDataset($"{name}-registered", "../datasets"), "folder");
        await Client.RemoveDataset($"{name}-registered", force: true);
        Assert.True(File.Exists(Path.Combine(folder, "a.png")));
    }

    [Fact]
    public async Task Unknown_names_get_the_nearest_one()
    {
        await Fails(FailureKind.NotFound, () => Client.Collection("boatz"), "Did you mean 'boats'?");
        await Fails(
            FailureKind.NotFound,
            () => Client.Search(new SearchRequest("boatz", [SearchQuery.OfText("x")], null)),
            "Did you mean 'boats'?");
        await Fails(FailureKind.NotFound, () => Client.Content("boatz", "img-03"), "Did you mean 'boats'?");
        await Fails(FailureKind.NotFound, () => Client.Dataset("boatz"), "Did you mean 'boats'?");
        await Fails(FailureKind.NotFound, () => Client.Extraction("boatz", TestHome.TextEncoder), "Did you mean 'boats'?");
        await Fails(FailureKind.NotFound, () => Client.Extraction(TestHome.Dataset, "tiny-texd"), "Did you mean 'tiny-text'?");
        await Fails(
            FailureKind.NotFound,
            () => Client.StartExtraction(new ExtractionRequest(TestHome.Dataset, "tiny-texd")),
            "Did you mean 'tiny-text'?");
        await Fails(FailureKind.NotFound, () => Client.CancelExtraction(TestHome.Dataset, "tiny-texd"), "Did you mean 'tiny-text'?");
        await Fails(FailureKind.NotFound, () => Client.Training("fisrt"), "Did you mean 'first'?");
        await Fails(FailureKind.NotFound, () => Client.CancelTraining("fisrt"), "Did you mean 'first'?");
        await Fails(FailureKind.NotFound, () => Patience.Read(Client.WatchTraining("fisrt")), "Did you mean 'first'?");
        await Fails(FailureKind.NotFound, () => Patience.Read(Client.WatchBuild("boatz")), "Did you mean 'boats'?");
        await Fails(FailureKind.NotFound, () => Client.CancelBuild("boatz"), "Did you mean 'boats'?");
        await Fails(
            FailureKind.NotFound,
            () => Client.StartBuild($"{name}-x", new CollectionBuild("boats-modl", TestHome.Dataset)),
            "Did you mean 'boats-model'?");
        await Fails(
            FailureKind.NotFound,
            () => Client.Evaluate(new EvaluationRequest("boats-modl", TestHome.Dataset, "test")),
            "Did you mean 'boats-model'?");
        await Fails(FailureKind.NotFound, () => Client.FitBaseline("boats-modl", TestHome.Dataset), "Did you mean 'boats-model'?");
        await Fails(FailureKind.NotFound, () => Client.RemoveEncoder("tiny-texd"), "Did you mean 'tiny-text'?");
        await Fails(
            FailureKind.Invalid,
            () => Client.SubmitTraining(TestHome.Training($"{name}-z", $"{name}-z", 0, more: """, "stepz": 3""")),
            "Did you mean 'steps'?");
    }

    [Fact]
    public async Task Requests_that_make_no_sense_are_refused()
    {
        await Fails(
            FailureKind.Invalid, () => Client.Search(new SearchRequest(ServedCluster.Collection, [SearchQuery.OfText("x")], null, K: 0)));
        await Fails(FailureKind.Invalid, () => Client.Search(new SearchRequest(ServedCluster.Collection, [new SearchQuery([])], null)));
        foreach (var nothing in (string[])["", " ", "\u0000", "\u200B", "\uFEFF"])
            await Fails(
                FailureKind.Invalid,
                () => Client.Search(new SearchRequest(ServedCluster.Collection, [SearchQuery.OfText(nothing)], null)),
                "nothing in it to encode");
        await Fails(
            FailureKind.Invalid,
            () => Client.Search(new SearchRequest(ServedCluster.Collection, [SearchQuery.OfContent(Modality.Image, [1, 2, 3])], null)));
        await Fails(FailureKind.Invalid, () => Client.Search(new SearchRequest("../boats", [SearchQuery.OfText("x")], null)));
        await Fails(FailureKind.Invalid, () => Client.Collection("a/b"));
        await Fails(FailureKind.Invalid, () => Client.Extraction("", TestHome.TextEncoder));
        await Fails(
            FailureKind.Invalid,
            () => Client.StartExtraction(new ExtractionRequest(TestHome.Dataset, TestHome.TextEncoder, "abacus")),
            "accelerator");
    }

    [Fact]
    public async Task A_caller_who_has_given_up_gets_no_answer()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Client.Cluster(stop.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Client.Search(new SearchRequest(ServedCluster.Collection, [SearchQuery.OfText("x")], null), stop.Token));
    }

    protected static async Task Fails(FailureKind kind, Func<Task> call, string words = "")
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(call);
        Assert.True(failure.Kind == kind, $"{failure.Kind}: {failure.Advice}");
        Assert.Contains(words, failure.Advice, StringComparison.Ordinal);
    }

    private static bool Same(DatasetSummary a, DatasetSummary b) =>
        (a.Name, a.Fingerprint, a.Licence, a.About, a.Failures, a.Groups) == (b.Name, b.Fingerprint, b.Licence, b.About, b.Failures, b.Groups)
        && a.Items.OrderBy(i => i.Key).SequenceEqual(b.Items.OrderBy(i => i.Key)) && a.Pairs.OrderBy(p => p.Key).SequenceEqual(
            b.Pairs.OrderBy(p => p.Key));

    private sealed class Told(List<UploadProgress> all) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value) => all.Add(value);
    }
}
