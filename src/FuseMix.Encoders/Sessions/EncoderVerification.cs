using System.Diagnostics;
using System.Numerics.Tensors;
using FuseMix.Encoders.Packs;

namespace FuseMix.Encoders.Sessions;

/// <summary>What was found out about a pack by trying it.</summary>
/// <param name="Name">The encoder's name.</param>
/// <param name="Fingerprint">The pack's fingerprint.</param>
/// <param name="Device">What it ran on.</param>
/// <param name="Signature">One line per input and output of the model.</param>
/// <param name="Dimension">Values per latent, as seen.</param>
/// <param name="ItemTime">How long one item took, the better of two.</param>
public sealed record EncoderVerificationReport(
    string Name, Fingerprint Fingerprint, EncoderDevice Device, IReadOnlyList<string> Signature, int Dimension, TimeSpan ItemTime);

/// <summary>Tries a pack out, so that one that lies is refused before it is used.</summary>
public static class EncoderVerification
{
    /// <summary>How far two latents of the same item may be apart, relative to their length: rounding in another order, not more.</summary>
    private const double Tolerance = 1e-3;

    /// <summary>Opens the model and encodes two made-up items, alone and together.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="expected">The fingerprint that the pack should have; null where any will do.</param>
    /// <param name="options">How to open it.</param>
    /// <exception cref="FuseMixException">
    /// Corrupt: another fingerprint, a model that does not open, tensors or a dimension other than the pack says, latents that are not
    /// finite, that differ from call to call, depend on the other items of a call, or do not depend on the item at all.
    /// </exception>
    public static EncoderVerificationReport Verify(EncoderPack pack, Fingerprint? expected = null, EncoderSessionOptions? options = null)
    {
        if (expected is { } wanted && wanted != pack.Fingerprint)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The encoder '{pack.Name}' has the fingerprint {pack.Fingerprint.Short}, not {wanted.Short}: it is another encoder.",
                "Install the one that was meant; latents of one never mix with those of another.");
        }

        using var session = EncoderSession.Open(pack, options);
        var (first, second) = session.Probes;
        var (one, _) = Encode(first);
        var (again, time) = Encode(first);
        var (other, otherTime) = Encode(second);
        var together = session.EncodeBatch([second, first, second]);

        if (Distance(one, again) > Tolerance)
            throw ModelSignature.Lie(pack, $"the same item gets another latent every time (relative difference {Distance(one, again):g2})");
        if (Distance(one, other) < 1e-6)
            throw ModelSignature.Lie(pack, $"two different items get the same latent, so '{pack.Definition.Latent.Tensor}' does not depend on the item");
        foreach (var (row, alone) in new[] { (0, other), (1, one), (2, other) })
        {
            if (together.ErrorOf(row) is { } error) throw ModelSignature.Lie(pack, error.TrimEnd('.'));
            if (Distance(together[row], alone) > Tolerance)
            {
                throw Depends(pack, Distance(together[row], alone));
            }
        }

        return new EncoderVerificationReport(
            pack.Name, pack.Fingerprint, session.Device, session.Signature, one.Length, time < otherTime ? time : otherTime);

        (float[] Latent, TimeSpan Time) Encode(EncoderInput item)
        {
            var start = Stopwatch.GetTimestamp();
            var batch = session.EncodeBatch([item]);
            if (batch.ErrorOf(0) is { } error) throw ModelSignature.Lie(pack, error.TrimEnd('.'));
            return (batch[0].ToArray(), Stopwatch.GetElapsedTime(start));
        }
    }

    private static FuseMixException Depends(EncoderPack pack, double distance)
    {
        var how = $"an item's latent depends on the others of its call (relative difference {distance:g2})";
        return QuantisesDynamically(pack.ModelPath)
            ? new FuseMixException(
                FailureKind.Corrupt,
                $"The model of the encoder pack '{pack.Name}' is quantised dynamically, by the range of all items of a call: {how}.",
                "Install it as it was before that, or quantised statically.")
            : ModelSignature.Lie(pack, $"{how}; a mask or a pooling is missing");
    }

    /// <summary>Whether the model has an operator that takes its scale from all values of a tensor, and so from all items of a call.</summary>
    private static bool QuantisesDynamically(string model)
    {
        var name = "DynamicQuantizeLinear"u8;
        using var file = File.OpenRead(model);
        var buffer = new byte[1 << 20];
        for (int kept = 0, read; (read = file.Read(buffer, kept, buffer.Length - kept)) > 0;)
        {
            var seen = buffer.AsSpan(0, kept + read);
            if (seen.IndexOf(name) >= 0) return true;

            // The name may lie across the end of what was read.
            kept = Math.Min(seen.Length, name.Length - 1);
            seen[^kept..].CopyTo(buffer);
        }

        return false;
    }

    private static double Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b) =>
        TensorPrimitives.Distance(a, b) / Math.Max(1e-12, Math.Max(TensorPrimitives.Norm<float>(a), TensorPrimitives.Norm<float>(b)));
}
