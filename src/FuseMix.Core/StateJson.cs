using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Core;

/// <summary>How grain states are written, wherever they are kept: JSON, of which another version reads what it knows, people read all, and
/// which moves from one kind of storage to another as it is.</summary>
/// <remarks>No name of a .NET type stands in it: types can be renamed, and what is stored never chooses what is made of it. A member that
/// is new has its default where an older version wrote the state; one that was removed is skipped.</remarks>
public static class StateJson
{
    private static readonly JsonSerializerOptions Options =
        new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter() } };

    /// <summary>The text of a state.</summary>
    public static string Write<T>(T state) => JsonSerializer.Serialize(state, Options);

    /// <summary>The state of a text.</summary>
    /// <param name="text">The text, UTF-8.</param>
    /// <param name="what">What to call it in failures, e.g. "The state 'jobs'".</param>
    /// <exception cref="FuseMixException">It is not the text of such a state.</exception>
    public static T Read<T>(ReadOnlySpan<byte> text, string what)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Options)!;
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"{what} cannot be read as {typeof(T).Name}: {failure.Message}",
                "It was written by another version or changed by hand. Restore it, or delete it to start the grain anew.",
                failure);
        }
    }
}
