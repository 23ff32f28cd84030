using System.Diagnostics;
using FuseMix.Client;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Search;
using FuseMix.Data.Datasets;
using FuseMix.Testing.Clusters;

namespace FuseMix.Benchmarks.Cluster.Chaos;

/// <summary>Searches, extractions, trainings and builds on silos that are killed, stopped and frozen; then a look at all that was
/// promised.</summary>
internal static class ChaosRun
{
    private const int ItemsPerDataset = 200;

    public static async Task<ChaosVerdict> Run(ChaosPlan plan)
    {
        var verdict = new ChaosVerdict();
        using var home = TestHome.Create();
        Console.WriteLine($"seed {plan.Seed}: {plan.Silos} silos for {plan.Length}");
        await using var monkey = new Monkey(home, plan, verdict);
        await monkey.StartAll();
        using var client = new HttpFuseMixClient(new HttpFuseMixClientOptions
        {
            Addresses = [.. monkey.Addresses],
            RetryFor = TimeSpan.FromSeconds(60),
            RewatchFor = TimeSpan.FromSeconds(120),
        });

        // However often its nodes die, a job must end.
        var jobs = new HomeJobs(client, Timeout.InfiniteTimeSpan);
        await BusyWork.Prepare(jobs);
        var queries = BusyWork.Queries();
        var right = new string[queries.Length][];
        for (var i = 0; i < queries.Length; i++) right[i] = Ids(await client.Search(queries[i]));
        Console.WriteLine("prepared; now the nodes begin to die");

        using var over = new CancellationTokenSource(plan.Length);
        var trained = new List<ulong>();
        var extracted = new List<string>();
        var builds = 0;
        Task[] load =
        [
            .. Enumerable.Range(0, 4).Select(searcher => Task.Run(() => Search(searcher))),
            Task.Run(Extractions),
            Task.Run(Trainings),
            Task.Run(Builds),
        ];
        await monkey.Rage(over.Token);
        await Task.WhenAll(load);

        await Check();
        return verdict;

        async Task Search(int searcher)
        {
            var random = new Random(plan.Seed + searcher);
            while (!over.IsCancellationRequested)
            {
                var which = random.Next(queries.Length);
                var started = Stopwatch.GetTimestamp();
                try
                {
                    var answer = await client.Search(queries[which]);
                    verdict.Took(Stopwatch.GetElapsedTime(started));
                    verdict.Count(answer.Complete ? "searches complete" : "searches that said they were not complete");
                    var ids = Ids(answer);
                    if (answer.Complete && !ids.SequenceEqual(right[which]))
                        verdict.Fail($"Query {which} was answered wrongly by {answer.Generation}: {string.Join(' ', ids)}");
                    if (!answer.Complete && answer.MissingShards.Length == 0)
                        verdict.Fail($"Query {which} was answered in part, without saying what is missing.");
                }
                catch (FuseMixException failed)
                {
                    verdict.Count($"searches failed: {failed.Kind}");
                }
            }
        }

        async Task Extractions()
        {
            while (!over.IsCancellationRequested)
            {
                var name = $"more-{extracted.Count}";
                Fill(home, name, extracted.Count);
                await jobs.Extract(name);
                extracted.Add(name);
                verdict.Count("datasets extracted");
            }
        }

        async Task Trainings()
        {
            for (ulong seed = 100; !over.IsCancellationRequested; seed++)
            {
                // Twice the same, so that what was interrupted can be compared with what was not, or elsewhere.
                await jobs.Train(BusyWork.Training($"job-{seed}-a", $"model-{seed}-a", seed));
                await jobs.Train(BusyWork.Training($"job-{seed}-b", $"model-{seed}-b", seed));
                trained.Add(seed);
                verdict.Count("trainings completed", 2);
            }
        }

        async Task Builds()
        {
            while (!over.IsCancellationRequested)
            {
                await jobs.Build(BusyWork.Collection, new CollectionBuild("first", TestHome.Dataset, 5 + (++builds % 7)));
                verdict.Count("collections built");
                await Task.Delay(TimeSpan.FromSeconds(2));
            }
        }

        async Task Check()
        {
            for (var i = 0; i < queries.Length; i++)
            {
                var answer = await client.Search(queries[i]);
                if (!answer.Complete || !Ids(answer).SequenceEqual(right[i]))
                    verdict.Fail($"After all, query {i} is not answered as before.");
            }

            foreach (var dataset in extracted)
            {
                foreach (var encoder in TestHome.Encoders.Values)
                {
                    var status = home.LatentStatus(encoder, dataset);
                    if (status is not { IsComplete: true, Rows: ItemsPerDataset, Failures.Count: 0 })
                        verdict.Fail($"{dataset} by {encoder} is not whole: {status}");
                    using var latents = home.OpenLatents(encoder, dataset);
                    verdict.Count("latents read back", latents.Count);
                }
            }

            foreach (var seed in trained)
            {
                if (home.Model($"model-{seed}-a").Fingerprint != home.Model($"model-{seed}-b").Fingerprint)
                    verdict.Fail($"The two models of seed {seed} differ.");
            }

            foreach (var job in trained.SelectMany(seed => (string[])[$"job-{seed}-a", $"job-{seed}-b"]))
            {
                if ((await client.Training(job)).State is var state and not JobState.Completed)
                    verdict.Fail($"Training job {job} is {state}.");
            }

            var known = (await client.Extractions()).Select(job => $"{job.Dataset}/{job.Encoder}").ToHashSet();
            foreach (var job in extracted.SelectMany(dataset => TestHome.Encoders.Values.Select(encoder => $"{dataset}/{encoder}")))
            {
                if (!known.Contains(job)) verdict.Fail($"Extraction {job} is forgotten.");
            }
        }
    }

    private static string[] Ids(SearchResponse answer) => [.. answer.Results[0].Select(hit => hit.Id)];

    private static void Fill(TestHome home, string name, int number)
    {
        var items = new List<DatasetItem>();
        for (var i = 0; i < ItemsPerDataset; i++)
        {
            items.Add(home.PictureItem($"{name}-img-{i:D3}", i % TestHome.Groups, TestHome.Picture((i + number) % TestHome.Groups)));
            items.Add(home.TextItem($"{name}-txt-{i:D3}", i % TestHome.Groups, $"{TestHome.Caption(i % TestHome.Groups)} {i}"));
        }

        home.SaveDataset(
            items,
            [.. Enumerable.Range(0, ItemsPerDataset).Select(i => new DatasetPair($"{name}-img-{i:D3}", $"{name}-txt-{i:D3}"))],
            name);
    }
}
