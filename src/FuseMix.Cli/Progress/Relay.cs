namespace FuseMix.Cli.Progress;

/// <summary>Hands reports on at once, on the thread that makes them; <see cref="Progress{T}"/> would let them overtake each
/// other.</summary>
internal sealed class Relay<T>(Action<T> handler) : IProgress<T>
{
    public void Report(T value) => handler(value);
}
