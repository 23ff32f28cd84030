using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Serialization;
using Strange;

namespace FuseMix.Embedded.Tests
{
    public sealed class FailureTests(SharedCluster cluster)
    {
        private IFailureGrain Grain => cluster.Client.GetGrain<IFailureGrain>(Guid.NewGuid().ToString());

        [Fact]
        public async Task An_exception_arrives_with_type_and_words()
        {
            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => Grain.Fail("invalid"));
            Assert.Equal("Not now.", failure.Message);
        }

        [Fact]
        public async Task Causes_arrive_too()
        {
            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => Grain.Fail("caused"));
            Assert.Equal("The cause.", Assert.IsType<FormatException>(failure.InnerException).Message);
        }

        [Fact]
        public async Task A_failure_that_users_can_act_on_arrives_with_kind_and_remedy()
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(() => Grain.Fail("fusemix"));
            Assert.Equal("There is no encoder named 'clop'.", failure.Message);
            Assert.Equal((FailureKind.NotFound, "Did you mean 'clip'?"), (failure.Kind, failure.Remedy));
        }

        [Fact]
        public async Task It_arrives_whole_through_other_grains()
        {
            var failure = await Assert.ThrowsAsync<FuseMixException>(() => Grain.FailVia(Grain, "fusemix"));
            Assert.Equal((FailureKind.NotFound, "Did you mean 'clip'?"), (failure.Kind, failure.Remedy));
        }

        [Fact]
        public async Task Data_of_simple_types_arrive()
        {
            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => Grain.Fail("data"));
            Assert.Equal((7, "seven"), (failure.Data["number"], failure.Data["word"]));
        }

        [Fact]
        public async Task Several_failures_at_once_arrive()
        {
            var failure = await Assert.ThrowsAsync<AggregateException>(() => Grain.Fail("several"));
            Assert.Equal([typeof(FormatException), typeof(FuseMixException)], failure.InnerExceptions.Select(e => e.GetType()));
        }

        [Fact]
        public async Task Numbered_members_of_a_marked_exception_arrive()
        {
            var failure = await Assert.ThrowsAsync<MarkedException>(() => Grain.Fail("marked"));
            Assert.Equal(("Marked.", 5), (failure.Message, failure.Number));
        }

        [Fact]
        public async Task An_exception_of_a_type_that_must_not_travel_is_refused_by_name()
        {
            var failure = await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.FailVia(Grain, "strange"));
            Assert.Contains(nameof(StrangeException), failure.Message);
        }

        [Fact]
        public async Task A_failing_call_leaves_the_grain_alive()
        {
            var grain = Grain;
            await Assert.ThrowsAsync<InvalidOperationException>(() => grain.Fail("invalid"));
            await grain.Fail("not at all");
        }

        [Fact]
        public async Task A_failure_before_the_first_await_is_no_different() =>
            await Assert.ThrowsAsync<InvalidOperationException>(() => Grain.FailAtOnce());
    }

    public interface IFailureGrain : IGrainWithStringKey
    {
        Task Fail(string how);

        Task FailAtOnce();

        Task FailVia(IFailureGrain other, string how);
    }

    public sealed class FailureGrain : Grain, IFailureGrain
    {
        public async Task Fail(string how)
        {
            await Task.Yield();
            var data = new InvalidOperationException("Data.") { Data = { ["number"] = 7, ["word"] = "seven" } };
            switch (how)
            {
                case "invalid": throw new InvalidOperationException("Not now.");
                case "caused": throw new InvalidOperationException("The effect.", new FormatException("The cause."));
                case "fusemix": throw FuseMixException.UnknownName("encoder", "clop", ["clip", "use-lite"]);
                case "data": throw data;
                case "several": throw new AggregateException(new FormatException("One."), new FuseMixException(FailureKind.Conflict, "Two."));
                case "marked": throw new MarkedException("Marked.") { Number = 5 };
                case "strange": throw new StrangeException("Strange indeed.");
            }
        }

        public Task FailAtOnce() => throw new InvalidOperationException("At once.");

        public Task FailVia(IFailureGrain other, string how) => other.Fail(how);
    }

    [GenerateSerializer]
    public sealed class MarkedException(string message) : Exception(message)
    {
        [Id(0)]
        public int Number { get; set; }
    }
}

namespace Strange
{
    public sealed class StrangeException(string message) : Exception(message);
}
