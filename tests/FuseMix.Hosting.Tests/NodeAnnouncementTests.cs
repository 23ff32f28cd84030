using System.Diagnostics;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Hosting.Tests;

public sealed class NodeAnnouncementTests : IDisposable
{
    private static readonly Uri Url = new("http://127.0.0.1:5080");
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;

    public NodeAnnouncementTests() => _home = new FuseMixHome(_folder.Path).EnsureWritable();

    private string Json => _folder["state/node.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_announced_is_read_until_it_is_withdrawn()
    {
        Assert.Null(NodeAnnouncement.Read(_home));
        using var ownership = HomeOwnership.TryTake(_home)!;
        ownership.Announce(Url, "fusemix serve", "fmx_secret");
        var node = NodeAnnouncement.Read(_home)!;
        Assert.Equal((Url, "fusemix serve", "fmx_secret", Environment.ProcessId), (node.Url, node.Program, node.Key, node.ProcessId));
        Assert.Equal(NodeAnnouncement.ThisVersion, node.Version);
        Assert.DoesNotContain("secret", node.ToString(), StringComparison.Ordinal);
        ownership.Withdraw();
        Assert.Null(NodeAnnouncement.Read(_home));
    }

    [Fact]
    public void Only_this_user_can_read_it()
    {
        if (OperatingSystem.IsWindows()) return;
        NodeAnnouncement.Of(Url, "a", "fmx_secret").Write(_home);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Json));
    }

    [Fact]
    public async Task That_of_a_process_that_is_gone_is_ignored()
    {
        using var process = Process.Start("true");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        (Here() with { ProcessId = process.Id }).Write(_home);
        Assert.Null(NodeAnnouncement.Read(_home));
    }

    [Fact]
    public void So_is_one_whose_process_number_another_process_has_now()
    {
        (Here() with { ProcessId = 1 }).Write(_home);
        Assert.Null(NodeAnnouncement.Read(_home));
        (Here() with { ProcessStart = "0 of another start of the machine" }).Write(_home);
        Assert.Null(NodeAnnouncement.Read(_home));
    }

    [Fact]
    public void So_is_that_of_another_machine()
    {
        (Here() with { Machine = "elsewhere" }).Write(_home);
        Assert.Null(NodeAnnouncement.Read(_home));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    public void So_is_one_that_is_damaged(string text)
    {
        File.WriteAllText(Json, text);
        Assert.Null(NodeAnnouncement.Read(_home));
    }

    [Fact]
    public void So_is_one_that_is_written_in_part()
    {
        Here().Write(_home);
        var whole = File.ReadAllText(Json);
        for (var length = 0; length < whole.Length - 1; length += 10)
        {
            File.WriteAllText(Json, whole[..length]);
            Assert.Null(NodeAnnouncement.Read(_home));
        }
    }

    [Fact]
    public void Another_version_is_told_as_it_is()
    {
        (Here() with { Version = "9.9.9" }).Write(_home);
        Assert.Equal("9.9.9", NodeAnnouncement.Read(_home)!.Version);
    }

    [Fact]
    public async Task A_process_has_one_start_and_no_other_process_has_it()
    {
        using var process = Process.Start(new ProcessStartInfo("cat") { RedirectStandardInput = true })!;
        var start = NodeAnnouncement.StartOf(process.Id);
        Assert.NotNull(start);
        Assert.Equal(start, NodeAnnouncement.StartOf(process.Id));
        Assert.NotEqual(start, NodeAnnouncement.StartOf(Environment.ProcessId));
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Null(NodeAnnouncement.StartOf(process.Id));
    }

    private static NodeAnnouncement Here() => NodeAnnouncement.Of(Url, "fusemix serve", key: null);
}
