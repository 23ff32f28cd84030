using System.Buffers.Binary;
using System.Text;
using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back()
    {
        var path = _folder["a.safetensors"];
        float[] floats = [1, -2.5f, 3e-5f, float.MaxValue, 0, -0f];
        new SafetensorsWriter()
            .AddMetadata("encoder", "use-lite \"é😀\"")
            .AddInt64("steps", new long[] { 7, long.MinValue }, 2)
            .AddFloat32("full", floats, 2, 3)
            .AddFloat16("half", floats.AsMemory(0, 3), 3)
            .AddBytes("ids", Encoding.UTF8.GetBytes("a\nb"), 3)
            .AddFloat32("none", default, 0, 4)
            .AddStreamed("scalar", SafetensorsDtype.U8, [], s => s.WriteByte(9))
            .Save(path);

        using var file = SafetensorsFile.Open(path);
        Assert.Equal(["steps", "full", "half", "ids", "none", "scalar"], file.Tensors.Keys);
        Assert.Equal("use-lite \"é😀\"", file.Metadata["encoder"]);
        Assert.Equal([7, long.MinValue], file.Values<long>("steps").ToArray());
        Assert.Equal([2L, 3L], file.Tensor("full").Shape);
        Assert.Equal(floats, file.Values<float>("full").ToArray());
        var half = new float[3];
        file.CopyFloats("half", half);
        Assert.Equal([1, -2.5f, (float)(Half)3e-5f], half);
        Assert.Equal("a\nb", Encoding.UTF8.GetString(file.Bytes("ids")));
        Assert.Equal(0, file.Tensor("none").Count);
        Assert.Equal(9, file.Bytes("scalar")[0]);
    }

    [Fact]
    public void The_bytes_are_those_that_the_format_prescribes()
    {
        using var stream = new MemoryStream();
        new SafetensorsWriter().AddMetadata("k", "v").AddFloat32("x", new[] { 1f, 2f }, 2).Write(stream);
        var json = """{"__metadata__":{"k":"v"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        var padded = json.PadRight((json.Length + 7) / 8 * 8);
        byte[] expected = [(byte)padded.Length, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(padded), 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40];
        Assert.Equal(expected, stream.ToArray());
    }

    [Fact]
    public void Saving_returns_the_checksum_of_the_file_and_is_deterministic()
    {
        SafetensorsWriter Make() =>
            new SafetensorsWriter().AddMetadata("b", "1").AddMetadata("a", "2").AddFloat16("x", new float[1000], 10, 100);
        var first = Make().Save(_folder["1"]);
        var second = Make().Save(_folder["2"]);
        Assert.Equal(first, second);
        Assert.Equal(FileChecksum.Of(_folder["1"]), first);
    }

    [Theory]
    [InlineData(SafetensorsDtype.F16)]
    [InlineData(SafetensorsDtype.BF16)]
    [InlineData(SafetensorsDtype.F32)]
    public void Rows_of_every_float_type_widen_exactly_as_a_scalar_conversion_does(SafetensorsDtype dtype)
    {
        // Every 16-bit pattern, in rows whose width is no multiple of a vector.
        const int Width = 37;
        var patterns = Enumerable.Range(0, 65536 / Width * Width).Select(i => (ushort)i).ToArray();
        var expected = patterns.Select(p => dtype switch
        {
            SafetensorsDtype.F16 => (float)BitConverter.UInt16BitsToHalf(p),
            SafetensorsDtype.BF16 => BitConverter.UInt32BitsToSingle((uint)p << 16),
            _ => p,
        }).ToArray();
        var path = _folder["x"];
        new SafetensorsWriter().AddStreamed("x", dtype, [patterns.Length / Width, Width], s =>
        {
            foreach (var (pattern, value) in patterns.Zip(expected))
                s.Write(dtype == SafetensorsDtype.F32 ? BitConverter.GetBytes(value) : BitConverter.GetBytes(pattern));
        }).Save(path);

        using var file = SafetensorsFile.Open(path);
        var all = new float[patterns.Length];
        file.CopyFloats("x", all);
        AssertSame(expected, all);
        var rows = new float[3 * Width];
        file.CopyRows("x", 5, 3, rows);
        AssertSame(expected[(5 * Width)..(8 * Width)], rows);
    }

    [Fact]
    public void Rows_outside_the_tensor_are_refused()
    {
        new SafetensorsWriter().AddFloat32("x", new float[6], 3, 2).Save(_folder["x"]);
        using var file = SafetensorsFile.Open(_folder["x"]);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.CopyRows("x", 2, 2, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.CopyRows("x", -1, 1, new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.CopyRows("x", long.MaxValue, 2, new float[4]));
        Assert.Throws<ArgumentException>(() => file.CopyRows("x", 0, 2, new float[3]));
        Assert.Throws<ArgumentException>(() => file.CopyFloats("x", new float[5]));
    }

    [Fact]
    public void A_tensor_of_another_type_or_an_unknown_name_is_refused_by_name()
    {
        new SafetensorsWriter().AddInt64("steps", new long[] { 1 }, 1).Save(_folder["x"]);
        using var file = SafetensorsFile.Open(_folder["x"]);
        Assert.Contains("I64", Assert.Throws<FuseMixException>(() => file.CopyFloats("steps", new float[1])).Message);
        Assert.Contains("I64", Assert.Throws<FuseMixException>(() => _ = file.Values<float>("steps").Length).Message);
        var unknown = Assert.Throws<FuseMixException>(() => _ = file.Bytes("step").Length);
        Assert.Equal(FailureKind.NotFound, unknown.Kind);
        Assert.Contains("'steps'", unknown.Remedy);
    }

    [Fact]
    public void A_closed_file_is_not_read()
    {
        new SafetensorsWriter().AddFloat32("x", new float[2], 2).Save(_folder["x"]);
        var file = SafetensorsFile.Open(_folder["x"]);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.CopyFloats("x", new float[2]));
    }

    [Fact]
    public void A_streamed_tensor_that_writes_too_little_leaves_no_file()
    {
        var writer = new SafetensorsWriter().AddStreamed("x", SafetensorsDtype.F32, [2], s => s.Write(new byte[7]));
        Assert.Contains("'x'", Assert.Throws<InvalidOperationException>(() => writer.Save(_folder["x"])).Message);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void The_writer_refuses_wrong_shapes_and_taken_names()
    {
        var writer = new SafetensorsWriter().AddFloat32("x", new float[2], 2);
        Assert.Throws<ArgumentException>(() => writer.AddFloat32("x", new float[2], 2));
        Assert.Throws<ArgumentException>(() => writer.AddFloat32("y", new float[2], 3));
        Assert.Throws<ArgumentException>(() => writer.AddFloat32("__metadata__", new float[2], 2));
        Assert.Throws<OverflowException>(() => writer.AddStreamed("z", SafetensorsDtype.F32, [long.MaxValue, 2], _ => { }));
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var missing = Assert.Throws<FuseMixException>(() => SafetensorsFile.Open(_folder["nowhere"]));
        Assert.Equal(FailureKind.NotFound, missing.Kind);
        Assert.Contains("nowhere", missing.Message);
    }

    [Theory]
    [InlineData("", "header is not a JSON object")]
    [InlineData("[]", "header is not a JSON object")]
    [InlineData(" {}", "header is not a JSON object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("{}x", "not valid JSON")]
    [InlineData("""{"x":1}""", "not described by an object")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2]}}""", "lacks dtype, shape or a pair")]
    [InlineData("""{"x":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", "unknown dtype 'F33'")]
    [InlineData("""{"x":{"dtype":"1","shape":[2],"data_offsets":[0,8]}}""", "unknown dtype '1'")]
    [InlineData("""{"x":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}""", "unknown dtype 'f32'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", "wrong or repeated 'shape'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1}}""", "wrong or repeated 'extra'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "whole number")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "whole number")]
    [InlineData("""{"x":{"dtype":"F32","shape":[18446744073709551618],"data_offsets":[0,8]}}""", "whole number")]
    [InlineData("""{"x":{"dtype":"F32","shape":"2","data_offsets":[0,8]}}""", "no array")]
    [InlineData("""{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "cannot have 8 bytes")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", "cannot have 8 bytes")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "ends before it begins")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}""", "pair of data offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "gap of 4 bytes")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "4 bytes after the last tensor")]
    [InlineData("""{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "cut short")]
    [InlineData("""{"x":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", "cut short")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "overlaps")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'x' twice")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'a' appears twice")]
    [InlineData("""{"__metadata__":{"a":1},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'a' is not a string")]
    [InlineData("""{"__metadata__":[],"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not an object")]
    [InlineData("""{"__metadata__":{},"__metadata__":{},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "two metadata sections")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not valid JSON")]
    public void Every_lie_of_a_header_is_refused_and_the_file_named(string header, string complaint)
    {
        File.WriteAllBytes(
            _folder["lie"], [.. Length(Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[8]]);
        var refusal = Assert.Throws<FuseMixException>(() => SafetensorsFile.Open(_folder["lie"]));
        Assert.Equal(FailureKind.Corrupt, refusal.Kind);
        Assert.Contains(_folder["lie"], refusal.Message);
        Assert.Contains(complaint, refusal.Message);
    }

    [Fact]
    public void A_header_that_is_not_UTF_8_is_refused()
    {
        byte[] header = [.. "{\""u8, 0xc3, 0x28, .. """":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""""u8];
        File.WriteAllBytes(_folder["lie"], [.. Length(header.Length), .. header, .. new byte[8]]);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => SafetensorsFile.Open(_folder["lie"])).Kind);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001UL)]
    [InlineData(99_999_999UL)]
    [InlineData(3UL)]
    public void A_header_length_beyond_the_limit_or_the_file_is_refused_without_reading_it(ulong length)
    {
        var prefix = new byte[10];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
        File.WriteAllBytes(_folder["lie"], prefix);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => SafetensorsFile.Open(_folder["lie"])).Kind);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(60)]
    [InlineData(-1)]
    public void A_truncated_file_is_refused(int length)
    {
        new SafetensorsWriter().AddFloat32("x", new float[100], 100).Save(_folder["x"]);
        var bytes = File.ReadAllBytes(_folder["x"]);
        File.WriteAllBytes(_folder["x"], bytes[..(length < 0 ? bytes.Length + length : length)]);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => SafetensorsFile.Open(_folder["x"])).Kind);
    }

    [Fact]
    public void Twenty_thousand_mutations_give_either_a_consistent_file_or_the_one_kind_of_refusal()
    {
        using var stream = new MemoryStream();
        new SafetensorsWriter().AddMetadata("k", "v").AddInt64("i", new long[] { 1, 2 }, 2).AddFloat16("h", new float[6], 2, 3)
            .AddBytes("u", new byte[3], 3).Write(stream);
        var seed = stream.ToArray();
        var headerLength = BinaryPrimitives.ReadInt32LittleEndian(seed);
        var random = new System.Random(20261122);
        string[] tokens =
            ["{", "}", "[", "]", ",", ":", "\"", "0", "-1", "9999999999", "1e3", "F32", "null", "\\ud800", "__metadata__", "\u00e9", " "];
        int refused = 0, accepted = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = seed.ToList();
            for (var edits = random.Next(1, 5); edits > 0; edits--)
            {
                var at = random.Next(8, 8 + headerLength);
                switch (random.Next(6))
                {
                    case 0: bytes[random.Next(bytes.Count)] = (byte)random.Next(256); break;
                    case 1: bytes[Math.Min(at, bytes.Count - 1)] ^= (byte)(1 << random.Next(8)); break;
                    case 2: bytes.RemoveAt(Math.Min(at, bytes.Count - 1)); break;
                    case 3: bytes.InsertRange(Math.Min(at, bytes.Count), Encoding.UTF8.GetBytes(tokens[random.Next(tokens.Length)])); break;
                    case 4: bytes.RemoveRange(random.Next(16, bytes.Count), 1); break;
                    default: bytes[Math.Min(at, bytes.Count - 1)] = (byte)"0123456789"[random.Next(10)]; break;
                }
            }

            // Half of the rounds keep the length honest, so that the mutation reaches the JSON reader.
            if (random.Next(2) == 0)
                BinaryPrimitives.WriteInt32LittleEndian(
                    System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes), headerLength + bytes.Count - seed.Length);
            var content = bytes.ToArray();
            var claimed = BinaryPrimitives.ReadUInt64LittleEndian(content);
            if (claimed > (ulong)content.Length - 8) continue;
            try
            {
                var dataLength = content.Length - 8 - (int)claimed;
                var header = SafetensorsHeader.Parse("fuzz", content.AsSpan(8, (int)claimed), dataLength);
                Assert.Equal(dataLength, header.Tensors.Values.Sum(t => t.Length));
                Assert.All(header.Tensors.Values, t => Assert.Equal(t.Length, t.Shape.Aggregate(1L, (a, b) => a * b) * t.Dtype.Size()));
                accepted++;
            }
            catch (FuseMixException e) when (e.Kind == FailureKind.Corrupt)
            {
                refused++;
            }
        }

        Assert.True(refused > 10_000, $"{refused} refused, {accepted} accepted");
        Assert.True(accepted > 100, $"{refused} refused, {accepted} accepted");
    }

    private static byte[] Length(int length)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        return bytes;
    }

    private static void AssertSame(float[] expected, float[] actual) =>
        Assert.Equal(expected.Select(Canonical), actual.Select(Canonical));

    // Quieting a signalling NaN is allowed to differ between the paths; everything else must agree to the bit.
    private static uint Canonical(float value) => float.IsNaN(value) ? 0x7fc00000 : BitConverter.SingleToUInt32Bits(value);
}
