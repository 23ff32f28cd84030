using System.Diagnostics;

namespace FuseMix.Testing.Clusters;

/// <summary>How long a test waits for what must happen; only a failed test waits that long.</summary>
internal static class Patience
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    // Whoever asks without a pause takes the core that the answer needs.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Asks again, with a pause in between, until the answer is as wanted.</summary>
    public static async Task<T> Until<T>(Func<Task<T>> ask, Func<T, bool> wanted)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var answer = await ask();
            if (wanted(answer)) return answer;
            if (Stopwatch.GetElapsedTime(started) > Long) throw new TimeoutException($"It never came; the last answer was {answer}.");
            await Task.Delay(Pause);
        }
    }

    /// <summary>The elements up to and including the first one that is wanted, or to the end.</summary>
    public static async Task<List<T>> Read<T>(IAsyncEnumerable<T> sequence, Func<T, bool>? wanted = null, TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? Long);
        var read = new List<T>();
        await foreach (var element in sequence.WithCancellation(patience.Token))
        {
            read.Add(element);
            if (wanted?.Invoke(element) == true) break;
        }

        return read;
    }
}
