using System.Runtime.InteropServices;

namespace FuseMix.Training.Kernels;

/// <summary>Floats outside the managed heap, zeroed, at a cache line's boundary.</summary>
internal sealed unsafe class AlignedBuffer : IDisposable
{
    public AlignedBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        Pointer = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(length, 1) * sizeof(float), 64);
        NativeMemory.Clear(Pointer, (nuint)length * sizeof(float));
    }

    ~AlignedBuffer() => NativeMemory.AlignedFree(Pointer);

    public long Length { get; }

    public float* Pointer { get; private set; }

    /// <summary>All of it; only for lengths below 2^31.</summary>
    public Span<float> Span => new(Pointer, checked((int)Length));

    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
        GC.SuppressFinalize(this);
    }
}
