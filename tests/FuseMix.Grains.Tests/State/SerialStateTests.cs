using FuseMix.Grains.State;
using FuseMix.Testing.Clusters;
using Orleans.Runtime;

namespace FuseMix.Grains.Tests.State;

public sealed class SerialStateTests
{
    private readonly SlowState _stored = new();

    [Fact]
    public async Task A_change_is_made_and_written()
    {
        var state = new SerialState<List<int>>(_stored);
        Assert.True(await Written(state.Change(list => Add(list, 1))));
        Assert.Equal([1], state.Value);
        Assert.Equal(["1"], _stored.Writes);
    }

    [Fact]
    public async Task A_change_that_answers_false_is_not_written()
    {
        var state = new SerialState<List<int>>(_stored);
        Assert.False(await state.Change(_ => false));
        Assert.Empty(_stored.Writes);
    }

    [Fact]
    public async Task The_next_change_waits_until_the_last_one_is_written()
    {
        var state = new SerialState<List<int>>(_stored);
        var first = state.Change(list => Add(list, 1));
        var second = state.Change(list => Add(list, 2));
        Assert.Equal([1], state.Value);
        Assert.False(second.IsCompleted);
        _stored.Finish();
        await first;
        await Written(second);
        Assert.Equal(["1", "1,2"], _stored.Writes);
    }

    [Fact]
    public async Task A_change_that_could_not_be_written_is_taken_back_and_the_next_one_gets_its_turn()
    {
        var state = new SerialState<List<int>>(_stored);
        var first = state.Change(list => Add(list, 1), undo: list => list.Remove(1));
        var second = state.Change(list => Add(list, 2));
        _stored.Finish(new IOException("The storage is down."));
        Assert.Equal("The storage is down.", (await Assert.ThrowsAsync<IOException>(() => first)).Message);
        await Written(second);
        Assert.Equal([2], state.Value);
        Assert.Equal("2", _stored.Writes[^1]);
    }

    [Fact]
    public async Task A_change_that_fails_itself_lets_the_next_one_in()
    {
        var state = new SerialState<List<int>>(_stored);
        await Assert.ThrowsAsync<InvalidOperationException>(() => state.Change(_ => throw new InvalidOperationException()));
        Assert.True(await Written(state.Change(list => Add(list, 1))));
    }

    private static bool Add(List<int> list, int value)
    {
        list.Add(value);
        return true;
    }

    private async Task<bool> Written(Task<bool> change)
    {
        await _stored.Writing;
        _stored.Finish();
        return await change;
    }

    /// <summary>A state whose writes end when the test says so.</summary>
    private sealed class SlowState : IPersistentState<List<int>>
    {
        private TaskCompletionSource _writing = New();
        private TaskCompletionSource _written = New();

        public List<int> State { get; set; } = [];

        public string? Etag => null;

        public bool RecordExists => true;

        public List<string> Writes { get; } = [];

        /// <summary>Completes when a write is under way.</summary>
        public Task Writing => _writing.Task.WaitAsync(Patience.Long);

        public void Finish(Exception? failure = null)
        {
            var written = _written;
            (_writing, _written) = (New(), New());
            if (failure is null) written.SetResult();
            else written.SetException(failure);
        }

        public Task WriteStateAsync()
        {
            Writes.Add(string.Join(',', State));
            _writing.SetResult();
            return _written.Task;
        }

        public Task ReadStateAsync() => throw new NotSupportedException();

        public Task ClearStateAsync() => throw new NotSupportedException();

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
