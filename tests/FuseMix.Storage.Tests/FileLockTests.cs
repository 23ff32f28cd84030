using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

public sealed class FileLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Only_one_owner_holds_a_lock_and_the_next_one_is_told_who()
    {
        using var first = FileLock.TryAcquire(_folder["a/lock"]);
        Assert.NotNull(first);
        Assert.Null(FileLock.TryAcquire(_folder["a/lock"]));
        var refused = Assert.Throws<FuseMixException>(() => FileLock.Acquire(_folder["a/lock"], "The dataset", TimeSpan.Zero));
        Assert.Equal(FailureKind.Conflict, refused.Kind);
        Assert.StartsWith("The dataset is in use by process " + Environment.ProcessId, refused.Message);
    }

    [Fact]
    public void A_released_lock_can_be_taken_again()
    {
        FileLock.Acquire(_folder["lock"], "It", TimeSpan.Zero).Dispose();
        using var again = FileLock.Acquire(_folder["lock"], "It", TimeSpan.Zero);
        Assert.NotNull(again);
    }

    [Fact]
    public void Waiting_for_a_lock_can_be_cancelled()
    {
        using var held = FileLock.TryAcquire(_folder["lock"]);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => FileLock.Acquire(_folder["lock"], "It", TimeSpan.FromHours(1), cancellation.Token));
    }

    [Fact]
    public void Eight_threads_never_hold_a_lock_together()
    {
        var inside = 0;
        var rounds = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            for (var i = 0; i < 20; i++)
            {
                using var held = FileLock.Acquire(_folder["lock"], "It", TimeSpan.FromMinutes(1));
                Assert.Equal(1, Interlocked.Increment(ref inside));
                rounds++;
                Interlocked.Decrement(ref inside);
            }
        });
        Assert.Equal(160, rounds);
    }

    [Fact]
    public void A_folder_in_the_place_of_the_lock_is_not_taken_for_another_owner()
    {
        Directory.CreateDirectory(_folder["lock"]);
        Assert.Throws<UnauthorizedAccessException>(() => FileLock.TryAcquire(_folder["lock"]));
    }
}
