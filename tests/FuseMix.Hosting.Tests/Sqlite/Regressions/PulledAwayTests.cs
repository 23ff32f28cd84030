using FuseMix.Hosting.Sqlite;
using FuseMix.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans;
using Orleans.Runtime;

namespace FuseMix.Hosting.Tests.Sqlite.Regressions;

/// <summary>The jobs of a home folder, which were lost when its grains' state moved to a database.</summary>
public sealed class PulledAwayTests : IDisposable
{
    private static readonly GrainId Job = GrainId.Create("job", "emoji/clip");
    private readonly TemporaryFolder _folder = new();
    private readonly SqliteGrainStorage _target;

    public PulledAwayTests() => _target = new SqliteGrainStorage(_folder["elsewhere/grains.db"], TimeProvider.System);

    private string Home => _folder["home/grains.db"];

    public void Dispose()
    {
        _target.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task What_a_home_knows_of_its_jobs_moves_with_it_once()
    {
        using (var before = new SqliteGrainStorage(Home, TimeProvider.System))
        {
            await Write(before, Job, "done");
            await Write(before, GrainId.Create("other", "ünï"), "too");
        }

        await Move();
        Assert.Equal("done", (await Read(Job)).State!.Name);
        Assert.Equal("too", (await Read(GrainId.Create("other", "ünï"))).State!.Name);
        Assert.False(File.Exists(Home));
        Assert.True(File.Exists(Home + SqliteStateMove.Suffix));

        // A state that has moved can be changed as any other.
        var moved = await Read(Job);
        moved.State!.Name = "again";
        await _target.WriteStateAsync("progress", Job, moved);
        await Move();
        Assert.Equal("again", (await Read(Job)).State!.Name);
    }

    [Fact]
    public async Task A_state_that_is_there_is_newer_and_stays()
    {
        await Write(_target, Job, "newer");
        using (var before = new SqliteGrainStorage(Home, TimeProvider.System)) await Write(before, Job, "older");
        await Move();
        Assert.Equal("newer", (await Read(Job)).State!.Name);
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_is_named_with_the_way_out()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Home)!);
        await File.WriteAllTextAsync(
            Home, "no database, and longer than the header of one would be, so that it is looked at: " + new string('x', 200));
        var failure = await Assert.ThrowsAsync<FuseMixException>(Move);
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains(Home, failure.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Home));
    }

    private Task Move() =>
        new SqliteStateMove(Home, _target, NullLogger<SqliteStateMove>.Instance).Run(TestContext.Current.CancellationToken);

    private static Task Write(SqliteGrainStorage storage, GrainId id, string name) =>
        storage.WriteStateAsync("progress", id, new GrainState<Progress>(new Progress { Name = name }));

    private async Task<GrainState<Progress>> Read(GrainId id)
    {
        var read = new GrainState<Progress>();
        await _target.ReadStateAsync("progress", id, read);
        return read;
    }

    private sealed class Progress
    {
        public string? Name { get; set; }
    }
}
