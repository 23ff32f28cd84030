using FuseMix.Cli.Tests;
using FuseMix.Testing;

[assembly: AssemblyFixture(typeof(TestHome))]

namespace FuseMix.Cli.Tests;

/// <summary>Home folders that can be written to, a fresh one for each who asks; all are deleted when the tests are over.</summary>
/// <remarks>A fixture does that in the run: what the exit of the process takes longer for than a second, the runner takes for a thread left
/// behind.</remarks>
public sealed class TestHome : IDisposable
{
    private static readonly Lazy<TemporaryFolder> All = new();

    public static string Path => Directory.CreateDirectory(All.Value[$"{Guid.NewGuid():N}"]).FullName;

    public void Dispose()
    {
        if (All.IsValueCreated) All.Value.Dispose();
    }
}
