namespace FuseMix.Core.Tests;

public sealed class FuseMixExceptionTests
{
    [Fact]
    public void Kind_message_and_remedy_come_back()
    {
        var inner = new IOException("disk");
        var error = new FuseMixException(FailureKind.Unavailable, "It is busy.", "Wait.", inner);
        Assert.Equal(
            (FailureKind.Unavailable, "It is busy.", "Wait.", "It is busy. Wait."),
            (error.Kind, error.Message, error.Remedy, error.Advice));
        Assert.Same(inner, error.InnerException);
        var plain = new FuseMixException(FailureKind.Corrupt, "It is damaged.");
        Assert.Equal((null, "It is damaged."), (plain.Remedy, plain.Advice));
    }

    [Fact]
    public void Kind_and_remedy_travel_in_the_data_that_serializers_carry()
    {
        var sent = new FuseMixException(FailureKind.Conflict, "Twice.", "Once.");
        var received = new FuseMixException(sent.Message, null);
        Assert.Equal((FailureKind.Invalid, null), (received.Kind, received.Remedy));
        foreach (System.Collections.DictionaryEntry entry in sent.Data) received.Data[entry.Key] = entry.Value;
        Assert.Equal((FailureKind.Conflict, "Once.", "Twice. Once."), (received.Kind, received.Remedy, received.Advice));
    }

    [Fact]
    public void An_unknown_name_is_answered_with_the_nearest()
    {
        var error = FuseMixException.UnknownName("encoder", "mobilnet", ["use-lite", "mobilenet"]);
        Assert.Equal(
            (FailureKind.NotFound, "There is no encoder named 'mobilnet'.", "Did you mean 'mobilenet'?"),
            (error.Kind, error.Message, error.Remedy));
    }

    [Fact]
    public void Without_a_near_name_the_known_ones_are_listed_in_order_up_to_twelve()
    {
        Assert.Equal("Known: a1, b1.", FuseMixException.UnknownName("x", "nothing-like-it", ["b1", "a1"], FailureKind.Invalid).Remedy);
        var many = FuseMixException.UnknownName("x", "nothing-like-it", Enumerable.Range(10, 20).Select(i => $"{i}")).Remedy!;
        Assert.StartsWith("Known: 10, 11", many, StringComparison.Ordinal);
        Assert.EndsWith("21, ….", many, StringComparison.Ordinal);
        Assert.Equal("There is no x yet.", FuseMixException.UnknownName("x", "y", []).Remedy);
    }
}
