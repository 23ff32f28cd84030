using System.Collections.Immutable;
using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Serialization;

namespace FuseMix.Embedded.Tests;

public sealed class MessageTests(SharedCluster cluster)
{
    private IEchoGrain Grain => cluster.Client.GetGrain<IEchoGrain>(Guid.NewGuid().ToString());

    public static TheoryData<string> Samples => [.. MessageSamples.All.Keys];

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task A_value_arrives_and_comes_back_equal(string sample)
    {
        var (value, equal) = MessageSamples.All[sample];
        var back = await Grain.Echo(value);
        Assert.True(equal(value, back), $"{value} came back as {back}");
        Assert.Equal(value?.GetType(), back?.GetType());
    }

    [Fact]
    public async Task The_grain_does_not_see_what_the_caller_changes_afterwards()
    {
        var grain = Grain;
        var list = new List<string> { "sent" };
        await grain.Keep(list);
        list.Add("later");
        Assert.Equal(["sent"], await grain.Kept());
    }

    [Fact]
    public async Task The_caller_does_not_see_what_the_grain_changes_afterwards()
    {
        var grain = Grain;
        await grain.Keep(["first"]);
        var kept = await grain.Kept();
        await grain.AddToKept("second");
        Assert.Equal(["first"], kept);
    }

    [Fact]
    public async Task A_callee_cannot_change_its_callers_argument_even_on_one_node()
    {
        var list = new List<string> { "mine" };
        await Grain.Spoil(list);
        Assert.Equal(["mine"], list);
    }

    [Fact]
    public async Task An_object_that_is_shared_within_a_message_stays_shared()
    {
        var leaf = new Node { Name = "leaf" };
        var back = (Node)(await Grain.Echo(new Node { Name = "root", Left = leaf, Right = leaf }))!;
        Assert.Same(back.Left, back.Right);
    }

    [Fact]
    public async Task A_cycle_stays_a_cycle()
    {
        var node = new Node { Name = "self" };
        node.Left = node;
        var back = (Node)(await Grain.Echo(node))!;
        Assert.NotSame(node, back);
        Assert.Same(back, back.Left);
    }

    [Fact]
    public async Task A_member_marked_as_not_serialized_stays_behind()
    {
        var back = (Partial)(await Grain.Echo(new Partial { Sent = 1, Kept = 2 }))!;
        Assert.Equal((1, 0), (back.Sent, back.Kept));
    }

    [Fact]
    public async Task An_argument_of_an_unmarked_type_is_refused_and_named() =>
        Assert.Contains(nameof(Unmarked), (await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(new Unmarked()))).Message);

    [Fact]
    public async Task An_unmarked_type_inside_a_collection_is_refused() =>
        await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(new List<object> { 1, new Unmarked() }));

    [Fact]
    public async Task An_unmarked_type_inside_a_marked_one_is_refused() =>
        await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(new Box(new Unmarked())));

    [Fact]
    public async Task An_unmarked_enum_is_an_argument_where_it_is_declared()
    {
        var (one, several) = await Grain.Kinds(FailureKind.Corrupt, [FailureKind.Conflict]);
        Assert.Equal(FailureKind.Corrupt, one);
        Assert.Equal([FailureKind.Conflict], several);
    }

    [Fact]
    public async Task An_unmarked_enum_is_a_number_where_only_an_object_is_declared() =>
        Assert.Equal((int)FailureKind.Corrupt, await Grain.Echo(FailureKind.Corrupt));

    [Fact]
    public async Task A_collection_of_an_unmarked_enum_stays_one_where_only_an_object_is_declared() =>
        Assert.Equal(new Dictionary<FailureKind, int> { [FailureKind.Corrupt] = 1 }, await Grain.Echo(new Dictionary<FailureKind, int> { [FailureKind.Corrupt] = 1 }));

    [Fact]
    public async Task A_result_of_an_unmarked_type_is_refused() =>
        await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.GiveUnmarked());
}

/// <summary>Values of every kind that our messages are made of.</summary>
public static class MessageSamples
{
    public static readonly IReadOnlyDictionary<string, (object? Value, Func<object?, object?, bool> Equal)> All =
        new Dictionary<string, (object?, Func<object?, object?, bool>)>
        {
            ["null"] = (null, Equals),
            ["int"] = (5, Equals),
            ["double"] = (double.NaN, Equals),
            ["text"] = ("ünï", Equals),
            ["decimal"] = (1.5m, Equals),
            ["marked enum"] = (Shade.Dark, Equals),
            ["guid"] = (Guid.NewGuid(), Equals),
            ["time"] = (new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(2)), Equals),
            ["date"] = (new DateOnly(2026, 1, 2), Equals),
            ["span of time"] = (TimeSpan.FromMilliseconds(1.5), Equals),
            ["address"] = (new Uri("https://example.org/a?b"), Equals),
            ["bytes"] = (new byte[] { 1, 2, 3 }, Same<byte>),
            ["floats"] = (new[] { 1f, float.NaN }, Same<float>),
            ["texts"] = (new string?[] { "a", null }, Same<string?>),
            ["jagged"] = (new[] { new[] { 1 }, [2, 3] }, (a, b) => ((int[][])a!).Zip((int[][])b!).All(p => p.First.SequenceEqual(p.Second))),
            ["matrix"] = (new[,] { { "a", "b" }, { "c", "d" } }, (a, b) => ((string[,])a!).Cast<string>().SequenceEqual(((string[,])b!).Cast<string>())),
            ["list"] = (new List<int> { 1, 2 }, Same<int>),
            ["set"] = (new HashSet<string> { "a", "b" }, Same<string>),
            ["queue"] = (new Queue<int>([1, 2]), Same<int>),
            ["stack"] = (new Stack<int>([1, 2, 3]), Same<int>),
            ["dictionary"] = (new Dictionary<Shade, string[]> { [Shade.Dark] = ["x"] },
                (a, b) => ((Dictionary<Shade, string[]>)b!)[Shade.Dark].SequenceEqual(["x"])),
            ["record with unmarked enums"] = (new Kinds(FailureKind.Corrupt, FailureKind.Conflict, [FailureKind.NotFound], new() { [FailureKind.Invalid] = 1 }),
                (a, b) => ((Kinds)b!) is { One: FailureKind.Corrupt, Two: FailureKind.Conflict, Several: [FailureKind.NotFound] } kinds && kinds.Counts[FailureKind.Invalid] == 1),
            ["dictionary that ignores case"] = (new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase) { ["a"] = 1 },
                (_, b) => ((Dictionary<string, int>)b!)["A"] == 1),
            ["sorted dictionary"] = (new SortedDictionary<string, int> { ["b"] = 1, ["a"] = 2 }, Same<KeyValuePair<string, int>>),
            ["immutable array"] = (ImmutableArray.Create(1, 2), Same<int>),
            ["immutable list"] = (ImmutableList.Create("a"), Same<string>),
            ["immutable dictionary"] = (ImmutableDictionary<string, int>.Empty.Add("a", 1), Same<KeyValuePair<string, int>>),
            ["tuple"] = ((1, "a", true), Equals),
            ["pair"] = (KeyValuePair.Create("a", 1), Equals),
            ["record"] = (new Point(1, "two", null), Equals),
            ["record with more members"] = (new Wide("a") { Extra = 3, Note = "n" }, Equals),
            ["derived record"] = (new Derived("a", 2), Equals),
            ["record struct"] = (new Small(1, 2), Equals),
            ["class"] = (new Node { Name = "n", Left = new Node { Name = "l" } }, (a, b) => ((Node)a!).Left!.Name == ((Node)b!).Left!.Name),
            ["immutable record"] = (new Frozen("a", [1, 2]), (a, b) => ((Frozen)a!).Name == ((Frozen)b!).Name && ((Frozen)b).Items.SequenceEqual([1, 2])),
            ["array of records"] = (new[] { new Point(1, "a", 2) }, Same<Point>),
        };

    private static bool Same<T>(object? a, object? b) => ((IEnumerable<T>)a!).SequenceEqual((IEnumerable<T>)b!);
}

public interface IEchoGrain : IGrainWithStringKey
{
    Task<object?> Echo(object? value);

    Task Keep(List<string> list);

    Task<List<string>> Kept();

    Task AddToKept(string word);

    Task Spoil(List<string> list);

    Task<object> GiveUnmarked();

    Task<(FailureKind, List<FailureKind>)> Kinds(FailureKind one, List<FailureKind> several);
}

public sealed class EchoGrain : Grain, IEchoGrain
{
    private List<string> _kept = [];

    public Task<object?> Echo(object? value) => Task.FromResult(value);

    public Task Keep(List<string> list)
    {
        _kept = list;
        return Task.CompletedTask;
    }

    public Task<List<string>> Kept() => Task.FromResult(_kept);

    public Task AddToKept(string word)
    {
        _kept.Add(word);
        return Task.CompletedTask;
    }

    public Task Spoil(List<string> list)
    {
        list.Clear();
        return Task.CompletedTask;
    }

    public Task<(FailureKind, List<FailureKind>)> Kinds(FailureKind one, List<FailureKind> several) => Task.FromResult((one, several));

    public Task<object> GiveUnmarked() => Task.FromResult<object>(new Unmarked());
}

public sealed class Unmarked
{
    public int Number { get; set; }
}

[GenerateSerializer]
public enum Shade
{
    Light,
    Dark,
}

[GenerateSerializer]
public sealed record Point(int X, string Name, int? Y);

[GenerateSerializer]
public sealed record Wide(string Name)
{
    [Id(0)]
    public int Extra { get; init; }

    [Id(1)]
    public string? Note { get; init; }
}

[GenerateSerializer]
public record Base(string Name);

[GenerateSerializer]
public sealed record Derived(string Name, int Number) : Base(Name);

[GenerateSerializer]
public readonly record struct Small(int A, int B);

[GenerateSerializer, Immutable]
public sealed record Frozen(string Name, int[] Items);

[GenerateSerializer, Immutable]
public sealed record Kinds(FailureKind One, FailureKind? Two, FailureKind[] Several, Dictionary<FailureKind, int> Counts);

[GenerateSerializer]
public sealed record Box(object Content);

[GenerateSerializer]
public sealed class Node
{
    [Id(0)]
    public string? Name { get; set; }

    [Id(1)]
    public Node? Left { get; set; }

    [Id(2)]
    public Node? Right { get; set; }
}

[GenerateSerializer]
public sealed class Partial
{
    [Id(0)]
    public int Sent { get; set; }

    [field: NonSerialized]
    public int Kept { get; set; }
}
