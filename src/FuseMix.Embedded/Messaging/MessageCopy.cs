using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.Serialization;
using Orleans.Serialization;

namespace Orleans.Runtime;

/// <summary>Copies what crosses between caller and grain, and refuses what Orleans would refuse.</summary>
/// <remarks>
/// Within one message a shared object stays shared and a cycle stays a cycle. Types promised immutable pass through only if nothing
/// in them could be refused, so that a message that works on one machine works on many.
/// </remarks>
internal sealed class MessageCopy(GrainFactory owner)
{
    private readonly Dictionary<object, object> _copies = new(ReferenceEqualityComparer.Instance);

    /// <param name="value">The value.</param>
    /// <param name="declared">What it is declared as.</param>
    /// <param name="promisedImmutable">Whether the place that it is in promises that it does not change.</param>
    /// <exception cref="CodecNotFoundException">Orleans would refuse it.</exception>
    public object? Of(object? value, Type declared, bool promisedImmutable = false)
    {
        if (value is null) return null;
        if (value is GrainReference reference) return owner.CreateReference(reference.GrainId, reference.InterfaceType);
        if (value is Exception failure) return OfException(failure);
        if (value is IGrainBase grain && declared.IsInterface && typeof(IAddressable).IsAssignableFrom(declared))
            return owner.CreateReference(grain.GrainContext.GrainId, declared);
        if (value is Enum number && CopyPlan.IsNumberIn(declared, value.GetType()))
            return Convert.ChangeType(number, number.GetTypeCode(), CultureInfo.InvariantCulture);
        var plan = CopyPlan.Of(value.GetType());
        if (plan.PassesThrough || (promisedImmutable && plan.IsClosed)) return value;
        if (value.GetType().IsValueType) return plan.Copy(value, this);
        if (_copies.TryGetValue(value, out var known)) return known;
        return plan.Copy(value, this);
    }

    /// <summary>Remembers a copy before its members are filled, for cycles.</summary>
    public T Remember<T>(object original, T copy)
        where T : class
    {
        _copies[original] = copy;
        return copy;
    }

    /// <summary>Exceptions keep type, words, cause, data and stack; other members only where they are numbered.</summary>
    public Exception OfException(Exception failure)
    {
        if (_copies.TryGetValue(failure, out var known)) return (Exception)known;
        if (failure is AggregateException aggregate)
        {
            var inner = new AggregateException(aggregate.InnerExceptions.Select(OfException));
            return Remember(failure, ExceptionParts.Fill(inner, failure, inner.InnerException, Data(failure)));
        }

        var type = failure.GetType();
        if (!IsSupported(type))
        {
            throw new CodecNotFoundException(
                $"Could not find a codec for type {type}. Mark it with [GenerateSerializer], or add its namespace to ExceptionSerializationOptions.");
        }

        var cause = failure.InnerException is { } innerException ? OfException(innerException) : null;
        var copy = (Exception)RuntimeHelpers.GetUninitializedObject(type);
        ExceptionParts.Fill(copy, failure, cause, Data(failure));
        Remember(failure, copy);
        if (CopyPlan.IsMarked(type)) CopyPlan.Of(type).CopyMembers(failure, copy, this);
        return copy;
    }

    private bool IsSupported(Type type) => CopyPlan.IsMarked(type)
        || owner.Exceptions.SupportedExceptionTypeFilter(type)
        || owner.Exceptions.SupportedNamespacePrefixes.Any(prefix => type.Namespace?.StartsWith(prefix, StringComparison.Ordinal) is true);

    private Dictionary<object, object?> Data(Exception failure)
    {
        var data = new Dictionary<object, object?>();
        foreach (DictionaryEntry entry in failure.Data) data[Of(entry.Key, typeof(object))!] = Of(entry.Value, typeof(object));
        return data;
    }
}

/// <summary>Sets the parts of an exception that only its serialization constructor can set.</summary>
internal static class ExceptionParts
{
    private static readonly ConstructorInfo Constructor = typeof(Exception).GetConstructor(
        BindingFlags.Instance | BindingFlags.NonPublic, [typeof(SerializationInfo), typeof(StreamingContext)])!;

    public static TException Fill<TException>(TException copy, Exception original, Exception? cause, Dictionary<object, object?> data)
        where TException : Exception
    {
#pragma warning disable SYSLIB0050 // It is what the serialization constructor takes, and there is no other way to set these fields.
        var info = new SerializationInfo(typeof(Exception), new FormatterConverter());
        info.AddValue("ClassName", copy.GetType().ToString(), typeof(string));
        info.AddValue("Message", original.Message, typeof(string));
        info.AddValue("Data", null, typeof(IDictionary));
        info.AddValue("InnerException", cause, typeof(Exception));
        info.AddValue("HelpURL", null, typeof(string));
        info.AddValue("StackTraceString", null, typeof(string));
        info.AddValue("RemoteStackTraceString", null, typeof(string));
        info.AddValue("RemoteStackIndex", 0, typeof(int));
        info.AddValue("ExceptionMethod", null, typeof(string));
        info.AddValue("HResult", original.HResult);
        info.AddValue("Source", null, typeof(string));
        info.AddValue("WatsonBuckets", null, typeof(byte[]));
        Constructor.Invoke(copy, [info, new StreamingContext(StreamingContextStates.All)]);
#pragma warning restore SYSLIB0050
        foreach (var (key, value) in data) copy.Data[key] = value;
        if (original.StackTrace is { } stack) ExceptionDispatchInfo.SetRemoteStackTrace(copy, stack);
        return copy;
    }
}

/// <summary>How values of one type are copied, found out once.</summary>
internal sealed class CopyPlan
{
    private const BindingFlags AllMembers = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private const BindingFlags OwnMembers = AllMembers | BindingFlags.DeclaredOnly;

#pragma warning disable SYSLIB0050 // [NonSerialized] is how Orleans, too, leaves a member out of a message.
    private const FieldAttributes NotSerialized = FieldAttributes.NotSerialized;
#pragma warning restore SYSLIB0050

    private static readonly ConcurrentDictionary<Type, CopyPlan> Known = new();

    private static readonly FrozenSet<Type> Values = new[]
    {
        typeof(string), typeof(decimal), typeof(DateTime), typeof(DateTimeOffset), typeof(DateOnly), typeof(TimeOnly), typeof(TimeSpan),
        typeof(Guid), typeof(Uri), typeof(Version), typeof(Half), typeof(Int128), typeof(UInt128), typeof(BigInteger),
        typeof(CancellationToken), typeof(GrainId), typeof(GrainType), typeof(SiloAddress), typeof(System.Net.IPAddress),
        typeof(System.Net.IPEndPoint), typeof(System.Globalization.CultureInfo),
    }.ToFrozenSet();

    private static readonly FrozenSet<Type> Collections = new[]
    {
        typeof(List<>), typeof(Dictionary<,>), typeof(HashSet<>), typeof(Queue<>), typeof(Stack<>), typeof(SortedDictionary<,>),
        typeof(SortedList<,>), typeof(SortedSet<>), typeof(ConcurrentDictionary<,>), typeof(ConcurrentQueue<>), typeof(Collection<>),
        typeof(ReadOnlyCollection<>), typeof(ImmutableArray<>), typeof(ImmutableList<>), typeof(ImmutableHashSet<>),
        typeof(ImmutableDictionary<,>), typeof(ImmutableSortedSet<>), typeof(ImmutableSortedDictionary<,>), typeof(ImmutableQueue<>),
        typeof(ImmutableStack<>), typeof(KeyValuePair<,>), typeof(Tuple<>), typeof(Tuple<,>), typeof(Tuple<,,>), typeof(Tuple<,,,>),
        typeof(Tuple<,,,,>), typeof(ValueTuple<>), typeof(ValueTuple<,>), typeof(ValueTuple<,,>), typeof(ValueTuple<,,,>),
        typeof(ValueTuple<,,,,>), typeof(ValueTuple<,,,,,>), typeof(ValueTuple<,,,,,,>), typeof(Memory<>), typeof(ReadOnlyMemory<>),
    }.ToFrozenSet();

    private readonly Type _type;
    private readonly FieldInfo[] _fields;
    private readonly Func<object, MessageCopy, object>? _copyCollection;

    private CopyPlan(Type type)
    {
        _type = type;
        _fields = [];
        if (type.IsPrimitive || type.IsEnum || Values.Contains(type) || typeof(Type).IsAssignableFrom(type))
        {
            (PassesThrough, IsClosed) = (true, true);
        }
        else if (type == typeof(object))
        {
            PassesThrough = true;
        }
        else if (type.IsArray)
        {
            IsClosed = IsClosedMember(type.GetElementType()!, [type]);
            _copyCollection = CopyArray;
        }
        else if (type.IsGenericType && Collections.Contains(type.GetGenericTypeDefinition()))
        {
            IsClosed = type.GetGenericArguments().All(a => IsClosedMember(a, [type]));
            _copyCollection = CollectionCopier.For(type);
        }
        else if (typeof(IGrainBase).IsAssignableFrom(type))
        {
            throw new CodecNotFoundException(
                $"Could not find a codec for type {type}: a grain was passed where no grain interface is declared. "
                + "this.AsReference<TInterface>() gives a reference.");
        }
        else if (IsMarked(type))
        {
            _fields = SerializedFields(type);
            IsClosed = _fields.All(f => IsClosedMember(f.FieldType, [type]));
            PassesThrough = IsClosed && type.IsDefined(typeof(ImmutableAttribute), inherit: false);
        }
        else
        {
            throw new CodecNotFoundException($"Could not find a codec for type {type}. Mark it with [GenerateSerializer] and its members with [Id(n)].");
        }
    }

    /// <summary>Whether values need no copy.</summary>
    public bool PassesThrough { get; }

    /// <summary>Whether no value of this type can contain anything that a message refuses.</summary>
    public bool IsClosed { get; }

    public static bool IsMarked(Type type) => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false);

    public static CopyPlan Of(Type type) => Known.GetOrAdd(type, static t => new CopyPlan(t));

    /// <summary>Whether an enum travels as a number, because it is unmarked and the place that it is in does not say what it is.</summary>
    public static bool IsNumberIn(Type declared, Type type) =>
        type != declared && type != Nullable.GetUnderlyingType(declared) && !IsMarked(type);

    /// <summary>Whether anything declared as this type is taken as it is, so that an array of it is copied as one block.</summary>
    public static bool NeedsNoCopy(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type.IsPrimitive || type.IsEnum || Values.Contains(type) || (type.IsSealed && IsMarked(type) && Of(type).PassesThrough);
    }

    public object Copy(object value, MessageCopy copy)
    {
        if (_copyCollection is not null) return _copyCollection(value, copy);
        var target = _type.GetConstructor(OwnMembers, Type.EmptyTypes) is { } constructor && !_type.IsValueType
            ? constructor.Invoke(null) : RuntimeHelpers.GetUninitializedObject(_type);
        if (!_type.IsValueType) copy.Remember(value, target);
        CopyMembers(value, target, copy);
        return target;
    }

    public void CopyMembers(object from, object to, MessageCopy copy)
    {
        foreach (var field in _fields)
            field.SetValue(to, copy.Of(field.GetValue(from), field.FieldType, field.IsDefined(typeof(ImmutableAttribute))));
    }

    private static object CopyArray(object value, MessageCopy copy)
    {
        var array = (Array)value;
        var target = copy.Remember(value, (Array)array.Clone());
        var element = array.GetType().GetElementType()!;
        if (NeedsNoCopy(element)) return target;
        var index = new int[array.Rank];
        for (var i = 0; i < array.Rank; i++) index[i] = array.GetLowerBound(i);
        for (var n = array.LongLength; n > 0; n--)
        {
            target.SetValue(copy.Of(array.GetValue(index), element), index);
            for (var d = array.Rank - 1; d >= 0 && ++index[d] > array.GetUpperBound(d) && d > 0; d--) index[d] = array.GetLowerBound(d);
        }

        return target;
    }

    /// <summary>The fields behind the members with a number, and behind a record's parameters; a member with neither is refused.</summary>
    private static FieldInfo[] SerializedFields(Type type)
    {
        var fields = new List<FieldInfo>();
        for (var t = type; t is not null && t != typeof(object) && t != typeof(ValueType) && t != typeof(Exception); t = t.BaseType)
        {
            if (!IsMarked(t)) continue;
            var parameters = RecordParameters(t);
            var numbers = new Dictionary<uint, string>();
            foreach (var field in t.GetFields(OwnMembers))
            {
                MemberInfo member = PropertyBehind(t, field) is { } property ? property : field;
                if (field.Attributes.HasFlag(NotSerialized)) continue;
                if (member.GetCustomAttribute<IdAttribute>() is { } id)
                {
                    if (!numbers.TryAdd(id.Id, member.Name))
                        throw new CodecNotFoundException($"{t}: members '{numbers[id.Id]}' and '{member.Name}' both have [Id({id.Id})].");
                }
                else if (!parameters.Contains(member.Name))
                {
                    throw new CodecNotFoundException($"{t}: member '{member.Name}' has neither [Id(n)] nor [NonSerialized].");
                }

                fields.Add(field);
            }
        }

        return [.. fields];
    }

    private static PropertyInfo? PropertyBehind(Type type, FieldInfo field) =>
        field.Name is ['<', .. var name] && name.IndexOf(">k__BackingField", StringComparison.Ordinal) is > 0 and var end
            ? type.GetProperty(name[..end], OwnMembers) : null;

    private static HashSet<string> RecordParameters(Type type)
    {
        if (type.GetMethod("PrintMembers", OwnMembers) is null) return [];
        return type.GetConstructors(OwnMembers)
            .Select(c => c.GetParameters())
            .Where(parameters => parameters.Length > 0 && parameters.All(p => type.GetProperty(p.Name!, AllMembers)?.PropertyType == p.ParameterType))
            .MaxBy(parameters => parameters.Length)?.Select(p => p.Name!).ToHashSet() ?? [];
    }

    /// <summary>Whether a member declared so can only ever hold values that a message takes.</summary>
    private static bool IsClosedMember(Type type, HashSet<Type> seen)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying) type = underlying;
        if (!seen.Add(type)) return true;
        if (type.IsPrimitive || type.IsEnum || Values.Contains(type)) return true;
        if (type.IsArray) return IsClosedMember(type.GetElementType()!, seen);
        if (!type.IsSealed && !(type.IsGenericType && Collections.Contains(type.GetGenericTypeDefinition()))) return false;
        if (type.IsGenericType && Collections.Contains(type.GetGenericTypeDefinition()))
            return type.GetGenericArguments().All(a => IsClosedMember(a, seen));
        return IsMarked(type) && SerializedFields(type).All(f => IsClosedMember(f.FieldType, seen));
    }
}

/// <summary>Copies the collections of the base library, each into one of the same type.</summary>
internal static class CollectionCopier
{
    public static Func<object, MessageCopy, object> For(Type type)
    {
        var definition = type.GetGenericTypeDefinition();
        var arguments = type.GetGenericArguments();
        if (definition.FullName!.StartsWith("System.ValueTuple`", StringComparison.Ordinal)
            || definition.FullName.StartsWith("System.Tuple`", StringComparison.Ordinal))
            return Tuples(type);
        var name = arguments.Length == 2 ? nameof(Pairs) : nameof(Items);
        return (Func<object, MessageCopy, object>)typeof(CollectionCopier)
            .GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!.MakeGenericMethod(arguments).Invoke(null, [definition])!;
    }

    private static Func<object, MessageCopy, object> Tuples(Type type)
    {
        var declared = type.GetGenericArguments();
        var constructor = type.GetConstructors().Single(c => c.GetParameters().Length == declared.Length);
        return (value, copy) =>
        {
            var tuple = (ITuple)value;
            var items = new object?[tuple.Length];
            for (var i = 0; i < items.Length; i++) items[i] = copy.Of(tuple[i], declared[i]);
            return constructor.Invoke(items);
        };
    }

    private static Func<object, MessageCopy, object> Items<T>(Type definition)
    {
        if (definition == typeof(Memory<>)) return (value, copy) => new Memory<T>([.. Each<T>(((Memory<T>)value).ToArray(), copy)]);
        if (definition == typeof(ReadOnlyMemory<>))
            return (value, copy) => new ReadOnlyMemory<T>([.. Each<T>(((ReadOnlyMemory<T>)value).ToArray(), copy)]);
        if (definition == typeof(ImmutableArray<>))
            return (value, copy) => ((ImmutableArray<T>)value).IsDefault ? value : Each((ImmutableArray<T>)value, copy).ToImmutableArray();
        if (definition == typeof(List<>))
        {
            return (value, copy) =>
            {
                var list = copy.Remember(value, new List<T>(((List<T>)value).Count));
                list.AddRange(Each((List<T>)value, copy));
                return list;
            };
        }

        if (definition == typeof(HashSet<>))
            return (value, copy) => new HashSet<T>(Each((HashSet<T>)value, copy), ((HashSet<T>)value).Comparer);
        if (definition == typeof(SortedSet<>))
            return (value, copy) => new SortedSet<T>(Each((SortedSet<T>)value, copy), ((SortedSet<T>)value).Comparer);
        if (definition == typeof(Stack<>)) return (value, copy) => new Stack<T>(Each((Stack<T>)value, copy).Reverse());
        if (definition == typeof(Queue<>)) return (value, copy) => new Queue<T>(Each((Queue<T>)value, copy));
        if (definition == typeof(ConcurrentQueue<>)) return (value, copy) => new ConcurrentQueue<T>(Each((ConcurrentQueue<T>)value, copy));
        if (definition == typeof(Collection<>)) return (value, copy) => new Collection<T>([.. Each((Collection<T>)value, copy)]);
        if (definition == typeof(ReadOnlyCollection<>))
            return (value, copy) => new ReadOnlyCollection<T>([.. Each((ReadOnlyCollection<T>)value, copy)]);
        if (definition == typeof(ImmutableList<>)) return (value, copy) => Each((ImmutableList<T>)value, copy).ToImmutableList();
        if (definition == typeof(ImmutableHashSet<>))
            return (value, copy) => Each((ImmutableHashSet<T>)value, copy).ToImmutableHashSet(((ImmutableHashSet<T>)value).KeyComparer);
        if (definition == typeof(ImmutableSortedSet<>))
            return (value, copy) => Each((ImmutableSortedSet<T>)value, copy).ToImmutableSortedSet(((ImmutableSortedSet<T>)value).KeyComparer);
        if (definition == typeof(ImmutableQueue<>)) return (value, copy) => ImmutableQueue.CreateRange(Each((ImmutableQueue<T>)value, copy));
        return (value, copy) => ImmutableStack.CreateRange(Each((ImmutableStack<T>)value, copy).Reverse());
    }

    private static Func<object, MessageCopy, object> Pairs<TKey, TValue>(Type definition)
        where TKey : notnull
    {
        if (definition == typeof(KeyValuePair<,>)) return (value, copy) => One((KeyValuePair<TKey, TValue>)value, copy);
        if (definition == typeof(Dictionary<,>))
        {
            return (value, copy) =>
            {
                var from = (Dictionary<TKey, TValue>)value;
                var to = copy.Remember(value, new Dictionary<TKey, TValue>(from.Count, from.Comparer));
                foreach (var pair in from) to.Add((TKey)copy.Of(pair.Key, typeof(TKey))!, (TValue)copy.Of(pair.Value, typeof(TValue))!);
                return to;
            };
        }

        if (definition == typeof(SortedDictionary<,>))
        {
            return (value, copy) => new SortedDictionary<TKey, TValue>(
                All(value, copy).ToDictionary(), ((SortedDictionary<TKey, TValue>)value).Comparer);
        }

        if (definition == typeof(SortedList<,>))
            return (value, copy) => new SortedList<TKey, TValue>(All(value, copy).ToDictionary(), ((SortedList<TKey, TValue>)value).Comparer);
        if (definition == typeof(ConcurrentDictionary<,>))
            return (value, copy) => new ConcurrentDictionary<TKey, TValue>(All(value, copy), ((ConcurrentDictionary<TKey, TValue>)value).Comparer);
        if (definition == typeof(ImmutableDictionary<,>))
            return (value, copy) => All(value, copy).ToImmutableDictionary(((ImmutableDictionary<TKey, TValue>)value).KeyComparer);
        return (value, copy) => All(value, copy).ToImmutableSortedDictionary(((ImmutableSortedDictionary<TKey, TValue>)value).KeyComparer);

        static KeyValuePair<TKey, TValue> One(KeyValuePair<TKey, TValue> pair, MessageCopy copy) =>
            new((TKey)copy.Of(pair.Key, typeof(TKey))!, (TValue)copy.Of(pair.Value, typeof(TValue))!);

        static IEnumerable<KeyValuePair<TKey, TValue>> All(object value, MessageCopy copy) =>
            ((IEnumerable<KeyValuePair<TKey, TValue>>)value).Select(pair => One(pair, copy));
    }

    private static IEnumerable<T> Each<T>(IEnumerable<T> items, MessageCopy copy) =>
        CopyPlan.NeedsNoCopy(typeof(T)) ? items : items.Select(item => (T)copy.Of(item, typeof(T))!);
}
