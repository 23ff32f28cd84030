using System.Collections.Concurrent;
using System.Diagnostics;
using FuseMix.Contracts;
using FuseMix.Contracts.Extraction;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Extraction;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Extraction;

public sealed class ExtractionJobGrainTests
{
    [Theory]
    [InlineData(TestHome.TextEncoder, "txt-07")]
    [InlineData(TestHome.ImageEncoder, "img-07")]
    public async Task An_extraction_fills_the_latent_set_with_what_the_encoder_makes_of_each_item(string encoder, string item)
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        var status = await cluster.Extract(encoder);

        Assert.Equal(JobState.Completed, status.State);
        Assert.Equal((25, 25, 0, 0), (status.Items, status.ItemsDone, status.ItemsFound, status.ItemsFailed));
        Assert.Equal((4, 4), (status.Shards, status.ShardsDone));
        using var latents = home.OpenLatents(encoder);
        Assert.Equal(25, latents.Count);
        Assert.True(latents.TryGetRow(item, out var row));
        var stored = new float[latents.Dimension];
        latents.Gather([row], stored);
        var direct = home.Encode(
            encoder, encoder == TestHome.TextEncoder ? EncoderInput.FromText(TestHome.Caption(7)) : EncoderInput.FromBytes(TestHome.Picture(7)));
        Assert.All(stored.Zip(direct), values => Assert.Equal(values.Second, values.First, 2e-3f));
    }

    [Fact]
    public async Task A_second_start_recognises_everything_and_extracts_nothing()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Extract(TestHome.TextEncoder);
        var before = home.LatentFiles(TestHome.TextEncoder);

        var again = await cluster.Start(TestHome.TextEncoder);

        Assert.Equal(JobState.Completed, again.State);
        Assert.Equal((25, 25, 25), (again.Items, again.ItemsDone, again.ItemsFound));
        Assert.Equal(before, home.LatentFiles(TestHome.TextEncoder));
    }

    [Fact]
    public async Task Another_cluster_on_the_same_home_recognises_what_is_there()
    {
        using var home = TestHome.Create();
        await using (var first = await TestCluster.StartAsync(home)) await first.Extract(TestHome.TextEncoder);
        await using var second = await TestCluster.StartAsync(home);
        var status = await second.Start(TestHome.TextEncoder);
        Assert.Equal((JobState.Completed, 25), (status.State, status.ItemsFound));
    }

    [Theory]
    [InlineData("boat", TestHome.TextEncoder, "dataset named 'boat'", "'boats'")]
    [InlineData(TestHome.Dataset, "tiny-texts", "encoder named 'tiny-texts'", "'tiny-text'")]
    public async Task An_unknown_name_is_answered_with_the_nearest_one(string dataset, string encoder, string message, string nearest)
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Start(encoder, dataset));
        Assert.Equal(FailureKind.NotFound, failure.Kind);
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Contains(nearest, failure.Remedy, StringComparison.Ordinal);
        Assert.Equal(JobState.Unknown, (await cluster.Extraction(encoder, dataset).Status()).State);
    }

    [Fact]
    public async Task A_dataset_without_items_of_the_encoders_modality_is_refused()
    {
        using var home = TestHome.Create();
        home.SaveDataset([home.TextItem("only", 0, "a dog")], [], "words");
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => cluster.Start(TestHome.ImageEncoder, "words"));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains("'words' has no image items for encoder 'tiny-image'", failure.Message, StringComparison.Ordinal);
        Assert.Equal("It has: text.", failure.Remedy);
    }

    [Fact]
    public async Task A_job_refuses_the_request_of_another_job()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => cluster.Extraction(TestHome.TextEncoder).Start(new ExtractionRequest(TestHome.Dataset, TestHome.ImageEncoder)));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
    }

    [Fact]
    public async Task Items_that_cannot_be_encoded_are_named_with_the_reason_and_the_rest_goes_on()
    {
        using var home = TestHome.Create();
        var items = home.Items();
        items.Add(home.TextItem("infinite", 1, "nan"));
        items.Add(home.TextItem("beyond-the-model", 1, "beyond"));
        items.Add(home.PictureItem("no-picture", 1, [1, 2, 3]));
        items.Add(home.PictureItem("gone", 1, TestHome.Picture(1)));
        items.Add(home.PictureItem("changed", 1, TestHome.Picture(2)));
        home.SaveDataset(items, home.Pairs());
        File.Delete(home.PicturePath("gone"));
        File.WriteAllBytes(home.PicturePath("changed"), TestHome.Picture(3));
        await using var cluster = await TestCluster.StartAsync(home);

        var texts = await cluster.Extract(TestHome.TextEncoder);
        var images = await cluster.Extract(TestHome.ImageEncoder);

        Assert.Equal((JobState.Completed, 27, 27, 2), (texts.State, texts.Items, texts.ItemsDone, texts.ItemsFailed));
        Assert.Equal((JobState.Completed, 28, 28, 3), (images.State, images.Items, images.ItemsDone, images.ItemsFailed));
        var textFailures = home.LatentStatus(TestHome.TextEncoder)!.Failures.ToDictionary(failure => failure.Id, failure => failure.Reason);
        Assert.Equal(["beyond-the-model", "infinite"], textFailures.Keys.Order());
        Assert.All(textFailures.Values, reason => Assert.NotEmpty(reason));
        var imageFailures = home.LatentStatus(TestHome.ImageEncoder)!.Failures.ToDictionary(failure => failure.Id, failure => failure.Reason);
        Assert.Equal(["changed", "gone", "no-picture"], imageFailures.Keys.Order());
        Assert.Contains("changed since", imageFailures["changed"], StringComparison.Ordinal);
        Assert.Contains("is missing", imageFailures["gone"], StringComparison.Ordinal);
        using var latents = home.OpenLatents(TestHome.ImageEncoder);
        Assert.Equal(25, latents.Count);
    }

    [Fact]
    public async Task Two_concurrent_starts_make_one_job()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        var both = await Task.WhenAll(cluster.Start(TestHome.TextEncoder), cluster.Start(TestHome.TextEncoder));
        Assert.All(both, status => Assert.Equal((25, 0), (status.Items, status.ItemsFound)));
        var end = (await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFailed));
        Assert.Single(cluster.Log.Lines(1001));
    }

    [Fact]
    public async Task Watching_goes_from_the_status_now_to_the_one_in_which_the_job_is_over()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-00"));
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;

        var reading = Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch());
        await held.Release();
        var seen = await reading;

        Assert.Equal(JobState.Completed, seen[^1].State);
        Assert.All(seen.SkipLast(1), status => Assert.Equal(JobState.Running, status.State));
        Assert.Equal(seen.Select(status => status.ShardsDone).Order(), seen.Select(status => status.ShardsDone));
        Assert.Equal(4, seen[^1].ShardsDone);
    }

    [Fact]
    public async Task Watching_a_job_that_never_started_ends_at_once()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        var only = Assert.Single(await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch()));
        Assert.Equal(JobState.Unknown, only.State);
    }

    [Fact]
    public async Task A_cancelled_extraction_stops_and_goes_on_where_it_stopped()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-09"));
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;

        var cancelled = await cluster.Extraction(TestHome.ImageEncoder).Cancel();
        Assert.Equal(JobState.Cancelled, cancelled.State);
        Assert.Equal(cancelled, (await Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch()))[^1]);
        var before = home.LatentFiles(TestHome.ImageEncoder);
        Assert.Equal(["shard-00000"], before.Keys);

        await held.Release();
        var end = await cluster.Extract(TestHome.ImageEncoder);

        Assert.Equal((JobState.Completed, 25), (end.State, end.ItemsDone));
        Assert.InRange(end.ItemsFound, 8, 16);
        Assert.Equal(before["shard-00000"], home.LatentFiles(TestHome.ImageEncoder)["shard-00000"]);
    }

    [Fact]
    public async Task Cancelling_what_does_not_run_changes_nothing()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        Assert.Equal(JobState.Unknown, (await cluster.Extraction(TestHome.TextEncoder).Cancel()).State);
        await cluster.Extract(TestHome.TextEncoder);
        Assert.Equal(JobState.Completed, (await cluster.Extraction(TestHome.TextEncoder).Cancel()).State);
    }

    [Fact]
    public async Task A_shard_that_fails_every_time_fails_the_job_with_the_reason_and_a_repaired_one_goes_on()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-00"));
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;

        // The shard's commit fails on a manifest that is no manifest.
        var manifest = Directory.EnumerateFiles(home.Home.Latents, "manifest.json", SearchOption.AllDirectories).Single();
        var sound = await File.ReadAllTextAsync(manifest, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(manifest, "{", TestContext.Current.CancellationToken);
        await held.Release();
        var end = (await Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch()))[^1];

        Assert.Equal(JobState.Failed, end.State);
        Assert.StartsWith("Shard 0 failed 3 times: ", end.Error, StringComparison.Ordinal);
        Assert.Contains("manifest.json' is damaged", end.Error, StringComparison.Ordinal);
        Assert.Equal(3, cluster.Log.Lines(1102).Length);

        await File.WriteAllTextAsync(manifest, sound, TestContext.Current.CancellationToken);
        var again = await cluster.Extract(TestHome.ImageEncoder);
        Assert.Equal((JobState.Completed, 25, null), (again.State, again.ItemsDone, again.Error));
    }

    [Fact]
    public async Task An_extraction_goes_on_with_its_encoder_though_another_was_installed_under_its_name()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home, ["gateway@front"]);
        await cluster.Start(TestHome.TextEncoder);
        var before = home.Packs.Load(TestHome.TextEncoder);
        home.ReplaceTextEncoder();
        await cluster.AddAsync("extract@worker");
        const string Job = $"{TestHome.Dataset}/{TestHome.TextEncoder}";
        await cluster.Grains.GetGrain<IExtractorGrain>(IExtractorGrain.KeyOf("worker", 0)).Work(Job);

        var end = (await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal((JobState.Completed, null), (end.State, end.Error));
        Assert.Equal(25, home.Latents.Status(TestHome.Dataset, TestHome.TextEncoder, before.Fingerprint)!.Rows);

        var again = await cluster.Extract(TestHome.TextEncoder);
        Assert.Equal((JobState.Completed, 25, 0), (again.State, again.ItemsDone, again.ItemsFound));
    }

    [Fact]
    public async Task A_dataset_that_grew_costs_only_its_new_items()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Extract(TestHome.TextEncoder);
        home.SaveDataset([.. home.Items(), home.TextItem("txt-new", 3, "the red lake")], home.Pairs());

        var end = await cluster.Extract(TestHome.TextEncoder);

        Assert.Equal((JobState.Completed, 26, 26, 25), (end.State, end.Items, end.ItemsDone, end.ItemsFound));
    }

    [Fact]
    public async Task Every_node_extracts_in_as_many_slots_as_it_says_whatever_the_jobs_own_node_has()
    {
        using var home = TestHome.Create();
        HeldFile[] held = [.. Enumerable.Range(0, 4).Select(picture => new HeldFile(home.PicturePath($"img-{picture:D2}")))];
        await using var cluster = await TestCluster.StartAsync(home, ["gateway+index@front"], options: node => node.ItemsPerShard = 1);
        await cluster.Extraction(TestHome.ImageEncoder).Status();
        await cluster.AddAsync("extract@left");
        await cluster.AddAsync("train+extract:3@right");
        await cluster.Start(TestHome.ImageEncoder);
        await Task.WhenAll(held.Select(file => file.Reached));

        // All slots hold a shard; asking again tells which. A fifth would have taken the fifth one.
        string[] slots = ["left/0", "right/0", "right/1", "right/2"];
        var shards = new List<int>();
        foreach (var slot in slots) shards.Add((await cluster.Extraction(TestHome.ImageEncoder).Lease(slot))!.Shard);
        Assert.Equal([0, 1, 2, 3], shards.Order());
        Assert.Equal(4, (await cluster.Extraction(TestHome.ImageEncoder).Lease("a test"))!.Shard);
        await cluster.Extraction(TestHome.ImageEncoder).Release("a test", 4);
        foreach (var file in held) await file.Release();
        Assert.Equal(JobState.Completed, (await Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch()))[^1].State);
        foreach (var file in held) file.Dispose();
    }

    [Fact]
    public async Task Calls_are_answered_while_every_slot_of_a_node_waits_for_a_file()
    {
        // Far more slots than the thread pool has threads: it adds one or two a second, and only because nothing moves.
        const int Slots = 24;
        var onPool = new ConcurrentBag<bool>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ExtractionMetrics.Name,
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                if (Equals(span.GetTagItem("fusemix.encoder"), TestHome.ImageEncoder)) onPool.Add(Thread.CurrentThread.IsThreadPoolThread);
            },
        };
        ActivitySource.AddActivityListener(listener);
        using var home = TestHome.Create();
        HeldFile[] held = [.. Enumerable.Range(0, Slots).Select(picture => new HeldFile(home.PicturePath($"img-{picture:D2}")))];
        await using var cluster = await TestCluster.StartAsync(
            home, [$"gateway+extract:{Slots}@one"], options: node => node.ItemsPerShard = 1);
        await cluster.Start(TestHome.ImageEncoder);
        await Task.WhenAll(held.Select(file => file.Reached));
        await cluster.Nodes.Status().WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(JobState.Running, (await cluster.Extraction(TestHome.ImageEncoder).Status()).State);
        foreach (var file in held) await file.Release();
        Assert.Equal(JobState.Completed, (await Patience.Read(cluster.Extraction(TestHome.ImageEncoder).Watch()))[^1].State);
        Assert.InRange(onPool.Count, Slots, int.MaxValue);
        Assert.DoesNotContain(true, onPool);
        foreach (var file in held) file.Dispose();
    }

    [Fact]
    public async Task A_slot_works_for_two_jobs_in_turn()
    {
        using var home = TestHome.Create();
        using var held = new HeldFile(home.PicturePath("img-00"));
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Start(TestHome.ImageEncoder);
        await held.Reached;
        await cluster.Start(TestHome.TextEncoder);
        await Patience.Until(() => cluster.Extraction(TestHome.TextEncoder).Status(), status => status.Shards == 4);
        Assert.Equal(0, (await cluster.Extraction(TestHome.TextEncoder).Status()).ShardsDone);
        await held.Release();
        var ends = new List<JobState>();
        foreach (var encoder in (string[])[TestHome.ImageEncoder, TestHome.TextEncoder])
            ends.Add((await Patience.Read(cluster.Extraction(encoder).Watch()))[^1].State);
        Assert.Equal([JobState.Completed, JobState.Completed], ends);
    }

    [Fact]
    public async Task A_job_that_is_cancelled_while_it_is_planned_stays_cancelled()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        using var held = new HeldFile(Directory.GetFiles(Path.Combine(home.Home.Datasets, TestHome.Dataset), "items-*.jsonl").Single());
        var starting = cluster.Start(TestHome.TextEncoder);
        await held.Reached;
        Assert.Equal(JobState.Cancelled, (await cluster.Extraction(TestHome.TextEncoder).Cancel()).State);
        await held.Release();
        await starting;
        Assert.Equal(JobState.Cancelled, Assert.Single(await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch())).State);
        Assert.Empty(cluster.Log.Lines(1001));

        var end = await cluster.Extract(TestHome.TextEncoder);
        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFound));
    }

    [Fact]
    public async Task A_cancel_that_comes_while_a_start_is_recorded_ends_it()
    {
        var storage = new FaultyStorage();
        var gate = new TaskCompletionSource();
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home, [TestCluster.Everything], configure: storage.Configure);
        await cluster.Extraction(TestHome.TextEncoder).Status();
        storage.Gate = gate.Task;
        var starting = cluster.Start(TestHome.TextEncoder);
        await Patience.Until(() => Task.FromResult(storage.Waiting), waiting => waiting > 0);
        var cancelling = cluster.Extraction(TestHome.TextEncoder).Cancel();
        gate.SetResult();
        Assert.Equal(JobState.Cancelled, (await cancelling).State);
        await starting;
        Assert.Equal(JobState.Cancelled, (await cluster.Extraction(TestHome.TextEncoder).Status()).State);
    }

    [Fact]
    public async Task A_start_is_answered_before_a_large_dataset_is_planned()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(home);
        using var held = new HeldFile(Directory.GetFiles(Path.Combine(home.Home.Datasets, TestHome.Dataset), "items-*.jsonl").Single());
        for (var i = 0; i < 2; i++)
        {
            var status = await cluster.Start(TestHome.TextEncoder);
            Assert.Equal((JobState.Running, 0, 0), (status.State, status.Items, status.Shards));
        }

        Assert.Null(await cluster.Extraction(TestHome.TextEncoder).Lease("a test"));
        await held.Release();
        var end = (await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal((JobState.Completed, 25, 0), (end.State, end.ItemsDone, end.ItemsFound));
        Assert.Single(cluster.Log.Lines(1001));
    }

    [Fact]
    public async Task Without_a_node_that_extracts_a_job_waits_for_one_to_join()
    {
        using var home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(
            home, ["gateway@front"], options: options => options.LeaseDuration = TimeSpan.FromSeconds(1));
        Assert.Equal(JobState.Running, (await cluster.Start(TestHome.TextEncoder)).State);
        Assert.Contains("no active node has the role 'extract'", await cluster.Log.WaitFor(1007), StringComparison.Ordinal);
        var waiting = await cluster.Start(TestHome.TextEncoder);
        Assert.Equal((JobState.Running, 0), (waiting.State, waiting.ItemsDone));

        await cluster.AddAsync("extract@worker");
        var end = (await Patience.Read(cluster.Extraction(TestHome.TextEncoder).Watch()))[^1];
        Assert.Equal((JobState.Completed, 25), (end.State, end.ItemsDone));
    }
}
