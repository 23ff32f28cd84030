using System.Diagnostics;
using System.Net.Sockets;
using FuseMix.Data.Datasets;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Datasets.Regressions;

/// <summary>What a folder holds decides how much work its import is, not how often links lead there.</summary>
public sealed class UnboundedWorkOnASmallInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FuseMixHome _home;

    public UnboundedWorkOnASmallInputTests()
    {
        _home = new FuseMixHome(_folder["home"]);
        Put("data/one.png", "1");
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("data/loop", ".")]
    [InlineData("data/loop", "..")]
    [InlineData("data/sub/loop", "..")]
    public void A_link_back_into_the_folder_is_recorded_and_each_picture_is_there_once(string link, string target)
    {
        Put("data/sub/two.png", "2");
        Link(link, target);
        var dataset = Import();
        Assert.Equal(["one.png", "sub/two.png"], dataset.Items.Select(item => item.Id));
        var failure = Assert.Single(dataset.Failures);
        Assert.Equal(link["data/".Length..], failure.Source);
        Assert.Contains("back", failure.Reason);
    }

    [Fact]
    public void Two_loops_and_links_to_one_another_end_too()
    {
        Link("data/a", ".");
        Link("data/b", ".");
        Put("data/x/x.png", "x");
        Put("data/y/y.png", "y");
        Link("data/x/to", "../y");
        Link("data/y/to", "../x");
        var dataset = Import();
        Assert.Equal(["one.png", "x/x.png", "y/y.png"], dataset.Items.Select(item => item.Id));
        Assert.Equal(["a", "b", "x/to", "y/to"], dataset.Failures.Select(failure => failure.Source));
    }

    [Fact]
    public void Doors_to_doors_do_not_multiply()
    {
        // Two ways into each of 24 folders are 16 million ways into the last.
        for (var floor = 0; floor < 24; floor++)
        {
            Directory.CreateDirectory(_folder[$"floors/{floor}"]);
            Link($"floors/{floor}/left", $"../{floor + 1}");
            Link($"floors/{floor}/right", $"../{floor + 1}");
        }

        Put("floors/24/last.png", "last");
        Link("data/in", "../floors/0");
        var dataset = Import();
        Assert.Equal(2, dataset.Items.Count);
        Assert.Equal(24, dataset.Failures.Count);
    }

    [Fact]
    public void What_a_link_leads_to_elsewhere_is_imported_of_the_users_own()
    {
        Put("elsewhere/two.png", "2");
        Put("three.png", "3");
        Link("data/more", "../elsewhere");
        Link("data/three.png", "../three.png");
        Assert.Equal(["more/two.png", "one.png", "three.png"], Import().Items.Select(item => item.Id).Order());
    }

    [Fact]
    public void Links_that_leave_the_folder_that_an_import_must_stay_in_are_recorded()
    {
        Put("elsewhere/two.png", "2");
        Put("three.png", "3");
        Put("three.txt", "secret");
        Put("data/inside/four.png", "4");
        Link("data/more", "../elsewhere");
        Link("data/three.png", "../three.png");
        Link("data/one.txt", "../three.txt");
        Link("data/five.png", "inside/four.png");
        Link("data/gone.png", "nowhere");
        var dataset = Import(within: _folder["data"]);
        Assert.Equal(["five.png", "inside/four.png", "one.png"], dataset.Items.Select(item => item.Id).Order());
        Assert.Equal(["gone.png", "more", "one.txt", "three.png"], dataset.Failures.Select(failure => failure.Source).Order());
        Assert.All(
            dataset.Failures.Where(failure => failure.Source != "gone.png"), failure => Assert.Contains("leads out", failure.Reason));
        Assert.DoesNotContain(dataset.Failures, failure => failure.Reason.Contains(_folder.Path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_table_from_somebody_else_gets_nothing_through_a_link_that_leaves_its_folder()
    {
        Put("elsewhere/two.png", "2");
        Link("data/more", "../elsewhere");
        Put("data/t.csv", "image,text\nmore/two.png,stolen\none.png,fine\n");
        var settings = new ImportSettings("mine") { Within = _folder["data"] };
        var dataset = TableImporter.ImportCsv(_home, _folder["data/t.csv"], settings, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(["one.png"], dataset.ItemsOf(Modality.Image).Select(item => item.Id));
        Assert.Contains("outside", Assert.Single(dataset.Failures).Reason);
    }

    [Fact]
    public async Task A_pipe_or_a_socket_called_like_a_picture_is_recorded_and_never_waited_for()
    {
        Pipe("data/p.png");
        Pipe("data/one.txt");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["data/s.png"]));
        Put("data/t.csv", "image,text\np.png,waits\none.png,fine\n");
        var folder = await Task.Run(() => Import()).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(["one.png"], folder.Items.Select(item => item.Id));
        Assert.Equal(["one.txt", "p.png", "s.png", "t.csv"], folder.Failures.Select(failure => failure.Source).Order());
        Assert.Contains("pipe", folder.Failures.Single(failure => failure.Source == "p.png").Reason);
        var table = await Task.Run(() => TableImporter.ImportCsv(_home, _folder["data/t.csv"], new ImportSettings("mine")))
            .WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Contains("pipe", Assert.Single(table.Failures).Reason);
    }

    [Fact]
    public void An_import_that_is_called_off_ends_while_it_still_looks_around()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => FolderImporter.Import(_home, "/", new ImportSettings("mine"), cancellation: stop.Token));
    }

    private Dataset Import(string? within = null) => FolderImporter.Import(
        _home, _folder["data"], new ImportSettings("mine") { Within = within }, cancellation: TestContext.Current.CancellationToken);

    private void Link(string path, string target) => File.CreateSymbolicLink(_folder[path], target);

    private void Pipe(string path)
    {
        using var made = Process.Start("mkfifo", [_folder[path]]);
        made.WaitForExit();
        Assert.Equal(0, made.ExitCode);
    }

    private void Put(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllText(_folder[path], content);
    }
}
