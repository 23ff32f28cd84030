using System.Text;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Output.Regressions;

/// <summary>The kind "output that cannot be written kills the process".</summary>
public sealed class UnwritableOutputTests : IDisposable
{
    private const string Full = "No space left on device";
    private readonly TemporaryFolder _folder = new();
    private readonly FakeClient _client = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData]
    [InlineData("--help")]
    [InlineData("--version")]
    [InlineData("train", "--help")]
    [InlineData("status")]
    [InlineData("status", "--json")]
    [InlineData("train", "emoji")]
    [InlineData("train", "emoji", "--json")]
    [InlineData("search", "emoji", "cat", "--json")]
    [InlineData("api-keys", "create", "--name", "app", "--json")]
    public async Task A_result_that_cannot_be_printed_is_one_sentence(params string[] args)
    {
        using var full = new FullWriter();
        var result = await new CliTester { Client = _client, Home = _folder.Path, Out = full }.Run(args);
        Assert.Equal(1, result.Code);
        Assert.Equal($"The result cannot be written to standard output: {Full}. Give it somewhere to go, then run the same command again.", result.Error.Trim().Split('\n')[^1]);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "train", "emoji")]
    [InlineData(0, "extract", "emoji", "use-lite", "--json")]
    [InlineData(1, "eval", "nothing")]
    [InlineData(2, "serach")]
    public async Task Words_on_the_way_that_cannot_be_printed_change_nothing(int code, params string[] args)
    {
        using var full = new FullWriter();
        Assert.Equal(code, (await new CliTester { Client = _client, Home = _folder.Path, Error = full }.Run(args)).Code);
        Assert.Equal(code, (await new CliTester { Client = _client, Home = _folder.Path, Error = full, ErrorIsTerminal = true }.Run(args)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Progress_that_cannot_be_printed_does_not_end_a_training(bool isTerminal)
    {
        using var full = new FullWriter();
        using var stop = new CancellationTokenSource();
        var clock = new ManualTimeProvider();
        var client = new FakeClient
        {
            StandsStill = () =>
            {
                // Whoever draws does so now, on a thread where nobody catches anything.
                clock.Advance(TimeSpan.FromSeconds(10));
                stop.Cancel();
            },
        };
        var result = await new CliTester { Client = client, Home = _folder.Path, Error = full, ErrorIsTerminal = isTerminal, Clock = clock, Stop = stop.Token }.Run("train", "emoji");
        Assert.Equal(130, result.Code);
        Assert.Equal($"cancel {client.Submitted.Single().JobId}", client.Commands.Single());
    }

    [Fact]
    public async Task Nor_do_both_at_once()
    {
        using var full = new FullWriter();
        Assert.Equal(1, (await new CliTester { Client = _client, Home = _folder.Path, Out = full, Error = full }.Run("status", "--json")).Code);
    }

    /// <summary>A terminal that has gone, or a file on a disk that is full.</summary>
    private sealed class FullWriter : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value) => throw new IOException(Full);

        public override void Write(string? value) => throw new IOException(Full);

        public override void WriteLine(string? value) => throw new IOException(Full);

        public override void Flush() => throw new IOException(Full);
    }
}
