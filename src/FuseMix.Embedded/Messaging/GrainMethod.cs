using System.Collections.Concurrent;
using System.Reflection;
using Orleans.Concurrency;

namespace Orleans.Runtime;

/// <summary>What the runtime needs to know of a grain interface's method, found out once.</summary>
internal sealed class GrainMethod
{
    private static readonly ConcurrentDictionary<MethodInfo, GrainMethod> Known = new();

    private readonly MethodInvoker _invoker;

    private GrainMethod(MethodInfo method)
    {
        Method = method;
        _invoker = MethodInvoker.Create(method);
        var parameters = method.GetParameters();
        if (parameters.FirstOrDefault(p => p.ParameterType.IsByRef) is { } byReference)
            throw new OrleansConfigurationException($"{this}: parameter '{byReference.Name}' must not be passed by reference.");

        Adapter = ResultAdapter.For(method.ReturnType)
            ?? throw new OrleansConfigurationException(
                $"{this} returns {method.ReturnType}; grain methods return Task, Task<T>, ValueTask, ValueTask<T>, IAsyncEnumerable<T> or void.");
        TokenIndex = Array.FindIndex(parameters, p => p.ParameterType == typeof(CancellationToken));
        ParameterTypes = Array.ConvertAll(parameters, p => p.ParameterType);
        Immutable = Array.ConvertAll(parameters, p => p.IsDefined(typeof(ImmutableAttribute)));
        ImmutableResult = method.ReturnParameter.IsDefined(typeof(ImmutableAttribute));
        IsAlwaysInterleave = method.IsDefined(typeof(AlwaysInterleaveAttribute));
        IsReadOnly = method.IsDefined(typeof(ReadOnlyAttribute));
        IsOneWay = method.IsDefined(typeof(OneWayAttribute)) || method.ReturnType == typeof(void);
        Timeout = method.GetCustomAttribute<ResponseTimeoutAttribute>()?.Timeout;
    }

    public MethodInfo Method { get; }

    public ResultAdapter Adapter { get; }

    /// <summary>Which parameter is the cancellation token; -1 for none.</summary>
    public int TokenIndex { get; }

    public Type[] ParameterTypes { get; }

    public bool[] Immutable { get; }

    public bool ImmutableResult { get; }

    public bool IsAlwaysInterleave { get; }

    public bool IsReadOnly { get; }

    public bool IsOneWay { get; }

    public TimeSpan? Timeout { get; }

    public static GrainMethod Of(MethodInfo method) => Known.GetOrAdd(method, static m => new GrainMethod(m));

    /// <summary>Calls it and gives what it returned, not awaited.</summary>
    public object? Call(object grain, object?[] arguments) => _invoker.Invoke(grain, arguments.AsSpan());

    public override string ToString() => $"{Method.DeclaringType?.FullName}.{Method.Name}";
}

/// <summary>Goes between the return type of a method and an untyped task.</summary>
internal abstract class ResultAdapter
{
    /// <summary>What the awaited result is declared as.</summary>
    public Type ResultType { get; private init; } = typeof(object);

    /// <summary>Awaits what a grain's method returned.</summary>
    public abstract Task<object?> Await(object? returned);

    /// <summary>Gives a caller what its method returns.</summary>
    public abstract object? Return(Task<object?> reply);

    public static ResultAdapter? For(Type type)
    {
        if (type == typeof(Task)) return new OfTask();
        if (type == typeof(ValueTask)) return new OfValueTask();
        if (type == typeof(void)) return new OfVoid();
        if (!type.IsGenericType) return null;
        var adapter = type.GetGenericTypeDefinition() switch
        {
            var t when t == typeof(Task<>) => typeof(OfTask<>),
            var t when t == typeof(ValueTask<>) => typeof(OfValueTask<>),
            var t when t == typeof(IAsyncEnumerable<>) => typeof(OfAsyncEnumerable<>),
            _ => null,
        };
        return adapter is null ? null : (ResultAdapter)Activator.CreateInstance(adapter.MakeGenericType(type.GetGenericArguments()))!;
    }

    private static InvalidOperationException Null() => new("A grain method returned null instead of a task.");

    private sealed class OfTask : ResultAdapter
    {
        public override async Task<object?> Await(object? returned)
        {
            await (returned as Task ?? throw Null());
            return null;
        }

        public override object Return(Task<object?> reply) => reply;
    }

    private sealed class OfTask<T> : ResultAdapter
    {
        public OfTask() => ResultType = typeof(T);

        public override async Task<object?> Await(object? returned) => await (returned as Task<T> ?? throw Null());

        public override object Return(Task<object?> reply) => Typed(reply);

        public static async Task<T> Typed(Task<object?> reply) => (T)(await reply.ConfigureAwait(false))!;
    }

    private sealed class OfValueTask : ResultAdapter
    {
        public override async Task<object?> Await(object? returned)
        {
            await (ValueTask)returned!;
            return null;
        }

        public override object Return(Task<object?> reply) => new ValueTask(reply);
    }

    private sealed class OfValueTask<T> : ResultAdapter
    {
        public OfValueTask() => ResultType = typeof(T);

        public override async Task<object?> Await(object? returned) => await (ValueTask<T>)returned!;

        public override object Return(Task<object?> reply) => new ValueTask<T>(OfTask<T>.Typed(reply));
    }

    private sealed class OfVoid : ResultAdapter
    {
        public override Task<object?> Await(object? returned) => Task.FromResult<object?>(null);

        public override object? Return(Task<object?> reply) => null;
    }

    private sealed class OfAsyncEnumerable<T> : EnumerableAdapter
    {
        public override object CreateSequence(GrainReference target, GrainMethod method, object?[] arguments) =>
            new RemoteSequence<T>(target, method, arguments);

        public override IEnumeration Enumerate(object sequence, CancellationToken cancellationToken) =>
            new Enumeration<T>(((IAsyncEnumerable<T>)sequence).GetAsyncEnumerator(cancellationToken));
    }
}

/// <summary>The adapter of methods that give a sequence: nothing is sent until the caller enumerates it.</summary>
internal abstract class EnumerableAdapter : ResultAdapter
{
    public abstract object CreateSequence(GrainReference target, GrainMethod method, object?[] arguments);

    public abstract IEnumeration Enumerate(object sequence, CancellationToken cancellationToken);

    public override Task<object?> Await(object? returned) => throw new NotSupportedException("Sequences are enumerated, not awaited.");

    public override object Return(Task<object?> reply) => throw new NotSupportedException("Sequences are enumerated, not awaited.");
}
