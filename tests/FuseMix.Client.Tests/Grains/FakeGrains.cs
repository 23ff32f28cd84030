using System.Reflection;
using Orleans;

namespace FuseMix.Client.Tests.Grains;

/// <summary>Hands out the one grain of a type that a test wrote, on whichever runtime the factory's interface is of.</summary>
public class FakeGrains : DispatchProxy
{
    private object _grain = null!;

    public static IGrainFactory Of(object grain)
    {
        var factory = Create<IGrainFactory, FakeGrains>();
        ((FakeGrains)(object)factory)._grain = grain;
        return factory;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _grain;
}
