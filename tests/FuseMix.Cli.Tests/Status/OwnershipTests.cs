using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Status;

/// <summary>Two commands at a time in one home folder: the second must never push the first one's trainer out.</summary>
public sealed class OwnershipTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FileLock _other;

    public OwnershipTests() =>
        _other = FileLock.TryAcquire(Path.Combine(new FuseMixHome(_folder.Path).EnsureWritable().State, "node.lock"))!;

    public void Dispose()
    {
        _other.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("eval", "emoji-small")]
    [InlineData("collections", "build", "emoji", "--model", "emoji-small")]
    [InlineData("collections", "drop", "emoji")]
    [InlineData("extract", "emoji", "use-lite")]
    [InlineData("serve", "--port", "0")]
    public async Task A_command_that_works_waits_its_turn(params string[] args)
    {
        var result = await Run(args);
        Assert.Equal(1, result.Code);
        Assert.Contains($"is in use by process {Environment.ProcessId}", result.Error, StringComparison.Ordinal);
        Assert.Contains("Wait until it has finished, or stop it", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_tells_who_works_and_leaves_the_trainer_alone()
    {
        var result = await Run("status");
        Assert.Equal(0, result.Code);
        Assert.Contains("works in this home folder", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("train emoji-small", result.Out, StringComparison.Ordinal);
        Assert.Contains("process", (await Run("status", "--json")).Json.GetProperty("workedInBy").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Once_the_other_is_gone_everything_works_again()
    {
        _other.Dispose();
        Assert.Contains("train emoji-small", (await Run("status")).Out, StringComparison.Ordinal);
        Assert.Equal(0, (await Run("eval", "emoji-small")).Code);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester
    {
        Client = new FakeClient(),
        Home = _folder.Path,
    }.Run(args);
}
