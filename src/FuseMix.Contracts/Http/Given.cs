using System.Diagnostics.CodeAnalysis;

namespace FuseMix.Contracts.Http;

/// <summary>Asks for what the body of a request must have.</summary>
internal static class Given
{
    /// <summary>The value of a key.</summary>
    /// <exception cref="FuseMixException">It is missing or null.</exception>
    public static T Value<T>([NotNull] T? value, string key)
        where T : class =>
            value ?? throw new FuseMixException(FailureKind.Invalid, $"The body of the request has no '{key}'.", $"Give \"{key}\".");
}
