namespace FuseMix.Encoders.Sessions;

/// <summary>The latents of a batch, in the order of its items; an item that could not be encoded has the reason instead.</summary>
public sealed class EncodedBatch
{
    private readonly float[] _latents;
    private readonly IReadOnlyList<string?> _errors;

    /// <summary>A batch from its parts.</summary>
    /// <param name="latents">[errors.Count × dimension], row-major; not copied. Rows of failed items are not looked at.</param>
    /// <param name="dimension">Values per latent.</param>
    /// <param name="errors">Per item: null where it was encoded, else why not.</param>
    /// <exception cref="ArgumentException">The lengths do not fit.</exception>
    public EncodedBatch(float[] latents, int dimension, IReadOnlyList<string?> errors)
    {
        if (latents.LongLength != (long)dimension * errors.Count)
            throw new ArgumentException(
                $"{errors.Count} latents of {dimension} values need other than {latents.LongLength} values.", nameof(latents));
        (_latents, Dimension, _errors) = (latents, dimension, errors);
        Failures = errors.Count(error => error is not null);
    }

    /// <summary>Number of items.</summary>
    public int Count => _errors.Count;

    /// <summary>Values per latent.</summary>
    public int Dimension { get; }

    /// <summary>How many items could not be encoded.</summary>
    public int Failures { get; }

    /// <summary>The latent of one item.</summary>
    /// <exception cref="FuseMixException">The item could not be encoded; the message says why.</exception>
    public ReadOnlySpan<float> this[int item] => _errors[item] is { } error
        ? throw new FuseMixException(FailureKind.Invalid, $"Item {item} could not be encoded: {error}")
        : _latents.AsSpan(item * Dimension, Dimension);

    /// <summary>Why an item could not be encoded; null where it was.</summary>
    public string? ErrorOf(int item) => _errors[item];

    /// <summary>All rows [<see cref="Count"/> × <see cref="Dimension"/>], row-major; those of failed items are zero.</summary>
    public ReadOnlyMemory<float> Latents => _latents;
}
