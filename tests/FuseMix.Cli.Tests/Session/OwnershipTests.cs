using FuseMix.Hosting;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Session;

/// <summary>A home folder that another process has which does not say where its node answers.</summary>
public sealed class OwnershipTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly HomeOwnership _other;

    public OwnershipTests() => _other = HomeOwnership.TryTake(new FuseMixHome(_folder.Path))!;

    public void Dispose()
    {
        _other.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_command_that_needs_a_node_waits_says_so_and_names_the_owner_in_the_end()
    {
        var result = await Run("models", "list");
        Assert.Equal(1, result.Code);
        Assert.Contains($"Waiting for process {Environment.ProcessId} on ", result.Error, StringComparison.Ordinal);
        Assert.Contains(
            $"The home folder '{_folder.Path}' is in use by process {Environment.ProcessId} on ", result.Error, StringComparison.Ordinal);
        Assert.Contains("Wait until it has ended, or stop it, then try again.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_needs_no_node_does_not_wait() =>
        Assert.StartsWith("No encoder is installed.", (await Run("encoders", "verify")).Error, StringComparison.Ordinal);

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Once_the_owner_has_ended_the_command_goes_on_with_a_node_of_its_own()
    {
        var result = await Run(line =>
        {
            if (line.StartsWith("Waiting for", StringComparison.Ordinal)) _other.Dispose();
        }, "models", "list");
        Assert.Equal(0, result.Code);
        Assert.Contains("No fusion models yet", result.Out, StringComparison.Ordinal);
    }

    private Task<CliResult> Run(params string[] args) => Run(null, args);

    private Task<CliResult> Run(Action<string>? listener, params string[] args) => new CliTester
    {
        Home = _folder.Path,
        RealCluster = true,
        Clock = new FastClock(),
        Listener = listener,
    }.Run(args);

    /// <summary>A clock that goes a hundred times too fast.</summary>
    private sealed class FastClock : TimeProvider
    {
        public override long GetTimestamp() => base.GetTimestamp() * 100;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime / 100, period < TimeSpan.Zero ? period : period / 100);
    }
}
