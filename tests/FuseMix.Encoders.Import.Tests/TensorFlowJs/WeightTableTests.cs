using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests.TensorFlowJs;

public sealed class WeightTableTests
{
    [Fact]
    public void Every_type_is_widened_to_fp32()
    {
        byte[] bytes =
        [
            .. MemoryMarshal.AsBytes<float>([1.5f, -2]),
            .. MemoryMarshal.AsBytes<int>([7, -8]),
            1, 0,
            0, 255,
            .. MemoryMarshal.AsBytes<ushort>([3, 65535]),
            .. MemoryMarshal.AsBytes<Half>([(Half)0.5f, (Half)(-3)]),
        ];
        var table = Read(
            """
            {"name":"f","shape":[2],"dtype":"float32"},{"name":"i","shape":[1,2],"dtype":"int32"},{"name":"b","shape":[2],"dtype":"bool"},
            {"name":"q8","shape":[2],"dtype":"float32","quantization":{"dtype":"uint8","scale":0.1,"min":-1}},
            {"name":"q16","shape":[2],"dtype":"float32","quantization":{"dtype":"uint16","scale":0.5,"min":2}},
            {"name":"h","shape":[2],"dtype":"float32","quantization":{"dtype":"float16"}},
            {"name":"none","shape":[0,3],"dtype":"float32"}
            """,
            bytes[..7],
            bytes[7..]);

        Assert.Equal([1.5f, -2], table["f"].Values);
        Assert.Equal([7, -8], table["i"].Values);
        Assert.Equal([1, 2], table["i"].Shape);
        Assert.Equal([1, 0], table["b"].Values);
        Assert.Equal([-1f, (float)((255 * 0.1) - 1)], table["q8"].Values);
        Assert.Equal([3.5f, 32769.5f], table["q16"].Values);
        Assert.Equal([0.5f, -3], table["h"].Values);
        Assert.Empty(table["none"].Values);
    }

    [Theory]
    [InlineData("""{"name":"w","shape":[3],"dtype":"float32"}""", "(weight 'w', float32 [3]) needs 12 bytes, 8 are left")]
    [InlineData("""{"name":"w","shape":[1],"dtype":"float32"}""", "8 bytes, 4 more than its weights take")]
    [InlineData("""{"name":"w","shape":[2],"dtype":"complex64"}""", "'complex64'")]
    [InlineData("""{"name":"w","shape":[2],"dtype":"float32","quantization":{"dtype":"float32"}}""", "'float32'")]
    [InlineData("""{"name":"w","shape":[2147483647,2147483647],"dtype":"bool"}""", "impossible shape")]
    [InlineData("""{"name":"w","shape":[-1],"dtype":"bool"}""", "shape[0]")]
    [InlineData("""{"name":"w","shape":[1],"dtype":"float32"},{"name":"w","shape":[1],"dtype":"float32"}""", "repeats the name 'w'")]
    [InlineData("""{"shape":[2],"dtype":"float32"}""", "has no 'name'")]
    [InlineData("""{"name":"w","shape":[8],"dtype":"float32","quantization":{"dtype":"uint8","min":0}}""", "has no 'scale'")]
    public void A_manifest_that_lies_is_refused(string weights, string expected)
    {
        var e = Assert.Throws<FuseMixException>(() => Read(weights, new byte[8]));

        Assert.Equal(FailureKind.Corrupt, e.Kind);
        Assert.Contains(expected, e.Message);
    }

    [Fact]
    public void A_value_that_is_not_finite_is_refused() =>
        Assert.Contains(
            "'w'",
            Assert.Throws<FuseMixException>(() => Read("""{"name":"w","shape":[1],"dtype":"float32"}""", [0, 0, 0xC0, 0x7F])).Message);

    [Fact]
    public void Any_damage_to_a_manifest_fails_only_in_words()
    {
        var whole = Encoding.Latin1.GetBytes(
            """{m:[{paths:["a","b"],weights:[{name:"f",shape:[2],dtype:"float32"},{name:"q",shape:[2,2],dtype:"float32",quantization:{min:-.5,scale:.25,dtype:"uint8"}}]}]}""");
        var read = 0;
        foreach (var damaged in Mutations.Of(whole, seed: 22, count: 20_000))
        {
            try
            {
                var part = new JsonPart(JavaScriptLiteral.ReadExport("e.exports=" + Encoding.Latin1.GetString(damaged), "t"), "t:");
                WeightTable.Read(part["m"], name => new byte[name == "a" ? 5 : 7]);
                read++;
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Corrupt, e.Kind);
            }
        }

        Assert.InRange(read, 1, 19_999);
    }

    private static WeightTable Read(string weights, params byte[][] shards)
    {
        var paths = string.Join(',', shards.Select((_, i) => $"\"{i}\""));
        using var document = JsonDocument.Parse($"[{{\"paths\":[{paths}],\"weights\":[{weights}]}}]");
        return WeightTable.Read(
            new JsonPart(document.RootElement, "model.json:"),
            name => shards[int.Parse(name, System.Globalization.CultureInfo.InvariantCulture)]);
    }
}
