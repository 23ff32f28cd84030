using System.Diagnostics;
using System.Globalization;
using FuseMix.Storage;

namespace FuseMix.Grains.Training;

/// <summary>Sees to it that of two trainers, of which one only believes to be the trainer still, at most one writes.</summary>
/// <remarks>
/// <para>Membership can be wrong for a while: a stalled node is declared dead, its trainer placed anew, and then it wakes up. So each
/// activation puts an epoch of its own into the shared storage, and every write looks whether it is still there.</para>
/// <para>A write that is under way when the next trainer takes over is waited for, by a lock that each epoch has for itself; but not for
/// ever, since its process may have been stopped in its middle. That one write can still come later. It is whole, and of the same job,
/// whose every trainer computes the same; the one after it is refused.</para>
/// </remarks>
internal sealed class TrainerFence
{
    /// <summary>How long to wait for the write of a trainer that was given up: longer than a large checkpoint takes, far shorter than a
    /// training.</summary>
    private static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(10);

    private readonly string _path;
    private readonly string _mine;
    private readonly Action? _lost;

    private TrainerFence(string path, string mine, Action? lost) => (_path, _mine, _lost) = (path, mine, lost);

    /// <summary>Whether another trainer was seen to have taken over.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Whether the trainer before this one was in the middle of a write, and did not come to its end in time.</summary>
    public bool HasOvertaken { get; private set; }

    /// <summary>Takes the next epoch; from now on whoever held an earlier one cannot write.</summary>
    /// <param name="home">Where the epoch stands.</param>
    /// <param name="lost">Told of every write that is refused.</param>
    /// <param name="patience">How long to wait for a write that is under way; null for 10 s.</param>
    public static TrainerFence Claim(FuseMixHome home, Action? lost = null, TimeSpan? patience = null)
    {
        var path = Path.Combine(home.Runs, "trainer.epoch");

        // Of those who claim the same number at once, one is written last: what is random tells them apart.
        var mine = $"{NumberOf(Read(path)) + 1} {Guid.NewGuid():N}";
        AtomicFile.WriteText(path, mine);
        return new TrainerFence(path, mine, lost) { HasOvertaken = !WaitForWrites(path, LockOf(path, mine), patience ?? UsualPatience) };
    }

    /// <summary>Whether no other trainer has taken over, as one look tells: one may the moment after.</summary>
    public bool Holds()
    {
        IsLost = IsLost || Read(_path) != _mine;
        return !IsLost;
    }

    /// <summary>Writes, unless another trainer has taken over.</summary>
    /// <exception cref="FuseMixException">Another trainer has taken over: stop, and write nothing more.</exception>
    public void Write(Action write)
    {
        using var held = FileLock.Acquire(LockOf(_path, _mine), "The trainer's epoch", UsualPatience);
        var current = Read(_path);
        if (current != _mine)
        {
            IsLost = true;
            _lost?.Invoke();
            throw new FuseMixException(
                FailureKind.Conflict,
                $"Another trainer has taken over (epoch {NumberOf(current)}; this one has {NumberOf(_mine)}).",
                "Nothing was written; it goes on with the job.");
        }

        write();
    }

    /// <summary>Waits for the writes of others, and removes what is left of them.</summary>
    /// <returns>False where one did not come to its end.</returns>
    private static bool WaitForWrites(string path, string mine, TimeSpan patience)
    {
        var started = Stopwatch.GetTimestamp();
        var allEnded = true;
        foreach (var other in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.*.lock"))
        {
            if (other == mine) continue;
            try
            {
                var left = patience - Stopwatch.GetElapsedTime(started);
                using var ended = FileLock.Acquire(other, "The trainer's epoch", left > TimeSpan.Zero ? left : TimeSpan.Zero);

                // Whoever comes to write under it later finds another epoch.
                File.Delete($"{other}.owner");
                File.Delete(other);
            }
            catch (FuseMixException)
            {
                allEnded = false;
            }
        }

        return allEnded;
    }

    private static string LockOf(string path, string epoch) => $"{path}.{epoch.Replace(' ', '-')}.lock";

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path) : "0";

    private static long NumberOf(string epoch) => long.Parse(epoch.Split(' ')[0], CultureInfo.InvariantCulture);
}
