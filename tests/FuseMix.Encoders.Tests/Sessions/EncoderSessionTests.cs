using System.Text.Json.Nodes;
using FuseMix.Encoders.Images;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Encoders.Tests.Images;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Encoders.Tests.Sessions;

public sealed class EncoderSessionTests : IDisposable
{
    private static readonly EncoderSessionOptions OneThread = new() { Threads = 1, Device = EncoderDevice.Cpu };
    private static readonly EncoderSessionOptions FourThreads = new() { Threads = 4, Device = EncoderDevice.Cpu };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static EncoderSession Open(string folder, EncoderSessionOptions? options = null) =>
        EncoderSession.Open(EncoderPack.Load(folder), options ?? OneThread);

    private static EncodedBatch Encode(IEncoder encoder, params string[] texts) =>
        encoder.EncodeBatch([.. texts.Select(EncoderInput.FromText)]);

    /// <summary>The mean of the embeddings of [CLS], the words and [SEP].</summary>
    private static float[] Mean(string words, int dimension = 4)
    {
        var ids = $"[CLS] {words} [SEP]".Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(
            w => Array.IndexOf(TestPacks.Vocabulary, w)).ToArray();
        return [.. Enumerable.Range(0, dimension).Select(d => ids.Average(id => TestPacks.Embedding(id, d)))];
    }

    private static void Near(float[] expected, ReadOnlySpan<float> actual, float tolerance = 1e-5f)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }

    private static byte[] Png(byte r, byte g, byte b, int size = 8) =>
        TestImages.Png([.. Enumerable.Repeat(new[] { r, g, b }, size * size).SelectMany(c => c)], size, size);

    [Theory]
    [InlineData("latent", "none")]
    [InlineData("tokens", "mean")]
    public void Texts_of_different_length_come_back_in_order(string tensor, string pooling)
    {
        using var session = Open(TestPacks.Text(_folder["p"], tensor: tensor, pooling: pooling));
        var batch = Encode(session, "two red boats on the lake", "a", "", "a dog", "the cat, the dog.");
        Assert.Equal((5, 0, 4), (batch.Count, batch.Failures, batch.Dimension));
        Near(Mean("two red boats on the lake"), batch[0]);
        Near(Mean("a"), batch[1]);
        Near(Mean(""), batch[2]);
        Near(Mean("a dog"), batch[3]);
        Near(Mean("the cat , the dog ."), batch[4]);
    }

    [Theory]
    [InlineData("cls", "[CLS]")]
    [InlineData("last", "[SEP]")]
    public void One_token_can_be_the_latent(string pooling, string token)
    {
        using var session = Open(TestPacks.Text(_folder["p"], tensor: "tokens", pooling: pooling));
        var batch = Encode(session, "a dog on the lake", "cat");
        var expected = Enumerable.Range(0, 4).Select(d => TestPacks.Embedding(Array.IndexOf(TestPacks.Vocabulary, token), d)).ToArray();
        Near(expected, batch[0]);
        Near(expected, batch[1]);
    }

    [Fact]
    public void A_normalised_latent_has_unit_length()
    {
        using var session = Open(TestPacks.Text(_folder["p"], normalise: true));
        var latent = Encode(session, "a dog")[0].ToArray();
        Assert.Equal(1, Math.Sqrt(latent.Sum(v => v * v)), 1e-6);
        var mean = Mean("a dog");
        Assert.Equal(mean[1] / mean[0], latent[1] / latent[0], 1e-4f);
    }

    [Fact]
    public void Half_precision_latents_are_widened()
    {
        using var session = Open(TestPacks.Text(_folder["p"], tensor: "half"));
        Near(Mean("a dog"), Encode(session, "a dog")[0], 1e-3f);
    }

    [Fact]
    public void A_prefix_is_put_before_every_text()
    {
        using var session = Open(TestPacks.Text(_folder["p"], edit: json => json["text"]!["prefix"] = "the red "));
        Near(Mean("the red dog"), Encode(session, "dog")[0]);
    }

    [Fact]
    public void A_longer_text_is_cut_at_the_limit_of_tokens()
    {
        using var session = Open(TestPacks.Text(_folder["p"], edit: json => json["text"]!["maxTokens"] = 4));
        Near(Mean("a dog"), Encode(session, "a dog on the lake")[0]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_model_with_a_fixed_number_of_rows_is_fed_that_number(int rows)
    {
        using var session = Open(TestPacks.Text(_folder["p"], fixedRows: rows));
        var batch = Encode(session, "a", "dog", "red cat", "the lake");
        Near(Mean("a"), batch[0]);
        Near(Mean("dog"), batch[1]);
        Near(Mean("red cat"), batch[2]);
        Near(Mean("the lake"), batch[3]);
    }

    [Fact]
    public void A_model_with_a_fixed_length_is_padded_to_it()
    {
        using var session = Open(TestPacks.Text(_folder["p"], fixedLength: 7));
        Near(Mean("a dog"), Encode(session, "a dog")[0]);
    }

    [Fact]
    public void Images_become_their_mean_colour()
    {
        using var session = Open(TestPacks.Image(_folder["p"]));
        var batch = session.EncodeBatch([EncoderInput.FromBytes(Png(255, 0, 51)), EncoderInput.FromImage(new DecodedImage([51, 102, 153], 1, 1)), EncoderInput.FromBytes(Png(0, 0, 0, 31))]);
        Near([1, 0, 0.2f], batch[0]);
        Near([0.2f, 0.4f, 0.6f], batch[1]);
        Near([0, 0, 0], batch[2]);
    }

    [Fact]
    public void A_feature_map_can_be_pooled_over_its_area()
    {
        using var session = Open(TestPacks.Image(_folder["p"], tensor: "map", pooling: "spatialMean"));
        Near([1, 0, 0.2f], session.EncodeBatch([EncoderInput.FromBytes(Png(255, 0, 51))])[0]);
    }

    [Fact]
    public void A_poison_image_does_not_hurt_its_neighbours()
    {
        using var session = Open(TestPacks.Image(_folder["p"], fixedRows: 4));
        var good = Png(255, 0, 51);
        var batch = session.EncodeBatch(
        [
            EncoderInput.FromBytes(good),
            EncoderInput.FromBytes(good[..60]),
            EncoderInput.FromBytes("no image"u8.ToArray()),
            EncoderInput.FromText("a text"),
            EncoderInput.FromBytes(TestImages.Bomb(60_000, 60_000)), EncoderInput.FromBytes(good), EncoderInput.FromBytes(default),
        ]);
        Assert.Equal(5, batch.Failures);
        Near([1, 0, 0.2f], batch[0]);
        Near([1, 0, 0.2f], batch[5]);
        Assert.Contains("truncated", batch.ErrorOf(1));
        Assert.Contains("in no format", batch.ErrorOf(2));
        Assert.Contains("was given a text", batch.ErrorOf(3));
        Assert.Contains("limit", batch.ErrorOf(4));
        Assert.Contains("empty", batch.ErrorOf(6));
        Assert.Contains("truncated", Assert.Throws<FuseMixException>(() => batch[1].Length).Message);
    }

    [Fact]
    public void A_poison_text_does_not_hurt_its_neighbours()
    {
        using var session = Open(TestPacks.Text(_folder["p"]));
        var batch = session.EncodeBatch(
            [EncoderInput.FromText("a dog"), EncoderInput.FromText("a beyond"), EncoderInput.FromText("a nan"), EncoderInput.FromBytes(new byte[3]), EncoderInput.FromText("the cat")]);
        Assert.Equal(3, batch.Failures);
        Near(Mean("a dog"), batch[0]);
        Near(Mean("the cat"), batch[4]);
        Assert.Contains("fails on it", batch.ErrorOf(1));
        Assert.Contains("not finite", batch.ErrorOf(2));
        Assert.Contains("was given bytes", batch.ErrorOf(3));
        Assert.All(batch.Latents.Slice(4, 12).ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void A_latent_that_is_not_finite_is_a_failure_of_its_item()
    {
        using var session = Open(TestPacks.Image(_folder["p"], tensor: "root", fixedRows: 2));
        var batch = session.EncodeBatch([EncoderInput.FromBytes(Png(0, 0, 0)), EncoderInput.FromBytes(Png(255, 255, 255))]);
        Assert.Contains("NaN", batch.ErrorOf(0));
        Assert.Null(batch.ErrorOf(1));
    }

    [Fact]
    public void Texts_of_any_kind_are_encoded()
    {
        using var session = Open(TestPacks.Text(_folder["p"]));
        var batch = Encode(session, "\uD800", "\uDC00 a", new string('x', 2_000_000), "\0\u0001", "🙂🙂", "ﬁ\u0301", new string(' ', 10_000));
        Assert.Equal(0, batch.Failures);
    }

    [Fact]
    public void An_empty_batch_gives_an_empty_batch()
    {
        using var session = Open(TestPacks.Text(_folder["p"]));
        Assert.Equal(0, session.EncodeBatch([]).Count);
    }

    [Fact]
    public void Four_threads_give_what_one_gives()
    {
        TestPacks.Text(_folder["p"]);
        using var one = Open(_folder["p"], OneThread);
        using var four = Open(_folder["p"], FourThreads);
        using var latency = Open(_folder["p"], FourThreads with { Aim = EncoderAim.Latency });
        var random = new System.Random(4);
        string[] texts =
        [
            .. Enumerable.Range(0, 200).Select(
                _ => string.Join(' ', Enumerable.Range(0, random.Next(9)).Select(_ => TestPacks.Vocabulary[random.Next(4, 13)])))
        ];
        var expected = Encode(one, texts);
        foreach (var actual in new[] { Encode(four, texts), Encode(latency, texts) })
        {
            Assert.Equal(0, actual.Failures);
            Near(expected.Latents.ToArray(), actual.Latents.Span);
        }
    }

    [Fact]
    public void Many_callers_share_one_session()
    {
        using var session = Open(TestPacks.Text(_folder["p"]), FourThreads);
        var expected = Encode(session, "a dog")[0].ToArray();
        Parallel.For(0, 100, i =>
        {
            var batch = Encode(session, "the red cat", i % 2 == 0 ? "a beyond" : "boats", "a dog");
            Near(expected, batch[2]);
            Assert.Equal(i % 2 == 0 ? 1 : 0, batch.Failures);
        });
    }

    [Fact]
    public void A_cancelled_batch_stops()
    {
        using var session = Open(TestPacks.Text(_folder["p"]));
        Assert.ThrowsAny<OperationCanceledException>(() => session.EncodeBatch([EncoderInput.FromText("a")], new CancellationToken(true)));
    }

    [Fact]
    public void A_disposed_session_says_so()
    {
        var session = Open(TestPacks.Text(_folder["p"]));
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Encode(session, "a"));
    }

    [Fact]
    public async Task Disposing_while_others_encode_harms_nobody()
    {
        var session = Open(TestPacks.Text(_folder["p"]), FourThreads);
        using var ready = new Barrier(5);
        var callers = Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                ready.SignalAndWait();
                try
                {
                    while (true) Assert.Equal(0, Encode(session, "a dog", "the cat").Failures);
                }
                catch (ObjectDisposedException)
                {
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        ready.SignalAndWait();
        session.Dispose();
        await Task.WhenAll(callers);
    }

    [Fact]
    public void Cuda_that_is_asked_for_and_not_there_is_an_error()
    {
        TestPacks.Text(_folder["p"]);
        try
        {
            using var session = Open(_folder["p"], new EncoderSessionOptions { Device = EncoderDevice.Cuda });
            Assert.Equal(EncoderDevice.Cuda, session.Device);
        }
        catch (FuseMixException e)
        {
            Assert.Equal(FailureKind.Unavailable, e.Kind);
            Assert.Contains("CUDA", e.Message);
        }

        using var auto = Open(_folder["p"], new EncoderSessionOptions());
        Assert.Equal(0, Encode(auto, "a dog").Failures);
    }

    public static TheoryData<string, string> LyingTexts => new()
    {
        { "latent.dimension", "'latent.dimension' is 5" },
        { "late", "Did you mean 'latent'?" },
        { "idz", "Did you mean 'ids'?" },
        { "int64 mask", "not Int64" },
        { "no mask", "'mask', which nothing feeds" },
        { "spatial", "Correct" },
        { "not onnx", "cannot be opened" },
        { "too long", "takes 7 positions" },
    };

    [Theory]
    [MemberData(nameof(LyingTexts))]
    public void A_pack_that_lies_about_its_model_is_refused_when_it_is_opened(string lie, string named)
    {
        var folder = _folder["p"];
        var claimed = lie == "latent.dimension" ? 5 : (int?)null;
        TestPacks.Text(folder, claimedDimension: claimed, fixedLength: lie == "too long" ? 7 : null, edit: json => Lie(json, lie));
        if (lie == "not onnx") File.WriteAllText(Path.Combine(folder, "model.onnx"), "this is no model");
        var refused = Assert.Throws<FuseMixException>(() => Open(folder).EncodeBatch([EncoderInput.FromText("a")]));
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        Assert.Contains(named, refused.Advice);
        Assert.Contains("tiny-text", refused.Message);

        static void Lie(JsonObject json, string lie)
        {
            if (lie == "late") json["latent"]!["tensor"] = "latents";
            if (lie == "idz") json["text"]!["ids"] = "id";
            if (lie == "int64 mask") json["text"]!["maskType"] = "int64";
            if (lie == "no mask") json["text"]!.AsObject().Remove("mask");
            if (lie == "spatial") json["latent"]!["pooling"] = "cls";
            if (lie == "too long") json["text"]!["maxTokens"] = 8;
        }
    }

    [Theory]
    [InlineData("dynamic", "none", 5)]
    [InlineData("dynamicTokens", "mean", 5)]
    [InlineData("dynamicTokens", "none", 4)]
    [InlineData("dynamic", "mean", 4)]
    public void A_dimension_that_only_shows_at_run_time_is_refused_as_a_lie(string tensor, string pooling, int claimed)
    {
        using var session = Open(TestPacks.Text(_folder["p"], tensor: tensor, pooling: pooling, claimedDimension: claimed));
        var refused = Assert.Throws<FuseMixException>(() => Encode(session, "a dog", "the cat"));
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        Assert.Contains("lies", refused.Message);
    }

    [Fact]
    public void An_image_pack_of_another_layout_is_refused()
    {
        TestPacks.Image(_folder["p"], edit: json => json["image"]!["layout"] = "nhwc");
        Assert.Contains("[?, 3, 8, 8], not [?, 8, 8, 3]", Assert.Throws<FuseMixException>(() => Open(_folder["p"])).Message);
    }
}
