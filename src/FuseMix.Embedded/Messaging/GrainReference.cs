using System.Reflection;

namespace Orleans.Runtime;

/// <summary>A reference to a grain: the interface's methods send messages to it.</summary>
public class GrainReference : DispatchProxy, IAddressable
{
    internal GrainFactory Factory { get; private set; } = null!;

    internal Type InterfaceType { get; private set; } = null!;

    /// <summary>The identity of the grain.</summary>
    public GrainId GrainId { get; private set; }

    internal static GrainReference Create(GrainFactory factory, GrainId id, Type interfaceType)
    {
        var reference = (GrainReference)Create(interfaceType, typeof(GrainReference));
        (reference.Factory, reference.GrainId, reference.InterfaceType) = (factory, id, interfaceType);
        return reference;
    }

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is GrainReference other && other.GrainId == GrainId;

    /// <inheritdoc />
    public override int GetHashCode() => GrainId.GetHashCode();

    /// <inheritdoc />
    public override string ToString() => $"GrainReference:{GrainId}";

    /// <inheritdoc />
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var method = GrainMethod.Of(targetMethod!);
        args ??= [];
        if (method.Adapter is EnumerableAdapter sequences) return sequences.CreateSequence(this, method, args);
        var (arguments, token) = Pack(method, args);
        var message = new Message(GrainId, method.ToString(), (activation, message) => Call(activation, message, method, arguments))
        {
            Interface = InterfaceType,
            IsAlwaysInterleave = method.IsAlwaysInterleave,
            IsReadOnly = method.IsReadOnly,
            IsOneWay = method.IsOneWay,
            Sender = Factory.Node,
        };
        Factory.Send(message, method.Timeout, token);
        return method.Adapter.Return(message.Reply);
    }

    /// <summary>Copies arguments, so that the grain never shares an object with its caller; the token stays behind.</summary>
    internal (object?[] Arguments, CancellationToken Token) Pack(GrainMethod method, object?[] args)
    {
        var copy = new MessageCopy(Factory);
        var arguments = new object?[args.Length];
        var token = CancellationToken.None;
        for (var i = 0; i < args.Length; i++)
        {
            if (i == method.TokenIndex) token = (CancellationToken)args[i]!;
            else arguments[i] = copy.Of(args[i], method.ParameterTypes[i], method.Immutable[i]);
        }

        return (arguments, token);
    }

    private static async Task<object?> Call(Activation activation, Message message, GrainMethod method, object?[] arguments)
    {
        if (method.TokenIndex >= 0) arguments[method.TokenIndex] = message.CalleeToken;
        var result = await method.Adapter.Await(method.Call(activation.GrainInstance!, arguments));
        return new MessageCopy(activation.Node.Factory).Of(result, method.Adapter.ResultType, method.ImmutableResult);
    }
}
