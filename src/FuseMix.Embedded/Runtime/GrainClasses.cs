using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using Orleans.Concurrency;
using Orleans.Metadata;
using Orleans.Placement;

namespace Orleans.Runtime;

/// <summary>A grain class as the runtime sees it.</summary>
internal sealed class GrainClass(Type type, GrainType name)
{
    public Type Class { get; } = type;

    public GrainType Type { get; } = name;

    public bool IsReentrant { get; } = type.IsDefined(typeof(ReentrantAttribute));

    /// <summary>The properties that the class's attributes give, the placement's parameters among them.</summary>
    public GrainProperties Properties(IServiceProvider services)
    {
        var values = new Dictionary<string, string>();
        Class.GetCustomAttribute<PlacementAttribute>()?.Populate(services, Class, Type, values);
        return new GrainProperties(values.ToImmutableDictionary());
    }

    /// <summary>How long an activation may be idle; null for ever.</summary>
    public TimeSpan? CollectionAge(Configuration.GrainCollectionOptions options)
    {
        if (Class.IsDefined(typeof(KeepAliveAttribute))) return null;
        if (Class.GetCustomAttribute<CollectionAgeLimitAttribute>() is { } limit) return limit.AlwaysActive ? null : limit.AgeLimit;
        return options.ClassSpecificCollectionAge.TryGetValue(Class.FullName!, out var age) ? age : options.CollectionAge;
    }
}

/// <summary>The grain classes of the loaded application: of every assembly that refers to this one, and of what those refer to.</summary>
internal static class GrainClasses
{
    private static readonly Assembly Here = typeof(GrainClasses).Assembly;
    private static readonly Lock Gate = new();
    private static readonly HashSet<Assembly> Scanned = [];
    private static readonly Dictionary<GrainType, GrainClass> ByName = [];
    private static readonly ConcurrentDictionary<(Type Interface, string? Prefix), GrainClass> ByInterface = new();

    /// <exception cref="OrleansException">There is no class of that name.</exception>
    public static GrainClass Named(GrainType name)
    {
        lock (Gate)
        {
            if (ByName.TryGetValue(name, out var known)) return known;
            Scan();
            return ByName.TryGetValue(name, out known)
                ? known : throw new OrleansException($"No active nodes are compatible with grain {name}: no loaded class has that name.");
        }
    }

    /// <exception cref="ArgumentException">No class implements it, or several do and none by the usual name.</exception>
    public static GrainClass Implementing(Type interfaceType, string? prefix) =>
        ByInterface.GetOrAdd((interfaceType, prefix), static key => Find(key.Interface, key.Prefix));

    private static GrainClass Find(Type interfaceType, string? prefix)
    {
        lock (Gate)
        {
            Scan();
            var found = ByName.Values
                .Where(c => interfaceType.IsAssignableFrom(c.Class))
                .Where(c => prefix is null || c.Class.FullName!.StartsWith(prefix, StringComparison.Ordinal))
                .ToArray();
            if (found.Length > 1)
            {
                var usual = found.Where(c => "I" + c.Class.Name == interfaceType.Name).ToArray();
                if (usual.Length == 1) found = usual;
            }

            return found.Length switch
            {
                1 => found[0],
                0 => throw new ArgumentException($"Could not find an implementation for interface {interfaceType.FullName}"),
                _ => throw new ArgumentException(
                    $"Unable to identify a single appropriate grain type for interface {interfaceType.FullName}. "
                    + $"Candidates: {string.Join(", ", found.Select(c => c.Class.FullName))}"),
            };
        }
    }

    private static void Scan()
    {
        var pending = new Queue<Assembly>(AppDomain.CurrentDomain.GetAssemblies());
        while (pending.TryDequeue(out var assembly))
        {
            if (assembly.IsDynamic || !Scanned.Add(assembly)) continue;
            var references = assembly.GetReferencedAssemblies();
            if (!references.Any(r => r.Name == Here.GetName().Name)) continue;
            foreach (var type in assembly.GetTypes().Where(IsGrainClass)) Add(type);
            foreach (var reference in references.Where(r => !IsOfThePlatform(r))) pending.Enqueue(Assembly.Load(reference));
        }
    }

    private static bool IsOfThePlatform(AssemblyName name) =>
        name.Name is { } n && (n is "mscorlib" or "netstandard" || n.StartsWith("System", StringComparison.Ordinal)
            || n.StartsWith("Microsoft.", StringComparison.Ordinal));

    private static bool IsGrainClass(Type type) => type is { IsClass: true, IsAbstract: false, ContainsGenericParameters: false }
        && typeof(IGrainBase).IsAssignableFrom(type) && type.GetInterfaces().Any(i => i != typeof(IAddressable) && typeof(IAddressable).IsAssignableFrom(i));

    private static void Add(Type type)
    {
        var name = type.GetCustomAttribute<GrainTypeAttribute>()?.GrainType ?? Conventional(type.Name.ToLowerInvariant());
        var added = new GrainClass(type, GrainType.Create(name));
        if (!ByName.TryAdd(added.Type, added))
        {
            throw new OrleansConfigurationException(
                $"Grain classes {ByName[added.Type].Class.FullName} and {type.FullName} both have the name '{name}'. Give one a [GrainType(\"…\")].");
        }

        foreach (var contract in type.GetInterfaces().Where(typeof(IAddressable).IsAssignableFrom))
        {
            if (contract.GetProperties().FirstOrDefault() is { } property)
            {
                throw new OrleansConfigurationException(
                    $"Grain interface {contract.FullName} has the property '{property.Name}'; grain interfaces have methods only.");
            }

            foreach (var method in contract.GetMethods().Where(m => !m.IsStatic && !m.IsGenericMethodDefinition)) GrainMethod.Of(method);
        }
    }

    private static string Conventional(string name) =>
        name.EndsWith("grain", StringComparison.Ordinal) && name.Length > "grain".Length ? name[..^"grain".Length] : name;
}
