using Orleans.Runtime;

namespace FuseMix.Grains.State;

/// <summary>Changes a grain's persistent state one change at a time, where interleaved calls and background work would otherwise write
/// over one another's ETag.</summary>
internal sealed class SerialState<T>(IPersistentState<T> state)
{
    private readonly SemaphoreSlim _gate = new(1);

    /// <summary>The state as last changed.</summary>
    public T Value => state.State;

    /// <summary>Applies a change and makes it durable; a change that answers false is not written.</summary>
    /// <param name="change">Changes the state.</param>
    /// <param name="undo">Takes the change back where it could not be written, so that what is in memory stays what is stored.</param>
    /// <returns>What the change answered.</returns>
    public async Task<bool> Change(Func<T, bool> change, Action<T>? undo = null)
    {
        await _gate.WaitAsync();
        try
        {
            if (!change(state.State)) return false;
            try
            {
                await state.WriteStateAsync();
            }
            catch
            {
                undo?.Invoke(state.State);
                throw;
            }

            return true;
        }
        finally
        {
            _gate.Release();
        }
    }
}
