using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Hosting.Tests;

public sealed class HomeOwnershipTests : IDisposable
{
    private static readonly Uri Url = new("http://127.0.0.1:5080");
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;

    public HomeOwnershipTests() => _home = new FuseMixHome(_folder["home"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_home_is_one_processs_until_it_gives_it_free()
    {
        using (HomeOwnership.TryTake(_home)!)
        {
            Assert.Null(HomeOwnership.TryTake(_home));
            Assert.Matches(
                $@"^process {Environment.ProcessId} on .* since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d$", HomeOwnership.OwnerOf(_home));
        }

        using var next = HomeOwnership.TryTake(_home);
        Assert.NotNull(next);
    }

    [Fact]
    public void Whoever_takes_it_removes_what_a_killed_one_announced_and_what_he_announced_himself_in_the_end()
    {
        NodeAnnouncement.Of(Url, "killed", key: null).Write(_home.EnsureWritable());
        using (var ownership = HomeOwnership.TryTake(_home)!)
        {
            Assert.Null(NodeAnnouncement.Read(_home));
            ownership.Announce(Url, "fusemix-silo");
            Assert.NotNull(NodeAnnouncement.Read(_home));
        }

        Assert.False(File.Exists(_folder["home/state/node.json"]));
    }

    [Fact]
    public async Task Who_serves_is_named_at_once_with_the_address()
    {
        using var ownership = HomeOwnership.TryTake(_home)!;
        ownership.Announce(Url, "fusemix serve", "fmx_secret");
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => HomeOwnership.TakeAsync(_home, Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken));
        Assert.Equal(FailureKind.Conflict, failure.Kind);
        Assert.StartsWith(
            $"The home folder '{_home.Root}' is in use by process {Environment.ProcessId} on ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("('fusemix serve'), which serves it at http://127.0.0.1:5080 since ", failure.Message, StringComparison.Ordinal);
        Assert.Equal($"Use that node, or stop it (kill {Environment.ProcessId}), then try again.", failure.Remedy);
    }

    [Fact]
    public void Whoever_has_it_learns_that_others_want_his_node_and_the_next_one_is_asked_anew()
    {
        using (var ownership = HomeOwnership.TryTake(_home)!)
        {
            Assert.False(ownership.IsWanted);
            HomeOwnership.AskForAnnouncement(_home);
            HomeOwnership.AskForAnnouncement(_home);
            Assert.True(ownership.IsWanted);
        }

        using var next = HomeOwnership.TryTake(_home)!;
        Assert.False(next.IsWanted);
    }

    [Fact]
    public async Task One_who_only_starts_or_ends_is_waited_for()
    {
        var ownership = HomeOwnership.TryTake(_home)!;
        var refused = await Assert.ThrowsAsync<FuseMixException>(
            () => HomeOwnership.TakeAsync(_home, TimeSpan.Zero, TestContext.Current.CancellationToken));
        Assert.Contains($"is in use by process {Environment.ProcessId}", refused.Message, StringComparison.Ordinal);
        var taking = HomeOwnership.TakeAsync(_home, TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.False(taking.IsCompleted);
        ownership.Dispose();
        (await taking).Dispose();
    }
}
