using System.Runtime.InteropServices;
using NetVips;

namespace FuseMix.Encoders.Images;

/// <summary>The pixels of one picture outside the managed heap, which libvips writes and which a disposal gives back at once.</summary>
/// <remarks>The garbage collector is not told of them: it would answer with a full collection every few pictures.</remarks>
internal sealed unsafe class PixelMemory : SafeHandle
{
    // Up to here, handing a picture to a thread of libvips and back costs more than copying it; its array stays off the large object heap.
    private const long SmallBytes = 1 << 16;

    private readonly long _bytes;

    private PixelMemory(long bytes)
        : base(0, ownsHandle: true)
    {
        SetHandle((nint)NativeMemory.Alloc((nuint)bytes));
        _bytes = bytes;
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Decodes all pixels of <paramref name="image"/>, whose values are bytes.</summary>
    /// <exception cref="VipsException">They cannot be decoded.</exception>
    /// <exception cref="FuseMixException">Unavailable: there is no memory for them.</exception>
    public static PixelMemory Of(Image image)
    {
        int width = image.Width, height = image.Height, bands = image.Bands;
        var pixels = Allocate(width, height, bands);
        try
        {
            if (pixels._bytes <= SmallBytes)
            {
                using var region = Region.New(image);
                region.Fetch(0, 0, width, height).CopyTo(new Span<byte>((void*)pixels.handle, (int)pixels._bytes));
            }
            else
            {
                using var target = Image.NewFromMemory(pixels.handle, (ulong)pixels._bytes, width, height, bands, Enums.BandFormat.Uchar);
                image.Write(target);
            }

            return pixels;
        }
        catch
        {
            pixels.Dispose();
            throw;
        }
    }

    public ReadOnlySpan<byte> Span(int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, typeof(DecodedImage));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _bytes);
        return new ReadOnlySpan<byte>((void*)handle, length);
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)handle);
        return true;
    }

    private static PixelMemory Allocate(int width, int height, int bands)
    {
        var bytes = (long)width * height * bands;
        try
        {
            return new PixelMemory(bytes);
        }
        catch (OutOfMemoryException e)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"There is no memory for the {bytes} bytes of an image of {width} x {height} pixels.",
                "Shrink the image, or leave it out.",
                e);
        }
    }
}
