using System.Globalization;
using FuseMix.Storage;

namespace FuseMix.Grains.Training;

/// <summary>Sees to it that of two trainers, of which one only believes to be the trainer still, at most one writes.</summary>
/// <remarks>
/// Membership can be wrong for a while: a stalled node is declared dead, its trainer placed anew, and then it wakes up. So each
/// activation takes the next epoch from the shared storage, and every write happens under a lock, after a look at the epoch.
/// </remarks>
internal sealed class TrainerFence
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly string _path;
    private readonly long _epoch;

    private readonly Action? _lost;

    private TrainerFence(string path, long epoch, Action? lost) => (_path, _epoch, _lost) = (path, epoch, lost);

    /// <summary>Whether a write was refused because another trainer has taken over.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Takes the next epoch; from now on whoever held an earlier one cannot write.</summary>
    /// <param name="home">Where the epoch stands.</param>
    /// <param name="lost">Told of every write that is refused.</param>
    public static TrainerFence Claim(FuseMixHome home, Action? lost = null)
    {
        var path = Path.Combine(home.Runs, "trainer.epoch");
        using var held = FileLock.Acquire($"{path}.lock", "The trainer's epoch", Patience);
        var epoch = Read(path) + 1;
        AtomicFile.WriteText(path, epoch.ToString(CultureInfo.InvariantCulture));
        return new TrainerFence(path, epoch, lost);
    }

    /// <summary>Writes, unless another trainer has taken over.</summary>
    /// <exception cref="FuseMixException">Another trainer has taken over: stop, and write nothing more.</exception>
    public void Write(Action write)
    {
        using var held = FileLock.Acquire($"{_path}.lock", "The trainer's epoch", Patience);
        var current = Read(_path);
        if (current != _epoch)
        {
            IsLost = true;
            _lost?.Invoke();
            throw new FuseMixException(
                FailureKind.Conflict, $"Another trainer has taken over (epoch {current}; this one has {_epoch}).", "Nothing was written; it goes on with the job.");
        }

        write();
    }

    private static long Read(string path) => File.Exists(path) ? long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture) : 0;
}
