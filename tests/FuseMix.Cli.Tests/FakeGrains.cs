using System.Reflection;
using Orleans;

namespace FuseMix.Cli.Tests;

/// <summary>Hands out grains that a test wrote, on whichever runtime the factory's interface is of.</summary>
public class FakeGrains : DispatchProxy
{
    private readonly Dictionary<Type, Func<object, object>> _grains = [];

    public static IGrainFactory Create(params object[] grains)
    {
        var factory = Create<IGrainFactory, FakeGrains>();
        foreach (var grain in grains)
        {
            foreach (var type in grain.GetType().GetInterfaces()) ((FakeGrains)(object)factory)._grains[type] = _ => grain;
        }

        return factory;
    }

    /// <summary>Adds grains of which there is one per key.</summary>
    public static IGrainFactory With<T>(IGrainFactory factory, Func<string, T> make)
        where T : class
    {
        ((FakeGrains)(object)factory)._grains[typeof(T)] = key => make((string)key);
        return factory;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var type = targetMethod!.GetGenericArguments()[0];
        return _grains.TryGetValue(type, out var grain) ? grain(args![0]!) : throw new InvalidOperationException($"This test has no {type.Name}.");
    }
}
