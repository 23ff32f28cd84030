using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FuseMix.Storage;

/// <summary>A memory-mapped safetensors file, opened only if everything its header says holds.</summary>
/// <remarks>
/// Reading is thread-safe. Spans point into the mapping: they end with <see cref="Dispose"/>. Files are taken to be
/// immutable; nobody may shorten one that is open.
/// </remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly SafetensorsHeader _header;
    private readonly MemoryMappedFile? _mapping;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _data;

    private SafetensorsFile(string path, SafetensorsHeader header, long dataStart, MemoryMappedFile mapping, MemoryMappedViewAccessor view)
    {
        Path = path;
        _header = header;
        _mapping = mapping;
        _view = view;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _data = start + view.PointerOffset + dataStart;
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>Every tensor by name, in the order of the header.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _header.Tensors;

    /// <summary>The free texts of the header; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file and validates its header against its size.</summary>
    /// <exception cref="FuseMixException">There is no such file, or it is damaged; the message names it and says how.</exception>
    public static SafetensorsFile Open(string path)
    {
        if (!File.Exists(path)) throw new FuseMixException(FailureKind.NotFound, $"There is no file '{path}'.");
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        Span<byte> prefix = stackalloc byte[8];
        if (stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            throw SafetensorsHeader.Corrupt(path, "it is shorter than 8 bytes");
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > SafetensorsHeader.MaxLength)
            throw SafetensorsHeader.Corrupt(path, $"it claims a header of {headerLength} bytes, more than {SafetensorsHeader.MaxLength}");
        var length = stream.Length;
        if ((long)headerLength > length - 8)
            throw SafetensorsHeader.Corrupt(path, $"it was cut short: the header needs {headerLength} bytes, {length - 8} are left");
        var json = new byte[headerLength];
        stream.ReadExactly(json);
        var dataStart = 8 + (long)headerLength;
        var header = SafetensorsHeader.Parse(path, json, length - dataStart);

        var mapping = MemoryMappedFile.CreateFromFile(
            stream,
            null,
            0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: false);
        var view = mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        return new SafetensorsFile(path, header, dataStart, mapping, view);
    }

    /// <summary>The description of a tensor.</summary>
    /// <exception cref="FuseMixException">There is none of that name; the nearest one is named.</exception>
    public SafetensorsTensor Tensor(string name) => _header.Tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw FuseMixException.UnknownName($"tensor in '{Path}'", name, _header.Tensors.Keys);

    /// <summary>The raw bytes of a tensor, without a copy.</summary>
    /// <exception cref="FuseMixException">There is none of that name, or it is larger than a span can be (2 GiB): read it by rows.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var tensor = Tensor(name);
        if (tensor.Length > int.MaxValue)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Tensor '{name}' of '{Path}' has {tensor.Length} bytes, more than one span holds.",
                "Read it in ranges of rows.");
        return new ReadOnlySpan<byte>(Start(tensor), (int)tensor.Length);
    }

    /// <summary>The elements of a tensor, without a copy.</summary>
    /// <typeparam name="T">Exactly the tensor's type: float for F32, Half for F16, long for I64, byte for U8 and so on.</typeparam>
    /// <exception cref="FuseMixException">There is none of that name, or it holds another type.</exception>
    public ReadOnlySpan<T> Values<T>(string name) where T : unmanaged
    {
        var dtype = Tensor(name).Dtype;
        if (!dtype.Holds<T>()) throw WrongType(name, dtype, typeof(T).Name);
        return MemoryMarshal.Cast<byte, T>(Bytes(name));
    }

    /// <summary>Copies a whole F32, F16 or BF16 tensor, widened to fp32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="destination">Room for exactly its elements.</param>
    /// <exception cref="FuseMixException">There is none of that name, or it holds no floats.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    public void CopyFloats(string name, Span<float> destination)
    {
        var tensor = Tensor(name);
        if (destination.Length != tensor.Count)
        {
            throw new ArgumentException(
                $"Tensor '{name}' has {tensor.Count} elements, not {destination.Length}.",
                nameof(destination));
        }

        RequireFloats(name, tensor);
        Widen(tensor, 0, destination);
    }

    /// <summary>Copies some rows of an F32, F16 or BF16 tensor [n, …], widened to fp32.</summary>
    /// <param name="name">The tensor; a row is everything under one index of its first dimension.</param>
    /// <param name="firstRow">The first row, from 0.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="destination">Room for exactly the elements of these rows.</param>
    /// <exception cref="FuseMixException">There is none of that name, or it holds no floats.</exception>
    /// <exception cref="ArgumentException">The rows lie outside the tensor, or <paramref name="destination"/> has another length.</exception>
    public void CopyRows(string name, long firstRow, long rows, Span<float> destination)
    {
        var tensor = Tensor(name);
        if (tensor.Shape.Count == 0) throw new ArgumentException($"Tensor '{name}' is a scalar and has no rows.", nameof(name));
        var width = tensor.Shape[0] == 0 ? 0 : tensor.Count / tensor.Shape[0];
        if (firstRow < 0 || rows < 0 || firstRow > tensor.Shape[0] - rows)
            throw new ArgumentOutOfRangeException(
                nameof(firstRow),
                $"Rows {firstRow} to {firstRow + rows - 1} lie outside the {tensor.Shape[0]} rows of tensor '{name}'.");
        if (destination.Length != rows * width)
        {
            throw new ArgumentException(
                $"These rows have {rows * width} elements, not {destination.Length}.",
                nameof(destination));
        }

        RequireFloats(name, tensor);
        Widen(tensor, firstRow * width, destination);
    }

    /// <summary>Ends the mapping; spans that were handed out must not be used any more.</summary>
    public void Dispose()
    {
        if (_data == null) return;
        _data = null;
        _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping!.Dispose();
    }

    /// <summary>Copies elements of one of this file's own float tensors; the caller has checked type and range.</summary>
    internal void Widen(SafetensorsTensor tensor, long firstElement, Span<float> destination)
    {
        var source = Start(tensor) + (firstElement * tensor.Dtype.Size());
        switch (tensor.Dtype)
        {
            case SafetensorsDtype.F32:
                new ReadOnlySpan<float>(source, destination.Length).CopyTo(destination);
                break;
            case SafetensorsDtype.F16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, destination.Length), destination);
                break;
            case SafetensorsDtype.BF16:
                WidenBFloat(new ReadOnlySpan<ushort>(source, destination.Length), MemoryMarshal.Cast<float, uint>(destination));
                break;
            default:
                throw new ArgumentException($"{tensor.Dtype} holds no floats.", nameof(tensor));
        }
    }

    /// <summary>A bfloat16 is the upper half of a single, so widening is a shift.</summary>
    private static void WidenBFloat(ReadOnlySpan<ushort> source, Span<uint> destination)
    {
        var i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out var low, out var high);
            (low << 16).CopyTo(destination[i..]);
            (high << 16).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++) destination[i] = (uint)source[i] << 16;
    }

    private void RequireFloats(string name, SafetensorsTensor tensor)
    {
        if (tensor.Dtype is not (SafetensorsDtype.F32 or SafetensorsDtype.F16 or SafetensorsDtype.BF16))
            throw WrongType(name, tensor.Dtype, "floats");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Start(SafetensorsTensor tensor)
    {
        ObjectDisposedException.ThrowIf(_data == null, this);
        return _data + tensor.Offset;
    }

    private FuseMixException WrongType(string name, SafetensorsDtype dtype, string wanted) =>
        new(FailureKind.Invalid, $"Tensor '{name}' of '{Path}' holds {dtype}, not {wanted}.");
}
