using System.Globalization;
using FuseMix.Storage;

namespace FuseMix.Hosting;

/// <summary>That this process alone runs a node in a home folder: two would push each other's trainer out. Ends with the process, however
/// that ends.</summary>
public sealed class HomeOwnership : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private readonly FuseMixHome _home;
    private readonly FileLock _lock;

    private HomeOwnership(FuseMixHome home, FileLock held) => (_home, _lock) = (home, held);

    /// <summary>Takes a home; null where another process has it.</summary>
    /// <exception cref="FuseMixException">The home folder cannot be written to.</exception>
    public static HomeOwnership? TryTake(FuseMixHome home)
    {
        if (FileLock.TryAcquire(LockOf(home.EnsureWritable())) is not { } held) return null;
        var ownership = new HomeOwnership(home, held);

        // Whoever announced himself here was killed, and whoever wanted him asks again.
        ownership.Withdraw();
        return ownership;
    }

    /// <summary>Asks whoever has a home to say where its node answers. For as long as that is wanted, it is to be called again and again:
    /// the one who was asked may end, and the next one does not know.</summary>
    public static void AskForAnnouncement(FuseMixHome home)
    {
        try
        {
            if (!File.Exists(WantedIn(home))) File.WriteAllBytes(WantedIn(home), []);
        }
        catch (IOException)
        {
            // Somebody else asks at the same moment.
        }
    }

    /// <summary>Whether another process has asked where the node answers.</summary>
    public bool IsWanted => File.Exists(WantedIn(_home));

    /// <summary>Takes a home for a node that is to stay, waiting for whoever has it to end.</summary>
    /// <param name="home">The home folder.</param>
    /// <param name="patience">How long to wait for one who does not serve there.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="FuseMixException">Another node serves there, or another process has it for longer than that.</exception>
    public static async Task<HomeOwnership> TakeAsync(FuseMixHome home, TimeSpan patience, CancellationToken cancellationToken = default)
    {
        for (var waited = TimeSpan.Zero; ; waited += Poll)
        {
            if (TryTake(home) is { } taken) return taken;
            if (NodeAnnouncement.Read(home) is { } node)
            {
                throw new FuseMixException(
                    FailureKind.Conflict,
                    $"The home folder '{home.Root}' is in use by {node.Process}, which serves it at "
                        + $"{node.Url.GetLeftPart(UriPartial.Authority)} since {Of(node.Since)}.",
                    $"Use that node, or stop it (kill {node.ProcessId}), then try again.");
            }

            if (waited >= patience) throw InUse(home);
            AskForAnnouncement(home);
            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <summary>Why a home cannot be used whose owner does not say where he serves.</summary>
    public static FuseMixException InUse(FuseMixHome home) => new(
        FailureKind.Conflict,
        $"The home folder '{home.Root}' is in use by {OwnerOf(home)}, which does not say where its node answers.",
        "Wait until it has ended, or stop it, then try again.");

    /// <summary>Who has a home and since when, for messages.</summary>
    public static string OwnerOf(FuseMixHome home) => FileLock.Owner(LockOf(home)) is { } owner
        ? $"{owner} since {Of(File.GetLastWriteTimeUtc($"{LockOf(home)}.owner"))}"
        : "another process";

    /// <summary>Tells other processes where the node answers.</summary>
    /// <param name="url">The HTTP API, reached from this machine.</param>
    /// <param name="program">What the user started, e.g. <c>fusemix serve</c>.</param>
    /// <param name="key">The key that lets them in, where only those may come who can read the announcement.</param>
    public void Announce(Uri url, string program, string? key = null) => NodeAnnouncement.Of(url, program, key).Write(_home);

    /// <summary>Sends other processes to the node no more: the first step of its ending.</summary>
    public void Withdraw()
    {
        File.Delete(NodeAnnouncement.FileOf(_home));
        File.Delete(WantedIn(_home));
    }

    /// <summary>Gives the home free.</summary>
    public void Dispose()
    {
        Withdraw();
        _lock.Dispose();
    }

    private static string Of(DateTimeOffset time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    private static string WantedIn(FuseMixHome home) => Path.Combine(home.State, "node.wanted");

    private static string LockOf(FuseMixHome home) => Path.Combine(home.State, "node.lock");
}
