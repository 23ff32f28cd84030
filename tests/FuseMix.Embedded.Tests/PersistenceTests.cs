using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FuseMix.Embedded.Tests;

public sealed class PersistenceTests(SharedCluster cluster)
{
    private readonly string _key = Guid.NewGuid().ToString();

    private IStateGrain Grain => cluster.Client.GetGrain<IStateGrain>(_key);

    [Fact]
    public async Task State_outlives_its_activation_in_every_storage()
    {
        await Grain.Set("one", "two");
        await Grain.End();
        Assert.Equal(("one", "two", true), await Grain.Get());
    }

    [Fact]
    public async Task A_new_grain_has_an_empty_state_and_no_record() =>
        Assert.Equal((null, null, false), await Grain.Get());

    [Fact]
    public async Task What_was_not_written_is_lost_with_the_activation()
    {
        await Grain.Set("one", "two");
        await Grain.SetWithoutWriting("other");
        await Grain.End();
        Assert.Equal("one", (await Grain.Get()).Shared);
    }

    [Fact]
    public async Task Each_write_gives_a_new_version()
    {
        await Grain.Set("1", "");
        var first = await Grain.Etag();
        await Grain.Set("2", "");
        Assert.NotNull(first);
        Assert.NotEqual(first, await Grain.Etag());
    }

    [Fact]
    public async Task Clearing_removes_the_record_and_empties_the_state()
    {
        await Grain.Set("one", "two");
        await Grain.Clear();
        Assert.Equal((null, null, false), await Grain.Get());
        await Grain.End();
        Assert.Equal((null, null, false), await Grain.Get());
    }

    [Fact]
    public async Task A_conflict_reaches_the_caller_and_ends_the_activation_that_lost()
    {
        await Grain.Set("mine", "");
        SharedStorage.Instance.Overwrite("shared-state", Grain.GetGrainId(), """{"Text":"theirs"}""");
        await Assert.ThrowsAsync<InconsistentStateException>(() => Grain.Set("mine again", ""));
        Assert.Equal("theirs", (await Grain.Get()).Shared);
    }

    [Fact]
    public async Task A_conflict_that_the_grain_handles_does_not_end_it()
    {
        var first = await Grain.Activation();
        await Grain.Set("mine", "");
        SharedStorage.Instance.Overwrite("shared-state", Grain.GetGrainId(), """{"Text":"theirs"}""");
        Assert.Equal("theirs", await Grain.SetOrReadAgain("mine again"));
        Assert.Equal(first, await Grain.Activation());
    }

    [Fact]
    public async Task A_failing_storage_is_named_and_its_failure_is_the_cause()
    {
        await Grain.Set("one", "");
        SharedStorage.Instance.Failures[_key] = new FuseMixException(FailureKind.Unavailable, "The disk is full.", "Free some space.");
        var failure = await Assert.ThrowsAsync<OrleansException>(() => Grain.Set("two", ""));
        Assert.Contains(nameof(SharedStorage), failure.Message);
        Assert.Equal("Free some space.", Assert.IsType<FuseMixException>(failure.InnerException).Remedy);
        SharedStorage.Instance.Failures.TryRemove(_key, out _);
        await Grain.Set("three", "");
    }

    [Fact]
    public async Task A_grain_whose_state_cannot_be_read_fails_its_calls()
    {
        SharedStorage.Instance.Failures[_key] = new FuseMixException(FailureKind.Corrupt, "Damaged.");
        var failure = await Assert.ThrowsAsync<OrleansException>(() => Grain.Get());
        Assert.IsType<FuseMixException>(failure.InnerException);
        SharedStorage.Instance.Failures.TryRemove(_key, out _);
        Assert.Equal((null, null, false), await Grain.Get());
    }

    [Fact]
    public async Task A_storage_that_is_not_configured_is_named() =>
        Assert.Contains("\"nowhere\"", (await Assert.ThrowsAsync<InvalidOperationException>(
            () => cluster.Client.GetGrain<IHomelessGrain>(_key).Hello())).ToString());

    [Fact]
    public async Task State_is_not_for_code_outside_of_a_turn() =>
        Assert.Equal(nameof(InvalidOperationException), await Grain.ReadOffTurn());
}

[GenerateSerializer]
public sealed class NamedState
{
    [Id(0)]
    public string? Text { get; set; }
}

public interface IStateGrain : IGrainWithStringKey
{
    Task Set(string shared, string memory);

    Task SetWithoutWriting(string shared);

    Task<string> SetOrReadAgain(string shared);

    Task<(string? Shared, string? Memory, bool Exists)> Get();

    Task<string?> Etag();

    Task<Guid> Activation();

    Task Clear();

    Task End();

    Task<string> ReadOffTurn();
}

public sealed class StateGrain(
    [PersistentState("shared-state", SharedStorage.Name)] IPersistentState<NamedState> shared,
    [PersistentState("memory-state", "memory")] IPersistentState<NamedState> memory) : Grain, IStateGrain
{
    private readonly Guid _activation = Guid.NewGuid();

    public async Task Set(string first, string second)
    {
        shared.State.Text = first;
        memory.State.Text = second;
        await shared.WriteStateAsync();
        await memory.WriteStateAsync();
    }

    public Task SetWithoutWriting(string first)
    {
        shared.State.Text = first;
        return Task.CompletedTask;
    }

    public async Task<string> SetOrReadAgain(string first)
    {
        shared.State.Text = first;
        try
        {
            await shared.WriteStateAsync();
        }
        catch (InconsistentStateException)
        {
            await shared.ReadStateAsync();
        }

        return shared.State.Text!;
    }

    public Task<(string? Shared, string? Memory, bool Exists)> Get() =>
        Task.FromResult((shared.State.Text, memory.State.Text, shared.RecordExists));

    public Task<string?> Etag() => Task.FromResult(shared.Etag);

    public Task<Guid> Activation() => Task.FromResult(_activation);

    public async Task Clear()
    {
        await shared.ClearStateAsync();
        await memory.ClearStateAsync();
    }

    public Task End()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public async Task<string> ReadOffTurn()
    {
        try
        {
            return await Task.Run(() => shared.State.Text!);
        }
        catch (Exception failure)
        {
            return failure.GetType().Name;
        }
    }
}

public interface IHomelessGrain : IGrainWithStringKey
{
    Task Hello();
}

public sealed class HomelessGrain([PersistentState("state", "nowhere")] IPersistentState<NamedState> state) : Grain, IHomelessGrain
{
    public Task Hello() => Task.FromResult(state.State);
}
