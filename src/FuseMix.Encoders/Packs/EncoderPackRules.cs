using FuseMix.Encoders.Inputs;

namespace FuseMix.Encoders.Packs;

/// <summary>What must hold in a definition before any other file of the pack is opened.</summary>
internal static class EncoderPackRules
{
    public static void Check(EncoderPackDefinition definition, string source)
    {
        ResourceName.Require(definition.Name, "encoder");
        RequireFile(definition.Model, "model");
        RequireText(definition.Latent.Tensor, "latent.tensor");
        Require(definition.Latent.Dimension is >= 1 and <= 65_536, "latent.dimension", definition.Latent.Dimension, "1 to 65,536");

        var sections = new List<string>();
        if (definition.Text is not null) sections.Add("text");
        if (definition.Image is not null) sections.Add("image");
        if (definition.Audio is not null) sections.Add("audio");
        var wanted = definition.Modality.ToString().ToLowerInvariant();
        if (sections is not [var only] || only != wanted)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"{source} of a{(wanted == "text" ? "" : "n")} {wanted} encoder needs the section '{wanted}' and no other, "
                + $"but has {(sections.Count == 0 ? "none" : string.Join(", ", sections))}.",
                "docs/encoder-packs.md lists the keys of each section.");
        }

        if (definition.Text is { } text) CheckText(text);
        if (definition.Image is { } image) CheckImage(image);
        if (definition.Audio is { } audio) CheckAudio(audio);
        var pooling = definition.Latent.Pooling;
        if (pooling == Pooling.Last && definition.Text is null) Fail("latent.pooling", "last", "for text encoders only");
        if (pooling == Pooling.SpatialMean && definition.Image is null) Fail("latent.pooling", "spatialMean", "for image encoders only");

        void CheckText(TextInputDefinition text)
        {
            if (!TextTokenizers.Kinds.Contains(text.Tokenizer))
                throw FuseMixException.UnknownName("tokenizer kind", text.Tokenizer, TextTokenizers.Kinds, FailureKind.Invalid);
            RequireFile(text.TokenizerFile, "text.tokenizerFile");
            Require(text.MaxTokens is >= 1 and <= 8_192, "text.maxTokens", text.MaxTokens, "1 to 8,192");
            RequireText(text.Ids, "text.ids");
            Require(text.IdType != TokenType.Float, "text.idType", "float", "int64 or int32");
            Require(text.PaddingId >= 0, "text.paddingId", text.PaddingId, "0 or more");
            if (text.Mask is not null) RequireText(text.Mask, "text.mask");
            if (text.TypeIds is not null) RequireText(text.TypeIds, "text.typeIds");
            Require(text.Prefix.Length <= 1_000, "text.prefix", $"{text.Prefix.Length} characters", "at most 1,000 characters");
        }

        void CheckImage(ImageInputDefinition image)
        {
            RequireText(image.Tensor, "image.tensor");
            Require(image.Width is >= 1 and <= 4_096, "image.width", image.Width, "1 to 4,096");
            Require(image.Height is >= 1 and <= 4_096, "image.height", image.Height, "1 to 4,096");
            Require(double.IsFinite(image.Scale) && image.Scale > 0, "image.scale", image.Scale, "a positive number");
            Require(image.Mean.Count == 3 && image.Mean.All(double.IsFinite), "image.mean", Numbers(image.Mean), "three finite numbers");
            Require(
                image.Std.Count == 3 && image.Std.All(v => double.IsFinite(v) && v > 0),
                "image.std",
                Numbers(image.Std),
                "three positive numbers");
            if (image.ShorterSide is not { } side) return;
            Require(image.Fit == ImageFit.Crop, "image.shorterSide", side, "left out unless image.fit is crop");
            Require(
                side <= 8_192 && side >= Math.Max(image.Width, image.Height),
                "image.shorterSide",
                side,
                "at least the tensor's size, at most 8,192");
        }

        void CheckAudio(AudioInputDefinition audio)
        {
            Require(audio.SampleRate is >= 1_000 and <= 384_000, "audio.sampleRate", audio.SampleRate, "1,000 to 384,000");
            RequireText(audio.Tensor, "audio.tensor");
            throw FuseMixException.UnknownName("audio preprocessing", audio.Kind, [], FailureKind.Invalid);
        }

        static string Numbers(IReadOnlyList<double> values) => $"[{string.Join(", ", values)}]";

        void Require(bool holds, string key, object value, string expected)
        {
            if (!holds) Fail(key, value, expected);
        }

        void RequireText(string value, string key) => Require(value.Trim().Length > 0, key, "''", "the name of a tensor");

        void RequireFile(string value, string key)
        {
            var plain = value.Length > 0 && !value.Contains('\\') && !value.Contains('\0') && !Path.IsPathRooted(value)
                && value.Split('/').All(part => part.Length > 0 && part[0] != '.');
            Require(plain, key, $"'{value}'", "a file inside the pack folder, without '..' and not hidden");
        }

        void Fail(string key, object value, string expected) => throw new FuseMixException(
            FailureKind.Invalid,
            $"{source}: '{key}' is {FormattableString.Invariant($"{value}")}; it must be {expected}.",
            "docs/encoder-packs.md explains every key.");
    }
}
