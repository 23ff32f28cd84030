using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using FuseMix.Encoders.Packs;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace FuseMix.Encoders.Sessions;

/// <summary>Reads latents out of a model's output tensor: pooling, unit length, and the checks that every latent must pass.</summary>
internal sealed class ModelOutput(EncoderPackDefinition definition)
{
    /// <summary>Writes the first rows of <paramref name="output"/> into the batch, as the latents of <paramref name="items"/>.</summary>
    /// <exception cref="FuseMixException">The tensor has another shape or type than the pack says.</exception>
    public void Read(OrtValue output, IReadOnlyList<int> items, EncoderSession.Batch batch, int length)
    {
        var info = output.GetTensorTypeAndShape();
        float[]? widened = null;
        if (info.ElementDataType == TensorElementType.Float16)
        {
            var halves = MemoryMarshal.Cast<Float16, Half>(output.GetTensorDataAsSpan<Float16>());
            widened = new float[halves.Length];
            TensorPrimitives.ConvertToSingle(halves, widened);
        }
        else if (info.ElementDataType != TensorElementType.Float)
        {
            throw Lie($"holds {info.ElementDataType}, not floating point", info.Shape);
        }

        var values = widened ?? output.GetTensorDataAsSpan<float>();
        var rowLength = RowLength(info.Shape, items.Count, length);
        for (var row = 0; row < items.Count; row++)
        {
            var latent = batch.Latent(items[row]);
            Pool(values.Slice(row * rowLength, rowLength), latent, batch.Prepared[items[row]].Length);
            if (Fault(latent) is not { } fault) continue;
            latent.Clear();
            batch.Errors[items[row]] = fault;
        }
    }

    private int RowLength(long[] shape, int rows, int length)
    {
        var dimension = definition.Latent.Dimension;
        if (shape.Length == 0 || shape[0] < rows) throw Lie($"has fewer rows than the {rows} items of the call", shape);
        var fits = definition.Latent.Pooling switch
        {
            Pooling.None => shape.Skip(1).Aggregate(1L, (a, b) => a * b) == dimension,
            Pooling.SpatialMean => shape.Length == 4 && shape[1] == dimension && shape[2] * shape[3] > 0,
            _ => shape.Length == 3 && shape[2] == dimension && shape[1] > 0 && (definition.Text is null || shape[1] == Math.Max(1, length)),
        };
        if (!fits)
        {
            var wanted = definition.Latent.Pooling switch
            {
                Pooling.None => $"[n, {dimension}]",
                Pooling.SpatialMean => $"[n, {dimension}, height, width]",
                _ => $"[n, positions, {dimension}]",
            };
            throw Lie($"is not {wanted}, as 'latent.dimension' and 'latent.pooling' have it", shape);
        }

        return (int)shape.Skip(1).Aggregate(1L, (a, b) => a * b);
    }

    /// <param name="row">The item's part of the output.</param>
    /// <param name="latent">Where its latent goes.</param>
    /// <param name="tokens">How many of its positions are no padding; 0 where items have no length, or no token.</param>
    private void Pool(ReadOnlySpan<float> row, Span<float> latent, int tokens)
    {
        var dimension = latent.Length;
        switch (definition.Latent.Pooling)
        {
            case Pooling.None or Pooling.Cls:
                row[..dimension].CopyTo(latent);
                return;
            case Pooling.Last:
                row.Slice(Math.Max(0, tokens - 1) * dimension, dimension).CopyTo(latent);
                return;
            case Pooling.SpatialMean:
                var area = row.Length / dimension;
                for (var d = 0; d < dimension; d++) latent[d] = TensorPrimitives.Sum(row.Slice(d * area, area)) / area;
                return;
            default:
                var positions = definition.Text is null ? row.Length / dimension : tokens;
                latent.Clear();
                for (var p = 0; p < positions; p++) TensorPrimitives.Add(latent, row.Slice(p * dimension, dimension), latent);
                TensorPrimitives.Divide(latent, Math.Max(1, positions), latent);
                return;
        }
    }

    private string? Fault(Span<float> latent)
    {
        foreach (var value in latent)
        {
            if (!float.IsFinite(value)) return $"The latent of '{definition.Name}' is not finite: it holds {value}.";
        }

        if (!definition.Latent.Normalise) return null;
        var norm = TensorPrimitives.Norm<float>(latent);
        if (!(norm > 0) || !float.IsFinite(norm))
            return $"The latent of '{definition.Name}' has the length {norm}, which cannot be made 1.";
        TensorPrimitives.Divide(latent, norm, latent);
        return null;
    }

    private FuseMixException Lie(string how, long[] shape) => new(
        FailureKind.Corrupt,
        $"The encoder pack '{definition.Name}' lies: its output '{definition.Latent.Tensor}' of the shape [{string.Join(", ", shape)}] "
            + $"{how}.",
        "Correct encoder.json; docs/encoder-packs.md explains its keys.");
}
