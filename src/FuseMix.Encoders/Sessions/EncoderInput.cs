using FuseMix.Encoders.Images;

namespace FuseMix.Encoders.Sessions;

/// <summary>One item to encode: a text, the bytes of a file, or a picture that is decoded already.</summary>
public readonly record struct EncoderInput
{
    /// <summary>The text; null for other items.</summary>
    public string? Text { get; private init; }

    /// <summary>The bytes of an image or sound file; null for other items.</summary>
    public ReadOnlyMemory<byte>? Bytes { get; private init; }

    /// <summary>The decoded picture; null for other items. The caller disposes of it, after encoding.</summary>
    public DecodedImage? Image { get; private init; }

    /// <summary>A text of any length; lone surrogates count as U+FFFD, what is beyond the encoder's token limit does not count.</summary>
    public static EncoderInput FromText(string text) => new() { Text = text ?? throw new ArgumentNullException(nameof(text)) };

    /// <summary>A whole image or sound file, which must not change until it is encoded.</summary>
    public static EncoderInput FromBytes(ReadOnlyMemory<byte> file) => new() { Bytes = file };

    /// <summary>A decoded picture.</summary>
    public static EncoderInput FromImage(DecodedImage image) => new() { Image = image ?? throw new ArgumentNullException(nameof(image)) };
}
