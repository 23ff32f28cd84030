using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuseMix.Client.Tests;

/// <summary>The samples of docs/client.md and of the README, word for word.</summary>
internal static class Samples
{
    public static async Task Readme()
    {
        using var client = new HttpFuseMixClient(new HttpFuseMixClientOptions { Addresses = [new Uri("http://localhost:5080")] });
        var answer = await client.Search(new SearchRequest("emoji", [SearchQuery.OfText("angry cat")], Modality.Image, K: 3));
        foreach (var hit in answer.Results[0]) Console.WriteLine($"{hit.Score:0.000}  {hit.Id}");
    }

    public static void Connect(IHostApplicationBuilder builder)
    {
        var options = new HttpFuseMixClientOptions
        {
            Addresses = [new Uri("https://fusemix-1.example.org"), new Uri("https://fusemix-2.example.org")],
            ApiKey = Environment.GetEnvironmentVariable("FUSEMIX_API_KEY"),
        };
        builder.Services.AddSingleton<IFuseMixClient>(_ => new HttpFuseMixClient(options));
    }

    public static async Task Search(IFuseMixClient client, byte[] picture, CancellationToken cancellationToken)
    {
        // "This picture, but snow", among the pictures of one vendor.
        var query = new SearchQuery(
        [
            new QueryTerm { Modality = Modality.Image, Content = picture },
            new QueryTerm { Text = "snow", Weight = 0.7f },
        ]);
        var answer = await client.Search(
            new SearchRequest("emoji", [query], Modality.Image, K: 5)
            {
                Filter = new() { ["vendor"] = ["google"] },
                Deadline = TimeSpan.FromMilliseconds(500),
            },
            cancellationToken);
        if (!answer.Complete) Console.WriteLine($"Not complete: {string.Join("; ", answer.MissingShards)}");
        foreach (var hit in answer.Results[0])
        {
            var content = await client.Content("emoji", hit.Id, cancellationToken);
            Console.WriteLine($"{hit.Score:0.000}  {hit.Id}  {content.MediaType}, {content.Bytes.Length} bytes");
        }
    }

    public static async Task WholeWay(IFuseMixClient client, string folder, CancellationToken cancellationToken)
    {
        await client.PutDataset("mine", new DatasetSource(DatasetFormat.Folder, folder), cancellationToken: cancellationToken);

        foreach (var encoder in (string[])["mobilenet-v2-mid", "use-lite"])
        {
            await client.StartExtraction(new ExtractionRequest("mine", encoder), cancellationToken);
            await foreach (var status in client.WatchExtraction("mine", encoder, cancellationToken))
                Console.WriteLine($"{status.State}: {status.ItemsDone} of {status.Items}");
        }

        var training = new TrainingRequest(
            JobId: "mine-1",
            Model: "mine",
            Dataset: "mine",
            Encoders: new() { [Modality.Image] = "mobilenet-v2-mid", [Modality.Text] = "use-lite" },
            Recipe: """{ "preset": "small", "steps": 300 }""");
        await client.SubmitTraining(training, cancellationToken);
        await foreach (var status in client.WatchTraining(training.JobId, cancellationToken))
        {
            Console.WriteLine($"{status.State}: step {status.Step} of {status.Steps}, loss {status.Loss:0.000}");
            if (status.State == JobState.Failed) throw new InvalidOperationException(status.Error);
        }

        await client.StartBuild("mine", new CollectionBuild(Model: "mine", Dataset: "mine"), cancellationToken);
        await foreach (var status in client.WatchBuild("mine", cancellationToken))
            Console.WriteLine($"{status.State}: generation {status.Generation}");
    }

    public static async Task Fail(IFuseMixClient client)
    {
        try
        {
            await client.Collection("emojy");
        }
        catch (FuseMixException failure) when (failure.Kind == FailureKind.NotFound)
        {
            // There is no collection named 'emojy'. Did you mean 'emoji'?
            Console.WriteLine($"{failure.Message} {failure.Remedy}");
        }
    }
}
