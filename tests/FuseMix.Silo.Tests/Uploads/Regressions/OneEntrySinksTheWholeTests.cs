using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using FuseMix.Client;
using FuseMix.Contracts.Catalog;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Uploads.Regressions;

/// <summary>What cannot be taken is recorded by its name, and the rest goes on.</summary>
public sealed class OneEntrySinksTheWholeTests(UploadsTests.UploadNode served) : IClassFixture<UploadsTests.UploadNode>, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"odd-{Guid.NewGuid():N}");

    public void Dispose()
    {
        // What is not called in UTF-8 has no name here to be removed by.
        using (var remove = Process.Start("rm", ["-rf", _folder["data"]])) remove.WaitForExit();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_tar_of_what_people_have_is_imported_but_for_what_cannot_be()
    {
        Odd();
        await Run(
            "ln one.png hard.png && ln -s one.png soft.png && mkfifo p.png && mkdir again && cp one.png again && touch \"$(printf "
                + "'caf\\351.png')\"");
        await Run("tar -cf ../odd.tar . && tar -C again -rf ../odd.tar one.png && tar -rPf ../odd.tar \"$PWD/one.png\"");
        var imported = await Put();
        Assert.Equal(3, (int?)imported["items"]!["image"]);
        var failures = await Failures();
        string[] expected =
        [
            $"{_folder["data"]}/one.png", "Icon␍", "b\\c.png", "caf\uFFFD.png", "one.png", "p.png", "soft.png",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), failures.Keys.Order(StringComparer.Ordinal));
        Assert.Contains("--dereference", failures["soft.png"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_remedy_works()
    {
        Odd();
        await Run("rm -f 'b\\c.png' Icon* && ln one.png hard.png && ln -s one.png soft.png && tar --dereference -cf ../odd.tar .");
        Assert.Equal(3, (int?)(await Put())["items"]!["image"]);
        Assert.Empty(await Failures());
    }

    [Fact]
    public async Task A_folder_that_a_client_sends_is_imported_as_it_would_be_here()
    {
        Odd();
        await Run(
            "ln -s one.png soft.png && ln -s .. loop && ln -s /etc out && mkfifo p.png && touch \"$(printf 'caf\\351.png')\" .DS_Store "
                + ".hidden.png");
        using var client = new HttpFuseMixClient(new HttpFuseMixClientOptions { Addresses = [served.Node.Address] });
        var imported = await client.PutDataset(
            _name, new DatasetSource(DatasetFormat.Folder, _folder["data"]), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(2, imported.Items[Modality.Image]);
        var details = await client.Dataset(_name, TestContext.Current.CancellationToken);
        Assert.Equal(
            ((string[])[".hidden.png", "Icon␍", "b\\c.png", "caf\uFFFD.png", "loop", "out", "p.png"]).Order(StringComparer.Ordinal),
            details.Failures.Select(failure => failure.Source).Order(StringComparer.Ordinal));
        Assert.Contains(details.Notices, notice => notice.StartsWith("1 file or folder of systems", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_table_is_found_whatever_else_ends_like_one()
    {
        Directory.CreateDirectory(_folder["data"]);
        await File.WriteAllBytesAsync(_folder["data/one.png"], TestHome.Picture(1), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder["data/PAIRS.CSV"], "image,text\none.png,a dog\n", TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(_folder["data/._PAIRS.CSV"], [0, 5, 22, 7], TestContext.Current.CancellationToken);
        await Run("tar -cf ../odd.tar .");
        Assert.Equal(1, (int?)(await Put("?format=csv"))["items"]!["image"]);
        Assert.Empty(await Failures());
    }

    private void Odd()
    {
        Directory.CreateDirectory(_folder["data"]);
        File.WriteAllBytes(_folder["data/one.png"], TestHome.Picture(1));
        File.WriteAllBytes(_folder["data/b\\c.png"], TestHome.Picture(2));
        File.WriteAllText(_folder["data/Icon\r"], "?");
    }

    private async Task Run(string script)
    {
        using var shell =
            Process.Start(new ProcessStartInfo("sh", ["-c", script]) { WorkingDirectory = _folder["data"], RedirectStandardError = true })!;
        var said = await shell.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(shell.ExitCode == 0, said);
    }

    private async Task<JsonNode> Put(string query = "")
    {
        using var content = new ByteArrayContent(await File.ReadAllBytesAsync(_folder["odd.tar"], TestContext.Current.CancellationToken));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        using var response = await served.Client.PutAsync(
            $"/api/v1/datasets/{_name}{query}", content, TestContext.Current.CancellationToken);
        return await ServedHome.Read(response, HttpStatusCode.Created);
    }

    private async Task<Dictionary<string, string>> Failures()
    {
        using var response = await served.Client.GetAsync($"/api/v1/datasets/{_name}", TestContext.Current.CancellationToken);
        return (await ServedHome.Read(response, HttpStatusCode.OK))["failures"]!.AsArray().ToDictionary(
            failure => (string)failure!["source"]!, failure => (string)failure!["reason"]!);
    }
}
