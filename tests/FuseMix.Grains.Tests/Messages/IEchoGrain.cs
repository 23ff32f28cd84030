using Orleans;

namespace FuseMix.Grains.Tests.Messages;

/// <summary>Gives back what it gets, and fails as it is told.</summary>
public interface IEchoGrain : IGrainWithIntegerKey
{
    Task<object?> Echo(object? value);

    Task Fail(FailureKind kind, string message, string? remedy, bool withCause);
}

internal sealed class EchoGrain : Grain, IEchoGrain
{
    public Task<object?> Echo(object? value) => Task.FromResult(value);

    public Task Fail(FailureKind kind, string message, string? remedy, bool withCause) =>
        throw new FuseMixException(kind, message, remedy, withCause ? new IOException("The cause.") : null);
}
