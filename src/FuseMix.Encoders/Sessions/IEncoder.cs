namespace FuseMix.Encoders.Sessions;

/// <summary>A frozen encoder that is ready to use. Thread-safe.</summary>
public interface IEncoder : IDisposable
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>What it encodes.</summary>
    Modality Modality { get; }

    /// <summary>Values per latent.</summary>
    int Dimension { get; }

    /// <summary>Which encoder it is, by content.</summary>
    Fingerprint Fingerprint { get; }

    /// <summary>Encodes items. One that cannot be encoded gets its reason and does not hurt the others.</summary>
    /// <param name="items">Any number of items.</param>
    /// <param name="cancellation">Stops before the next call of the model.</param>
    /// <exception cref="FuseMixException">The encoder itself is at fault: its pack lies about the model, or a library is
    /// missing.</exception>
    EncodedBatch EncodeBatch(IReadOnlyList<EncoderInput> items, CancellationToken cancellation = default);
}
