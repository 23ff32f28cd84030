using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Orleans.Runtime;

/// <summary>A key or a name inside an identity.</summary>
public readonly record struct IdSpan
{
    private readonly string? _value;

    private IdSpan(string value) => _value = value;

    /// <summary>Whether it is empty.</summary>
    public bool IsDefault => string.IsNullOrEmpty(_value);

    /// <summary>Of that text.</summary>
    public static IdSpan Create(string id) => new(id);

    /// <inheritdoc />
    public override string ToString() => _value ?? "";
}

/// <summary>
/// The name of a grain class in identities: its type name in lower case without "grain", unless it has a <see cref="GrainTypeAttribute"/>.
/// </summary>
public readonly record struct GrainType(IdSpan Value) : IComparable<GrainType>
{
    /// <summary>Whether it is empty.</summary>
    public bool IsDefault => Value.IsDefault;

    /// <summary>Of that name.</summary>
    public static GrainType Create(string value)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(value);
        return new GrainType(IdSpan.Create(value));
    }

    /// <inheritdoc />
    public int CompareTo(GrainType other) => string.CompareOrdinal(ToString(), other.ToString());

    /// <inheritdoc />
    public override string ToString() => Value.ToString();
}

/// <summary>The identity of a grain: class name and key.</summary>
public readonly record struct GrainId(GrainType Type, IdSpan Key) : IComparable<GrainId>
{
    /// <summary>Whether it is empty.</summary>
    public bool IsDefault => Type.IsDefault && Key.IsDefault;

    /// <summary>Of that class name and key.</summary>
    public static GrainId Create(string type, string key) => Create(GrainType.Create(type), key);

    /// <summary>Of that class name and key.</summary>
    public static GrainId Create(GrainType type, string key)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        return new GrainId(type, IdSpan.Create(key));
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    /// <exception cref="ArgumentException">It has no slash.</exception>
    public static GrainId Parse(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? throw new ArgumentException($"Unable to parse \"{value}\" as a grain id")
            : new GrainId(new GrainType(IdSpan.Create(value[..slash])), IdSpan.Create(value[(slash + 1)..]));
    }

    /// <inheritdoc />
    public int CompareTo(GrainId other) => string.CompareOrdinal(ToString(), other.ToString());

    /// <inheritdoc />
    public override string ToString() => $"{Type}/{Key}";
}

/// <summary>The name of a grain interface.</summary>
public readonly record struct GrainInterfaceType(IdSpan Value)
{
    /// <summary>Of that name.</summary>
    public static GrainInterfaceType Create(string value) => new(IdSpan.Create(value));

    /// <inheritdoc />
    public override string ToString() => Value.ToString();
}

/// <summary>The address of a node: an end point, and a number that tells its runs apart.</summary>
public sealed class SiloAddress : IEquatable<SiloAddress>, IComparable<SiloAddress>
{
    private SiloAddress(IPEndPoint endpoint, int generation) => (Endpoint, Generation) = (endpoint, generation);

    /// <summary>The end point; in the embedded runtime a name, not something that listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Which run of the node this is.</summary>
    public int Generation { get; }

    /// <summary>Of that end point and run.</summary>
    public static SiloAddress New(IPEndPoint ep, int gen) => new(ep, gen);

    /// <summary>Of that end point and run.</summary>
    public static SiloAddress New(IPAddress address, int port, int generation) => new(new IPEndPoint(address, port), generation);

    /// <inheritdoc />
    public bool Equals([NotNullWhen(true)] SiloAddress? other) =>
        other is not null && Generation == other.Generation && Endpoint.Equals(other.Endpoint);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as SiloAddress);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Endpoint, Generation);

    /// <inheritdoc />
    public int CompareTo(SiloAddress? other) => other is null ? 1
        : Generation != other.Generation ? Generation.CompareTo(other.Generation)
        : Endpoint.Port.CompareTo(other.Endpoint.Port);

    /// <summary>As text that tells it from every other.</summary>
    public string ToParsableString() => $"{Endpoint.Address}:{Endpoint.Port}@{Generation}";

    /// <inheritdoc />
    public override string ToString() => $"S{Endpoint}:{Generation}";
}
