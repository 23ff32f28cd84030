namespace FuseMix.Core;

/// <summary>Why a request could not be served, in the words that a caller can act on.</summary>
public enum FailureKind
{
    /// <summary>The request itself is wrong.</summary>
    Invalid,

    /// <summary>It names something that does not exist.</summary>
    NotFound,

    /// <summary>It contradicts what is already there.</summary>
    Conflict,

    /// <summary>Stored data are damaged: a checksum, a shape or a count does not hold.</summary>
    Corrupt,

    /// <summary>It may work later, or elsewhere: something it needs is missing or busy.</summary>
    Unavailable,

    /// <summary>A fault of the program itself; a log tells more.</summary>
    Internal,
}

/// <summary>A failure that a user can act on: it names the thing that is wrong and, where there is one, the way out.</summary>
/// <remarks>
/// <see cref="Kind"/> and <see cref="Remedy"/> live in <see cref="Exception.Data"/>, which every runtime carries across a
/// grain call, so that the caller on another machine reads the same words.
/// </remarks>
public sealed class FuseMixException : Exception
{
    /// <summary>A failure of <paramref name="kind"/> in one sentence, with an optional second one that names the way out.</summary>
    /// <remarks>A message that ends with another program's words gets the full stop that those may lack.</remarks>
    public FuseMixException(FailureKind kind, string message, string? remedy = null, Exception? inner = null)
        : base(Sentence(message), inner)
    {
        Data["fusemix.kind"] = kind.ToString();
        if (remedy is not null) Data["fusemix.remedy"] = remedy;
    }

    /// <summary>For serializers, which fill <see cref="Exception.Data"/> afterwards.</summary>
    public FuseMixException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>What kind of failure this is; <see cref="FailureKind.Invalid"/> where nothing else was said.</summary>
    public FailureKind Kind => Enum.TryParse<FailureKind>(Data["fusemix.kind"] as string, out var kind) ? kind : FailureKind.Invalid;

    /// <summary>What to do about it, often the next command; null where nothing can be advised.</summary>
    public string? Remedy => Data["fusemix.remedy"] as string;

    private static string Sentence(string message)
    {
        var text = message.TrimEnd();
        if (text.EndsWith("..", StringComparison.Ordinal) && !text.EndsWith("...", StringComparison.Ordinal)) return text[..^1];
        return text.Length == 0 || text[^1] is '.' or '!' or '?' or '…' ? text : text + ".";
    }

    /// <summary>Message and remedy in one text.</summary>
    public string Advice => Remedy is null ? Message : $"{Message} {Remedy}";

    /// <summary>The failure for a name that is not among <paramref name="known"/>: it names the nearest valid one.</summary>
    /// <param name="what">What the name stands for, e.g. "encoder".</param>
    /// <param name="name">The name as it was given.</param>
    /// <param name="known">Every valid name.</param>
    /// <param name="kind">Whether the name is of a missing thing or a wrong word.</param>
    public static FuseMixException UnknownName(string what, string name, IEnumerable<string> known, FailureKind kind = FailureKind.NotFound)
    {
        var all = known.Order(StringComparer.Ordinal).ToArray();
        var nearest = NearestName.Of(name, all);
        var remedy = nearest is not null ? $"Did you mean '{nearest}'?"
            : all.Length == 0 ? $"There is no {what} yet."
            : $"Known: {string.Join(", ", all.Take(12))}{(all.Length > 12 ? ", …" : "")}.";
        return new FuseMixException(kind, $"There is no {what} named '{name}'.", remedy);
    }
}
