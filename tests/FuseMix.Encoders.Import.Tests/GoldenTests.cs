using System.Numerics.Tensors;
using FuseMix.Encoders.Images;
using FuseMix.Encoders.Sessions;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests;

/// <summary>The imported encoders against latents that TensorFlow.js's own models give.</summary>
public sealed class GoldenTests(ImportedEncoders encoders) : IClassFixture<ImportedEncoders>
{
    [Fact]
    public void Texts_get_the_latents_of_the_original()
    {
        using var encoder = EncoderSession.Open(encoders.Require("use-lite"));
        var cases = Golden.Load("text-use-lite.json").GetProperty("cases").EnumerateArray()
            .Where(c => c.TryGetProperty("embedding", out var e) && e.ValueKind == System.Text.Json.JsonValueKind.Array)
            .ToArray();
        Assert.True(cases.Length >= 10);

        // All in one batch: what a text's latent is must not depend on the texts beside it.
        var batch = encoder.EncodeBatch([.. cases.Select(c => EncoderInput.FromText(c.GetProperty("text").GetString()!))]);

        for (var i = 0; i < cases.Length; i++)
        {
            float[] expected = [.. cases[i].GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle())];
            Near(expected, batch[i], 1e-5f, $"text {i}");
        }
    }

    [Theory]
    [InlineData("mobilenet-v2-mid")]
    [InlineData("inception-v3")]
    public void Pictures_get_the_latents_of_the_original(string name)
    {
        using var encoder = EncoderSession.Open(encoders.Require(name));
        var cases = Golden.Load("image.json").GetProperty("cases").EnumerateArray().Where(
            c => c.GetProperty("encoder").GetString() == name).ToArray();
        Assert.Equal(2, cases.Length);
        foreach (var example in cases)
        {
            using var picture = Picture(example.GetProperty("alpha").GetBoolean());
            float[] expected = [.. example.GetProperty("latent").EnumerateArray().Select(v => v.GetSingle())];

            Near(expected, encoder.EncodeBatch([EncoderInput.FromImage(picture)])[0], 1e-3f, name);
        }
    }

    private static DecodedImage Picture(bool alpha)
    {
        var pixels = new byte[64 * 64 * 4];
        for (var y = 0; y < 64; y++)
        {
            for (var x = 0; x < 64; x++)
            {
                var at = ((y * 64) + x) * 4;
                pixels[at] = (byte)((7 * x) + (3 * y));
                pixels[at + 1] = (byte)(x * y);
                pixels[at + 2] = (byte)(255 - (4 * x) + 256);
                pixels[at + 3] = alpha ? (byte)(16 * x) : (byte)255;
            }
        }

        return new DecodedImage(pixels, 64, 64, 4);
    }

    private static void Near(float[] expected, ReadOnlySpan<float> actual, float tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        var worst = 0f;
        for (var i = 0; i < expected.Length; i++) worst = Math.Max(worst, Math.Abs(expected[i] - actual[i]));
        var cosine = TensorPrimitives.CosineSimilarity(expected, actual);
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: largest difference {worst:G3}, cosine {cosine:F8}");
        Assert.True(worst <= tolerance, $"{what}: largest difference {worst}");
        Assert.True(cosine >= 0.99999, $"{what}: cosine {cosine}");
    }
}
