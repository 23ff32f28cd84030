using FuseMix.Cli.CommandLine;

namespace FuseMix.Cli.Tests.CommandLine;

public sealed class InterruptsTests
{
    [Fact]
    public async Task The_first_asks_to_stop_and_the_second_ends_at_once()
    {
        var codes = new List<int>();
        using var error = new StringWriter();
        using var interrupts = new Interrupts(error, codes.Add);
        interrupts.Interrupt();
        await Task.Delay(Timeout.Infinite, interrupts.Token).ContinueWith(t => Assert.True(t.IsCanceled), TaskScheduler.Default);
        Assert.Empty(codes);
        Assert.Contains("Ctrl-C once more ends it at once.", error.ToString(), StringComparison.Ordinal);
        interrupts.Interrupt();
        Assert.Equal([130], codes);
    }
}
