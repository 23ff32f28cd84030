using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Threading;

public sealed class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Every_part_of_every_loop_runs_exactly_once(int threads)
    {
        using var team = new ThreadTeam(threads);
        for (var loop = 0; loop < 2_000; loop++)
        {
            var runs = new int[loop % 37];
            team.For(runs.Length, part => Interlocked.Increment(ref runs[part]));
            Assert.All(runs, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Each_worker_stays_on_a_core_of_its_own_where_there_is_one_for_each_thread()
    {
        var allowed = CoreAffinity.Allowed();
        if (allowed.Length < 2) Assert.Skip("There are no two cores whose threads can be kept apart.");
        var threads = Math.Min(allowed.Length, 4);
        Assert.Equal(allowed[1..threads].Select(core => $"{core}"), Workers(threads).OrderBy(int.Parse));
        Assert.Equal(allowed.Length, Workers(allowed.Length + 1)[0].Split(' ').Length);
        Assert.Equal(allowed, CoreAffinity.Allowed());

        static string[] Workers(int threads)
        {
            using var team = new ThreadTeam(threads);
            var caller = Environment.CurrentManagedThreadId;
            var seen = new System.Collections.Concurrent.ConcurrentDictionary<int, string>();
            using var all = new Barrier(threads);
            team.For(threads, _ =>
            {
                // Nobody takes a second part before everybody has one.
                all.SignalAndWait();
                if (Environment.CurrentManagedThreadId != caller)
                    seen[Environment.CurrentManagedThreadId] = string.Join(' ', CoreAffinity.Allowed());
            });
            return [.. seen.Values];
        }
    }

    [Fact]
    public void A_core_that_is_not_there_is_not_stayed_on() => Assert.False(CoreAffinity.Pin(4095));

    [Fact]
    public void What_a_loop_wrote_is_seen_by_the_next_one()
    {
        using var team = new ThreadTeam(3);
        var values = new long[64];
        for (var loop = 0; loop < 500; loop++) team.For(64, part => values[part] = values[(part + 1) % 64] >= 0 ? loop : -1);
        Assert.All(values, value => Assert.Equal(499, value));
    }

    [Fact]
    public void A_failing_part_fails_the_loop_and_the_team_goes_on()
    {
        using var team = new ThreadTeam(3);
        for (var i = 0; i < 50; i++)
        {
            var failure = Assert.Throws<InvalidOperationException>(() => team.For(100, part =>
            {
                if (part == 13) throw new InvalidOperationException("part 13");
            }));
            Assert.Equal("part 13", failure.Message);
        }

        var ran = 0;
        team.For(10, _ => Interlocked.Increment(ref ran));
        Assert.Equal(10, ran);
    }

    [Fact]
    public void A_team_that_has_slept_wakes_for_the_next_loop()
    {
        using var team = new ThreadTeam(2);
        using var both = new Barrier(2);

        // Both threads must be in the loop at once for the barrier to open, so this ends only if the worker wakes.
        for (var i = 0; i < 3; i++)
        {
            Assert.True(SpinWait.SpinUntil(() => team.Sleeping == 1, TimeSpan.FromSeconds(30)));
            team.For(2, _ => Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(30))));
        }
    }
}
