using FuseMix.Embedded.Tests.Clusters;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;

namespace FuseMix.Embedded.Tests.Embedded;

/// <summary>What Orleans' analyzers refuse when it is compiled, the embedded runtime refuses when it is used.</summary>
public sealed class RefusalTests(SharedCluster cluster)
{
    private IEchoGrain Grain => cluster.Client.GetGrain<IEchoGrain>(Guid.NewGuid().ToString());

    [Theory]
    [InlineData(typeof(UnnumberedProperty), "Second")]
    [InlineData(typeof(UnnumberedField), "Hidden")]
    [InlineData(typeof(UnnumberedRecordMember), "Extra")]
    public async Task A_member_without_a_number_is_refused_by_name(Type type, string member)
    {
        var refusal = await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(Activator.CreateInstance(type)));
        Assert.Contains($"{type}: member '{member}' has neither [Id(n)] nor [NonSerialized]", refusal.Message);
    }

    [Fact]
    public async Task Two_members_with_one_number_are_refused() =>
        Assert.Contains("both have [Id(0)]", (await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(new TwiceNumbered()))).Message);

    [Fact]
    public async Task A_promise_of_immutability_does_not_hide_an_unmarked_type() =>
        await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(new FrozenBox(new Unmarked())));

    [Fact]
    public async Task A_delegate_is_refused() => await Assert.ThrowsAsync<CodecNotFoundException>(() => Grain.Echo(new Action(() => { })));

    [Fact]
    public void A_method_that_returns_no_task_is_refused() =>
        Assert.Contains("grain methods return", Assert.Throws<OrleansConfigurationException>(
            () => GrainMethod.Of(typeof(INotAGrain).GetMethod(nameof(INotAGrain.Synchronous))!)).Message);

    [Fact]
    public void A_parameter_by_reference_is_refused() =>
        Assert.Contains("'number' must not be passed by reference", Assert.Throws<OrleansConfigurationException>(
            () => GrainMethod.Of(typeof(INotAGrain).GetMethod(nameof(INotAGrain.ByReference))!)).Message);
}

public interface INotAGrain
{
    int Synchronous();

    Task ByReference(in int number);
}

[GenerateSerializer]
public sealed class UnnumberedProperty
{
    [Id(0)]
    public int First { get; set; }

    public int Second { get; set; }
}

[GenerateSerializer]
public sealed class UnnumberedField
{
    public int Hidden;
}

[GenerateSerializer]
public sealed record UnnumberedRecordMember(string Name = "")
{
    public UnnumberedRecordMember()
        : this("")
    {
    }

    public int Extra { get; init; }
}

[GenerateSerializer]
public sealed class TwiceNumbered
{
    [Id(0)]
    public int First { get; set; }

    [Id(0)]
    public int Second { get; set; }
}

[GenerateSerializer, Immutable]
public sealed record FrozenBox(object Content);
