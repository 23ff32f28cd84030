namespace FuseMix.Encoders.Images;

/// <summary>A picture as 8-bit sRGB rows, upright; owns native memory until it is disposed.</summary>
public sealed class DecodedImage : IDisposable
{
    private readonly PixelMemory? _native;
    private readonly byte[]? _managed;

    internal DecodedImage(PixelMemory pixels, int width, int height, int channels) =>
        (_native, Width, Height, Channels) = (pixels, width, height, channels);

    /// <summary>A picture from pixels that are already there.</summary>
    /// <param name="pixels">[height, width, channels], row-major; not copied.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="channels">3 for RGB, 4 for RGB with straight (not premultiplied) alpha.</param>
    /// <exception cref="FuseMixException">The size of <paramref name="pixels"/> is another.</exception>
    public DecodedImage(byte[] pixels, int width, int height, int channels = 3)
    {
        if (width < 1 || height < 1 || channels is not (3 or 4) || pixels.LongLength != (long)width * height * channels)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"An image of {width} x {height} pixels with {channels} channels needs other than {pixels.LongLength} bytes.");
        }

        (_managed, Width, Height, Channels) = (pixels, width, height, channels);
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>3: RGB; 4: RGB with straight alpha, to be composited by who uses it.</summary>
    public int Channels { get; }

    /// <summary>[<see cref="Height"/>, <see cref="Width"/>, <see cref="Channels"/>], row-major.</summary>
    /// <exception cref="ObjectDisposedException">The picture was disposed.</exception>
    public ReadOnlySpan<byte> Pixels => _managed ?? _native!.Span(checked(Width * Height * Channels));

    /// <inheritdoc/>
    public void Dispose() => _native?.Dispose();
}
