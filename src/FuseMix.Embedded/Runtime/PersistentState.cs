using System.Runtime.CompilerServices;
using Orleans.Storage;

namespace Orleans.Runtime;

/// <summary>A persistent state of any type, read before its grain is activated.</summary>
internal interface IPersistentStateCell
{
    Task ReadStateAsync();
}

/// <summary>The empty state of a grain that has stored none.</summary>
internal static class NewState
{
    public static T Of<T>() => typeof(T).GetConstructor(Type.EmptyTypes) is not null
        ? Activator.CreateInstance<T>()
        : typeof(T).IsValueType || typeof(T) == typeof(string) || typeof(T).IsArray
            ? default!
            : (T)RuntimeHelpers.GetUninitializedObject(typeof(T));
}

/// <summary>A grain's stored state; its operations run one after another.</summary>
internal sealed class PersistentState<TState>(string name, GrainId id, IGrainStorage storage) : IPersistentState<TState>, IPersistentStateCell
{
    private readonly GrainState<TState> _state = new(NewState.Of<TState>());
    private Task _last = Task.CompletedTask;
    private bool _isRead;

    public TState State
    {
        get
        {
            RequireTurn();
            return _state.State!;
        }

        set
        {
            RequireTurn();
            _state.State = value;
        }
    }

    public string? Etag => _state.ETag;

    public bool RecordExists => _isRead ? _state.RecordExists : throw new InvalidOperationException("State has not yet been loaded");

    public Task ReadStateAsync() => ReadStateAsync(CancellationToken.None);

    public Task WriteStateAsync() => WriteStateAsync(CancellationToken.None);

    public Task ClearStateAsync() => ClearStateAsync(CancellationToken.None);

    public Task ReadStateAsync(CancellationToken cancellationToken) => InTurn("ReadStateAsync", async () =>
    {
        await storage.ReadStateAsync(name, id, _state, cancellationToken);
        _isRead = true;
    });

    public Task WriteStateAsync(CancellationToken cancellationToken) =>
        InTurn("WriteStateAsync", () => storage.WriteStateAsync(name, id, _state, cancellationToken));

    public Task ClearStateAsync(CancellationToken cancellationToken) =>
        InTurn("ClearStateAsync", () => storage.ClearStateAsync(name, id, _state, cancellationToken));

    private static void RequireTurn()
    {
        if (RuntimeContext.Activation is null)
        {
            throw new InvalidOperationException(
                "Activation access violation. A non-activation thread attempted to access activation services.");
        }
    }

    private Task InTurn(string operation, Func<Task> work)
    {
        RequireTurn();
        return _last = After(_last);

        async Task After(Task previous)
        {
            await previous.ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await work();
            }
            catch (OperationCanceledException)
            {
                throw;
            }
            catch (Exception failure) when (failure is not OrleansException)
            {
                throw new OrleansException(
                    $"Error from storage provider {storage.GetType().Name}.{name} during {operation} for grain {id}: {failure.Message}", failure);
            }
        }
    }
}
