using FuseMix.Silo.Health;
using FuseMix.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FuseMix.Silo.Tests.Health;

public sealed class RememberedCheckTests
{
    private readonly ManualTimeProvider _clock = new();
    private int _made;

    [Fact]
    public async Task It_is_made_once_for_all_who_ask_within_its_time()
    {
        var check = Of(() => Task.CompletedTask);
        for (var i = 0; i < 5; i++) Assert.Equal(HealthStatus.Healthy, (await Ask(check)).Status);
        Assert.Equal(1, _made);
        _clock.Advance(RememberedCheck.Keep);
        await Ask(check);
        Assert.Equal(2, _made);
    }

    [Fact]
    public async Task A_failure_is_remembered_no_longer_than_a_success_and_told_in_other_words()
    {
        var isDown = true;
        var check = Of(() => isDown ? Task.FromException(new IOException("/secret/path is full")) : Task.CompletedTask);
        var failed = await Ask(check);
        Assert.Equal((HealthStatus.Unhealthy, "it does not work"), (failed.Status, failed.Description));
        Assert.IsType<IOException>(failed.Exception);
        isDown = false;
        Assert.Equal(HealthStatus.Unhealthy, (await Ask(check)).Status);
        _clock.Advance(RememberedCheck.Keep);
        Assert.Equal(HealthStatus.Healthy, (await Ask(check)).Status);
    }

    [Fact]
    public async Task One_that_hangs_is_not_made_again_beside_itself_and_nobody_need_wait_for_it()
    {
        var hangs = new TaskCompletionSource();
        var check = Of(() => hangs.Task);
        using var impatient = new CancellationTokenSource();
        var (first, second) = (Ask(check, impatient.Token), Ask(check));
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        _clock.Advance(RememberedCheck.Keep * 10);
        var third = Ask(check);
        hangs.SetResult();
        Assert.Equal(HealthStatus.Healthy, (await second).Status);
        Assert.Equal(HealthStatus.Healthy, (await third).Status);
        Assert.Equal(1, _made);
    }

    private RememberedCheck Of(Func<Task> check) => new(
        async () =>
        {
            Interlocked.Increment(ref _made);
            await check();
            return HealthCheckResult.Healthy();
        },
        "it does not work",
        _clock);

    private static Task<HealthCheckResult> Ask(RememberedCheck check, CancellationToken cancellationToken = default) =>
        check.CheckHealthAsync(new HealthCheckContext(), cancellationToken);
}
