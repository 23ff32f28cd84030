using System.Runtime.CompilerServices;
using FuseMix.Client.Tests.Contract;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FuseMix.Client.Tests;

/// <summary>What the pages show compiles, and does what it is said to do.</summary>
public sealed class SamplesTests(ServedCluster served)
{
    [Theory]
    [InlineData("docs/client.md", 5)]
    [InlineData("README.md", 1)]
    public void Every_sample_of_a_page_is_one_that_compiles(string page, int expected)
    {
        var sources = string.Join(
            '\n', Directory.GetFiles(Path.GetDirectoryName(Here())!, "Samples*.cs").Select(file => Flat(File.ReadAllText(file))));
        var samples = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", page)).ReplaceLineEndings("\n")
            .Split("```csharp\n").Skip(1)
            .Select(rest => Flat(rest.Split("```")[0])).ToArray();
        Assert.Equal(expected, samples.Length);
        Assert.All(samples, sample => Assert.Contains(sample, sources, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_way_from_pictures_to_a_search_leads_there()
    {
        using var client = served.Http;
        await Install("use-lite", (folder, name) => TestPacks.Text(folder, name));
        await Install("mobilenet-v2-mid", (folder, name) => TestPacks.Image(folder, name));
        var pictures = served.Folder();
        for (var group = 0; group < TestHome.Groups; group++)
        {
            await File.WriteAllBytesAsync(Path.Combine(pictures, $"{group:D2}.png"), TestHome.Picture(group));
            await File.WriteAllTextAsync(Path.Combine(pictures, $"{group:D2}.txt"), TestHome.Caption(group));
        }

        await Samples.WholeWay(client, pictures, TestContext.Current.CancellationToken);
        var answer = await client.Search(
            new SearchRequest("mine", [SearchQuery.OfContent(Modality.Image, TestHome.Picture(3))], Modality.Image, K: 1));
        Assert.Equal("03.png", answer.Results[0][0].Id);

        async Task Install(string encoder, Action<string, string> write)
        {
            var folder = served.Folder();
            write(folder, encoder);
            await client.PutEncoder(encoder, folder);
        }
    }

    [Fact]
    public async Task Searching_and_failing_go_as_shown()
    {
        using var client = served.Http;
        var folder = served.Folder();
        await File.WriteAllBytesAsync(Path.Combine(folder, "a.png"), TestHome.Picture(3));
        await File.WriteAllTextAsync(
            Path.Combine(folder, "data.jsonl"),
            $$"""{ "image": "a.png", "text": "{{TestHome.Caption(3)}}", "metadata": { "vendor": "google" } }""");
        await client.PutDataset("emoji", new DatasetSource(DatasetFormat.JsonLines, Path.Combine(folder, "data.jsonl")));
        foreach (var encoder in (string[])[TestHome.ImageEncoder, TestHome.TextEncoder])
        {
            await client.StartExtraction(new ExtractionRequest("emoji", encoder));
            await Patience.Read(client.WatchExtraction("emoji", encoder));
        }

        await client.StartBuild("emoji", new CollectionBuild(ServedCluster.Model, "emoji"));
        await Patience.Read(client.WatchBuild("emoji"));
        await Samples.Search(client, TestHome.Picture(3), TestContext.Current.CancellationToken);
        await Samples.Fail(client);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => client.Collection("emojy"));
        Assert.Equal("There is no collection named 'emojy'. Did you mean 'emoji'?", failure.Advice);
    }

    [Fact]
    public async Task An_app_gets_its_client_from_its_services()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        Samples.Connect(builder);
        using var host = builder.Build();
        Assert.IsType<HttpFuseMixClient>(host.Services.GetRequiredService<IFuseMixClient>());
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Lines without their indentation, which differs between a page and a class.</summary>
    private static string Flat(string code) =>
        string.Join('\n', code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    private static string Here([CallerFilePath] string path = "") => path;
}
