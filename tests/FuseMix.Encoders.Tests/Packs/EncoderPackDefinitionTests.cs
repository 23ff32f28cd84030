using System.Text;
using FuseMix.Encoders.Packs;

namespace FuseMix.Encoders.Tests.Packs;

public class EncoderPackDefinitionTests
{
    private const string Text = """
        {
          "name": "tiny", "modality": "text", "licence": "MIT", // comments are fine
          "latent": { "tensor": "latent", "dimension": 4, "pooling": "mean", "normalise": true },
          "text": { "tokenizer": "wordpiece", "tokenizerFile": "vocab.txt", "maxTokens": 16, "ids": "ids", "mask": "mask", "maskType": "float", },
        }
        """;

    private const string Image = """
        {
          "name": "tiny", "modality": "image",
          "latent": { "tensor": "latent", "dimension": 4 },
          "image": { "tensor": "image", "width": 8, "height": 6, "layout": "nhwc", "fit": "crop", "shorterSide": 9, "antialias": true }
        }
        """;

    private static EncoderPackDefinition Parse(string json) => EncoderPackDefinition.Parse(Encoding.UTF8.GetBytes(json));

    private static FuseMixException Refused(string json) => Assert.Throws<FuseMixException>(() => Parse(json));

    [Fact]
    public void A_text_definition_is_read()
    {
        var definition = Parse(Text);
        Assert.Equal((Modality.Text, Pooling.Mean, true), (definition.Modality, definition.Latent.Pooling, definition.Latent.Normalise));
        Assert.Equal(
            (TokenType.Int64, TokenType.Float, "model.onnx"), (definition.Text!.IdType, definition.Text.MaskType, definition.Model));
    }

    [Fact]
    public void An_image_definition_is_read()
    {
        var image = Parse(Image).Image!;
        Assert.Equal((ImageLayout.Nhwc, ImageFit.Crop, 9, true), (image.Layout, image.Fit, image.ShorterSide, image.Antialias));
        Assert.Equal(1 / 255.0, image.Scale);
    }

    [Theory]
    [InlineData(Text)]
    [InlineData(Image)]
    public void What_is_written_reads_back_the_same(string json)
    {
        var definition = Parse(json);
        Assert.Equal(definition.ToJson(), Parse(definition.ToJson()).ToJson());
    }

    [Fact]
    public void A_byte_order_mark_is_no_fault() => Assert.Equal("tiny", Parse("\uFEFF" + Text).Name);

    [Theory]
    [InlineData("\"licence\"", "\"license\"", "'license'", "'licence'")]
    [InlineData("\"maxTokens\"", "\"maxToken\"", "'text.maxToken'", "'text.maxTokens'")]
    [InlineData("\"normalise\"", "\"normalize\"", "'latent.normalize'", "'latent.normalise'")]
    public void An_unknown_key_is_refused_with_the_nearest_one(string key, string wrong, string named, string nearest)
    {
        var refused = Refused(Text.Replace(key, wrong));
        Assert.Contains(named, refused.Message);
        Assert.Contains(nearest, refused.Remedy);
    }

    [Theory]
    [InlineData("\"mean\"", "\"meen\"", "mean")]
    [InlineData("\"float\"", "\"flaot\"", "float")]
    [InlineData("\"modality\": \"text\"", "\"modality\": \"txt\"", "text")]
    [InlineData("\"wordpiece\"", "\"word-piece\"", "wordpiece")]
    public void An_unknown_word_is_refused_with_the_nearest_one(string word, string wrong, string nearest)
    {
        var refused = Refused(Text.Replace(word, wrong));
        Assert.Contains($"Did you mean '{nearest}'?", refused.Advice);
    }

    [Theory]
    [InlineData("\"dimension\": 4", "\"dimension\": 0", "latent.dimension")]
    [InlineData("\"dimension\": 4", "\"dimension\": \"4\"", "latent.dimension")]
    [InlineData("\"dimension\": 4", "\"dimension\": 4, \"dimension\": 5", "dimension")]
    [InlineData("\"maxTokens\": 16", "\"maxTokens\": 9000", "text.maxTokens")]
    [InlineData("\"tensor\": \"latent\", ", "", "tensor")]
    [InlineData("vocab.txt", "../vocab.txt", "text.tokenizerFile")]
    [InlineData("vocab.txt", "/etc/passwd", "text.tokenizerFile")]
    [InlineData("\"name\": \"tiny\"", "\"name\": \"Tiny/1\"", "Tiny/1")]
    [InlineData("\"modality\": \"text\"", "\"modality\": \"image\"", "section 'image'")]
    [InlineData("\"ids\": \"ids\"", "\"ids\": \"\"", "text.ids")]
    public void A_value_out_of_range_is_refused_by_key(string right, string wrong, string named) =>
        Assert.Contains(named, Refused(Text.Replace(right, wrong)).Message);

    [Theory]
    [InlineData("\"width\": 8", "\"width\": 0", "image.width")]
    [InlineData("\"shorterSide\": 9", "\"shorterSide\": 7", "image.shorterSide")]
    [InlineData("\"fit\": \"crop\"", "\"fit\": \"stretch\"", "image.shorterSide")]
    [InlineData("\"antialias\": true", "\"mean\": [0.5, 0.5]", "image.mean")]
    [InlineData("\"antialias\": true", "\"std\": [1, 0, 1]", "image.std")]
    [InlineData("\"antialias\": true", "\"scale\": -1", "image.scale")]
    [InlineData("\"dimension\": 4", "\"dimension\": 4, \"pooling\": \"last\"", "latent.pooling")]
    public void An_image_value_out_of_range_is_refused_by_key(string right, string wrong, string named) =>
        Assert.Contains(named, Refused(Image.Replace(right, wrong)).Message);

    [Fact]
    public void An_audio_preprocessing_that_is_not_known_is_refused_by_name()
    {
        var refused = Refused("""
            {
              "name": "tiny", "modality": "audio", "latent": { "tensor": "latent", "dimension": 4 },
              "audio": { "kind": "log-mel", "sampleRate": 16000, "tensor": "audio" }
            }
            """);
        Assert.Contains("audio preprocessing named 'log-mel'", refused.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"name\": 3}")]
    public void What_is_no_definition_is_refused(string json) => Assert.Equal(FailureKind.Invalid, Refused(json).Kind);

    [Fact]
    public void Every_template_is_a_valid_definition()
    {
        var folder = Path.Combine(Path.GetDirectoryName(FuseMix.Testing.Golden.PathOf("x"))!, "..", "..", "docs", "encoder-packs");
        var templates = Directory.GetFiles(folder, "encoder.json", SearchOption.AllDirectories);
        Assert.NotEmpty(templates);
        foreach (var template in templates)
        {
            var definition = EncoderPackDefinition.Parse(File.ReadAllBytes(template), template);
            Assert.Equal(Path.GetFileName(Path.GetDirectoryName(template)), definition.Name);
            Assert.NotEmpty(definition.Licence);
            Assert.NotEmpty(definition.Origin);
        }
    }

    [Fact]
    public void Damaged_definitions_are_refused_and_nothing_worse()
    {
        foreach (var json in new[] { Text, Image })
        {
            foreach (var variant in FuseMix.Testing.Mutations.Of(Encoding.UTF8.GetBytes(json), seed: 5, count: 2_000))
            {
                try
                {
                    EncoderPackDefinition.Parse(variant);
                }
                catch (FuseMixException e)
                {
                    Assert.Equal(FailureKind.Invalid, e.Kind);
                }
            }
        }
    }
}
