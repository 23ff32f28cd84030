using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>All weights of a model, decoded as TensorFlow.js does it.</summary>
internal sealed class WeightTable
{
    private readonly Dictionary<string, Weight> _weights = new(StringComparer.Ordinal);
    private readonly string _source;

    private WeightTable(string source) => _source = source;

    public IEnumerable<string> Names => _weights.Keys;

    /// <summary>Decodes the weights of a manifest.</summary>
    /// <param name="manifest">The model's <c>weightsManifest</c>: groups of shards, each the concatenation of its weights.</param>
    /// <param name="readShard">Gives the bytes of a shard by its name in the manifest.</param>
    /// <exception cref="FuseMixException">A type is unknown, or the bytes are too few (the weight is named) or too many.</exception>
    public static WeightTable Read(JsonPart manifest, Func<string, byte[]> readShard)
    {
        var table = new WeightTable(manifest.Path);
        foreach (var group in manifest.Items())
        {
            var shards = group["paths"].Items().Select(path => readShard(path.Text())).ToArray();
            var total = shards.Sum(shard => (long)shard.Length);
            if (total > Array.MaxLength) throw group.Failure($"has {total} bytes, more than this importer takes");
            ReadOnlySpan<byte> rest = Concatenate(shards, (int)total);
            foreach (var entry in group["weights"].Items())
            {
                var weight = Decode(entry, ref rest);
                if (!table._weights.TryAdd(weight.Name, weight)) throw entry.Failure($"repeats the name '{weight.Name}'");
            }

            if (!rest.IsEmpty) throw group.Failure($"has {total} bytes, {rest.Length} more than its weights take");
        }

        return table;
    }

    /// <summary>A weight by name.</summary>
    /// <exception cref="FuseMixException">There is none; the nearest name is given.</exception>
    public Weight this[string name] => Find(name) ?? throw new FuseMixException(
        FailureKind.Corrupt,
        $"{_source} has no weight '{name}'.",
        (NearestName.Of(name, _weights.Keys) is { } nearest ? $"It has '{nearest}'. " : "") + "Is it another version of the package?");

    /// <summary>A weight by name that must have a certain shape.</summary>
    public Weight this[string name, params ReadOnlySpan<int> shape]
    {
        get
        {
            var weight = this[name];
            return shape.SequenceEqual(weight.Shape) ? weight : throw new FuseMixException(
                FailureKind.Corrupt,
                $"The weight '{name}' of {_source} is {weight.ShapeText}, not [{string.Join(", ", shape.ToArray())}].",
                "Is it another version of the package?");
        }
    }

    /// <summary>A weight by name, or null.</summary>
    public Weight? Find(string name) => _weights.GetValueOrDefault(name);

    private static byte[] Concatenate(byte[][] shards, int total)
    {
        if (shards.Length == 1) return shards[0];
        var (all, at) = (new byte[total], 0);
        foreach (var shard in shards)
        {
            shard.CopyTo(all, at);
            at += shard.Length;
        }

        return all;
    }

    private static Weight Decode(JsonPart entry, ref ReadOnlySpan<byte> rest)
    {
        var name = entry["name"].Text();
        int[] shape = [.. entry["shape"].Items().Select(size => size.Int(0, int.MaxValue))];
        var sizes = string.Join(", ", shape);
        var count = 1L;
        foreach (var size in shape)
        {
            if (size > 0 && count > int.MaxValue / size) throw entry.Failure($"(weight '{name}') has the impossible shape [{sizes}]");
            count *= size;
        }

        var quantization = entry.Find("quantization");
        var stored = quantization is { } part ? part["dtype"].Text() : entry["dtype"].Text();
        var width = stored switch
        {
            "float32" or "int32" when quantization is null => 4,
            "bool" when quantization is null => 1,
            "float16" or "uint16" when quantization is not null => 2,
            "uint8" when quantization is not null => 1,
            _ => throw entry.Failure($"(weight '{name}') has the type '{stored}', which this importer does not know"),
        };
        var length = count * width;
        if (length > rest.Length)
            throw entry.Failure($"(weight '{name}', {stored} [{sizes}]) needs {length} bytes, {rest.Length} are left");
        var bytes = rest[..(int)length];
        rest = rest[(int)length..];
        var values = new float[count];
        switch (stored)
        {
            case "float32":
                Little<float>(bytes).CopyTo(values);
                break;
            case "int32":
                var whole = Little<int>(bytes);
                for (var i = 0; i < values.Length; i++) values[i] = whole[i];
                break;
            case "bool":
                for (var i = 0; i < values.Length; i++) values[i] = bytes[i] == 0 ? 0 : 1;
                break;
            case "float16":
                for (var i = 0; i < values.Length; i++) values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
                break;
            default:
                // TensorFlow.js computes in double and rounds once to fp32.
                var (scale, least) = (quantization!.Value["scale"].Double(), quantization.Value["min"].Double());
                for (var i = 0; i < values.Length; i++)
                {
                    int step = width == 1 ? bytes[i] : BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
                    values[i] = (float)((step * scale) + least);
                }

                break;
        }

        if (!values.All(float.IsFinite)) throw entry.Failure($"(weight '{name}') holds a value that is not a finite number");
        return new Weight(name, shape, values);
    }

    private static ReadOnlySpan<T> Little<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged => BitConverter.IsLittleEndian
        ? MemoryMarshal.Cast<byte, T>(bytes)
        : throw new PlatformNotSupportedException("Weights are read on little-endian machines only.");
}
