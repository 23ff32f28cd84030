using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FuseMix.Encoders.Images;

/// <summary>What libvips said about an operation that failed.</summary>
internal sealed class VipsException(string message) : Exception(message);

/// <summary>The part of libvips and GObject that decoding needs; no variadic function, whose calling convention .NET lacks.</summary>
internal static unsafe partial class Vips
{
    private const string Library = "libvips.so.42";
    private const string ObjectLibrary = "libgobject-2.0.so.0";
    private const string GlibLibrary = "libglib-2.0.so.0";

    private static readonly Lazy<string?> Started = new(Start);
    private static readonly Lock ErrorGate = new();

    /// <summary>Starts libvips once; fails where it is not installed.</summary>
    public static void Require()
    {
        if (Started.Value is { } why)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"Images cannot be decoded: {why}.",
                "Install it: apt-get install libvips42.");
        }
    }

    /// <summary>The text of the last failures, which is then forgotten. The buffer is one per process, so threads may read each other's.</summary>
    public static VipsException LastError()
    {
        string text;
        lock (ErrorGate)
        {
            var buffer = ErrorBufferCopy();
            text = Marshal.PtrToStringUTF8(buffer) ?? "";
            GFree(buffer);
            ErrorClear();
        }

        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct();
        var words = string.Join("; ", lines.Take(3));
        return new VipsException(words.Length == 0 ? "no reason given" : words);
    }

    private static string? Start()
    {
        try
        {
            if (Init("fusemix") != 0) return $"libvips does not start ({LastError().Message})";
            LogSetHandler("VIPS", LogLevelsBelowError, &IgnoreLog, 0);
            ConcurrencySet(1);
            CacheSetMax(0);
            CacheSetMaxMem(0);
            CacheSetMaxFiles(0);
            // Only the loaders that we sniff for may run, whatever a file says about itself.
            OperationBlockSet("VipsForeignLoad", 1);
            foreach (var loader in new[] { "VipsForeignLoadPng", "VipsForeignLoadJpeg", "VipsForeignLoadWebp", "VipsForeignLoadNsgif" })
                OperationBlockSet(loader, 0);
            return null;
        }
        catch (DllNotFoundException)
        {
            return $"the library {Library} is not installed";
        }
        catch (EntryPointNotFoundException e)
        {
            return $"the installed libvips is older than 8.13 ({e.Message})";
        }
    }

    // Warnings about odd metadata would otherwise go to stderr once per picture.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void IgnoreLog(nint domain, int level, nint message, nint data)
    {
    }

    private const int LogLevelsBelowError = (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (1 << 7);

    [LibraryImport(Library, EntryPoint = "vips_init", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Init(string program);

    [LibraryImport(Library, EntryPoint = "vips_concurrency_set")]
    private static partial void ConcurrencySet(int threads);

    [LibraryImport(Library, EntryPoint = "vips_cache_set_max")]
    private static partial void CacheSetMax(int operations);

    [LibraryImport(Library, EntryPoint = "vips_cache_set_max_mem")]
    private static partial void CacheSetMaxMem(nuint bytes);

    [LibraryImport(Library, EntryPoint = "vips_cache_set_max_files")]
    private static partial void CacheSetMaxFiles(int files);

    [LibraryImport(Library, EntryPoint = "vips_operation_block_set", StringMarshalling = StringMarshalling.Utf8)]
    private static partial void OperationBlockSet(string type, int blocked);

    [LibraryImport(Library, EntryPoint = "vips_error_buffer_copy")]
    private static partial nint ErrorBufferCopy();

    [LibraryImport(Library, EntryPoint = "vips_error_clear")]
    private static partial void ErrorClear();

    [LibraryImport(Library, EntryPoint = "vips_operation_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint OperationNew(string name);

    [LibraryImport(Library, EntryPoint = "vips_object_set_argument_from_string", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetArgument(VipsOperation operation, string name, string value);

    [LibraryImport(Library, EntryPoint = "vips_object_build")]
    public static partial int Build(VipsOperation operation);

    [LibraryImport(Library, EntryPoint = "vips_object_unref_outputs")]
    public static partial void UnrefOutputs(VipsOperation operation);

    [LibraryImport(Library, EntryPoint = "vips_blob_new")]
    public static partial nint BlobNew(nint free, void* data, nuint length);

    [LibraryImport(Library, EntryPoint = "vips_area_unref")]
    public static partial void AreaUnref(nint area);

    [LibraryImport(Library, EntryPoint = "vips_blob_get_type")]
    public static partial nuint BlobType();

    [LibraryImport(Library, EntryPoint = "vips_image_get_type")]
    public static partial nuint ImageType();

    [LibraryImport(Library, EntryPoint = "vips_image_get_width")]
    public static partial int Width(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_image_get_height")]
    public static partial int Height(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_image_get_bands")]
    public static partial int Bands(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_image_get_format")]
    public static partial int Format(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_image_get_interpretation")]
    public static partial int Interpretation(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_image_get_orientation")]
    public static partial int Orientation(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_image_copy_memory")]
    public static partial nint CopyMemory(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_region_new")]
    public static partial nint RegionNew(VipsImage image);

    [LibraryImport(Library, EntryPoint = "vips_region_fetch")]
    public static partial nint RegionFetch(VipsRegion region, int left, int top, int width, int height, out nuint length);

    [LibraryImport(GlibLibrary, EntryPoint = "g_try_malloc")]
    public static partial nint TryMalloc(nuint bytes);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_object_unref")]
    public static partial void ObjectUnref(nint instance);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_object_ref")]
    public static partial nint ObjectRef(nint instance);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_object_set_property", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void SetProperty(VipsOperation instance, string name, ref GValue value);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_object_get_property", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void GetProperty(VipsOperation instance, string name, ref GValue value);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_value_init")]
    public static partial nint ValueInit(ref GValue value, nuint type);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_value_unset")]
    public static partial void ValueUnset(ref GValue value);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_value_set_object")]
    public static partial void ValueSetObject(ref GValue value, VipsImage instance);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_value_get_object")]
    public static partial nint ValueGetObject(ref GValue value);

    [LibraryImport(ObjectLibrary, EntryPoint = "g_value_set_boxed")]
    public static partial void ValueSetBoxed(ref GValue value, nint boxed);

    [LibraryImport(GlibLibrary, EntryPoint = "g_free")]
    public static partial void GFree(nint memory);

    [LibraryImport(GlibLibrary, EntryPoint = "g_log_set_handler", StringMarshalling = StringMarshalling.Utf8)]
    private static partial uint LogSetHandler(string domain, int levels, delegate* unmanaged[Cdecl]<nint, int, nint, nint, void> handler, nint data);

    /// <summary>GObject's variant type: a type and 16 bytes of value.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct GValue
    {
        private nuint _type;
        private ulong _first;
        private ulong _second;
    }
}

/// <summary>The window through which one thread reads a picture.</summary>
internal sealed class VipsRegion : SafeHandle
{
    public VipsRegion(nint region)
        : base(0, ownsHandle: true)
    {
        SetHandle(region);
        if (IsInvalid) throw Vips.LastError();
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Vips.ObjectUnref(handle);
        return true;
    }
}

/// <summary>Memory from the allocator of libvips.</summary>
internal sealed class VipsMemory : SafeHandle
{
    private readonly long _bytes;

    public VipsMemory(nint memory, long bytes)
        : base(0, ownsHandle: true)
    {
        SetHandle(memory);
        _bytes = bytes;
        if (!IsInvalid) GC.AddMemoryPressure(bytes);
    }

    public override bool IsInvalid => handle == 0;

    public unsafe ReadOnlySpan<byte> Span(int length)
    {
        ObjectDisposedException.ThrowIf(IsClosed, typeof(DecodedImage));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _bytes);
        return new ReadOnlySpan<byte>((void*)handle, length);
    }

    public unsafe void Write(long offset, ReadOnlySpan<byte> content, long expectedBytes)
    {
        if (content.Length != expectedBytes || offset + expectedBytes > _bytes)
            throw new VipsException($"{content.Length} bytes of pixels, not {expectedBytes}");
        content.CopyTo(new Span<byte>((byte*)handle + offset, content.Length));
    }

    protected override bool ReleaseHandle()
    {
        GC.RemoveMemoryPressure(_bytes);
        Vips.GFree(handle);
        return true;
    }
}

/// <summary>A lazy picture: operations on it run when its pixels are asked for.</summary>
internal sealed class VipsImage : SafeHandle
{
    private const int Uchar = 0;
    private const int Srgb = 22;
    private const long StripBytes = 1 << 20;

    public VipsImage(nint image)
        : base(0, ownsHandle: true) => SetHandle(image);

    public override bool IsInvalid => handle == 0;

    public int Width => Vips.Width(this);

    public int Height => Vips.Height(this);

    public int Bands => Vips.Bands(this);

    public int Orientation => Vips.Orientation(this);

    public bool IsByte => Vips.Format(this) == Uchar;

    public bool IsSrgb8 => IsByte && Vips.Interpretation(this) == Srgb;

    public VipsImage CopyToMemory() => Vips.CopyMemory(this) is var copy and not 0 ? new VipsImage(copy) : throw Vips.LastError();

    /// <summary>Decodes all pixels on the calling thread, which saves handing every picture to another one and back.</summary>
    public VipsMemory Decode()
    {
        int width = Width, height = Height;
        var stride = (long)width * Bands;
        var pixels = new VipsMemory(Vips.TryMalloc((nuint)(stride * height)), stride * height);
        try
        {
            if (pixels.IsInvalid) throw new VipsException($"no memory for {stride * height} bytes of pixels");
            using var region = new VipsRegion(Vips.RegionNew(this));
            // Strips bound the memory beyond the picture itself.
            var rows = (int)Math.Clamp(StripBytes / stride, 1, height);
            for (var top = 0; top < height; top += rows)
            {
                var count = Math.Min(rows, height - top);
                var strip = Vips.RegionFetch(region, 0, top, width, count, out var length);
                if (strip == 0) throw Vips.LastError();
                using var owner = new VipsMemory(strip, (long)length);
                pixels.Write(top * stride, owner.Span(checked((int)length)), count * stride);
            }

            return pixels;
        }
        catch
        {
            pixels.Dispose();
            throw;
        }
    }

    protected override bool ReleaseHandle()
    {
        Vips.ObjectUnref(handle);
        return true;
    }
}

/// <summary>One libvips operation, from its arguments to its output image.</summary>
internal sealed class VipsOperation : SafeHandle
{
    public VipsOperation(string name)
        : base(0, ownsHandle: true)
    {
        SetHandle(Vips.OperationNew(name));
        if (IsInvalid) throw Vips.LastError();
    }

    public override bool IsInvalid => handle == 0;

    public void Set(string name, string value)
    {
        if (Vips.SetArgument(this, name, value) != 0) throw Vips.LastError();
    }

    public void SetImage(string name, VipsImage image)
    {
        var value = default(Vips.GValue);
        Vips.ValueInit(ref value, Vips.ImageType());
        Vips.ValueSetObject(ref value, image);
        Vips.SetProperty(this, name, ref value);
        Vips.ValueUnset(ref value);
    }

    /// <summary>Lends pinned bytes, which must stay pinned for as long as any image made from them lives.</summary>
    public unsafe void SetBuffer(string name, MemoryHandle pin, int length)
    {
        var blob = Vips.BlobNew(0, pin.Pointer, (nuint)length);
        var value = default(Vips.GValue);
        Vips.ValueInit(ref value, Vips.BlobType());
        Vips.ValueSetBoxed(ref value, blob);
        Vips.SetProperty(this, name, ref value);
        Vips.ValueUnset(ref value);
        Vips.AreaUnref(blob);
    }

    public VipsImage Run()
    {
        if (Vips.Build(this) != 0)
        {
            Vips.UnrefOutputs(this);
            throw Vips.LastError();
        }

        var value = default(Vips.GValue);
        Vips.ValueInit(ref value, Vips.ImageType());
        Vips.GetProperty(this, "out", ref value);
        var image = new VipsImage(Vips.ObjectRef(Vips.ValueGetObject(ref value)));
        Vips.ValueUnset(ref value);
        Vips.UnrefOutputs(this);
        return image;
    }

    protected override bool ReleaseHandle()
    {
        Vips.ObjectUnref(handle);
        return true;
    }
}
