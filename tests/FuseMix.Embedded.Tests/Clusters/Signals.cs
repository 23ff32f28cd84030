using System.Collections.Concurrent;

namespace FuseMix.Embedded.Tests.Clusters;

/// <summary>Signals between tests and grains, by name: every node of either runtime is in the test's process.</summary>
public static class Signals
{
    private static readonly ConcurrentDictionary<string, TaskCompletionSource<string>> Sources = new();

    public static void Set(string name, string value = "") => Source(name).TrySetResult(value);

    /// <summary>Waits for a signal; a test that waits for long has failed.</summary>
    public static Task<string> Get(string name) => Source(name).Task.WaitAsync(TimeSpan.FromSeconds(30));

    public static bool IsSet(string name) => Source(name).Task.IsCompleted;

    private static TaskCompletionSource<string> Source(string name) =>
        Sources.GetOrAdd(name, _ => new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously));
}
