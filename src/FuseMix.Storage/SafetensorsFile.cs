using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FuseMix.Storage;

/// <summary>A safetensors file, opened only if everything its header says holds. What is asked for is read then, and no more.</summary>
/// <remarks>
/// Reading is thread-safe. It is not memory-mapped: a mapping of a file that somebody shortens ends the process, and nothing can catch
/// that, while a read that ends too soon is a failure like any other.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>Elements that are widened at once: what is read for them stays in the processor's cache.</summary>
    private const int Block = 1 << 14;

    private readonly SafetensorsHeader _header;
    private readonly SafeFileHandle _file;
    private readonly long _dataStart;

    private SafetensorsFile(string path, SafetensorsHeader header, long dataStart, SafeFileHandle file) =>
        (Path, _header, _dataStart, _file) = (path, header, dataStart, file);

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
        var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            Span<byte> prefix = stackalloc byte[8];
            if (!TryRead(file, 0, prefix)) throw SafetensorsHeader.Corrupt(path, "it is shorter than 8 bytes");
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
            if (headerLength > SafetensorsHeader.MaxLength)
                throw SafetensorsHeader.Corrupt(
                    path, $"it claims a header of {headerLength} bytes, more than {SafetensorsHeader.MaxLength}");
            var length = RandomAccess.GetLength(file);
            if ((long)headerLength > length - 8)
                throw SafetensorsHeader.Corrupt(path, $"it was cut short: the header needs {headerLength} bytes, {length - 8} are left");
            var json = new byte[headerLength];
            if (!TryRead(file, 8, json)) throw SafetensorsHeader.Corrupt(path, "it was cut short while it was read");
            var dataStart = 8 + (long)headerLength;
            return new SafetensorsFile(path, SafetensorsHeader.Parse(path, json, length - dataStart), dataStart, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The description of a tensor.</summary>
    /// <exception cref="FuseMixException">There is none of that name; the nearest one is named.</exception>
    public SafetensorsTensor Tensor(string name) => _header.Tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw FuseMixException.UnknownName($"tensor in '{Path}'", name, _header.Tensors.Keys);

    /// <summary>The raw bytes of a tensor.</summary>
    /// <exception cref="FuseMixException">
    /// There is none of that name, it is larger than an array can be (2 GiB): read it by rows; or the file was cut short since it was
    /// opened.
    /// </exception>
    public byte[] Bytes(string name)
    {
        var tensor = Tensor(name);
        if (tensor.Length > Array.MaxLength)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Tensor '{name}' of '{Path}' has {tensor.Length} bytes, more than one array holds.",
                "Read it in ranges of rows.");
        var bytes = new byte[tensor.Length];
        Read(tensor, 0, bytes);
        return bytes;
    }

    /// <summary>The elements of a tensor.</summary>
    /// <typeparam name="T">Exactly the tensor's type: float for F32, Half for F16, long for I64, byte for U8 and so on.</typeparam>
    /// <exception cref="FuseMixException">There is none of that name, or it holds another type.</exception>
    public ReadOnlySpan<T> Values<T>(string name) where T : unmanaged
    {
        var dtype = Tensor(name).Dtype;
        if (!dtype.Holds<T>()) throw WrongType(name, dtype, typeof(T).Name);
        return MemoryMarshal.Cast<byte, T>(Bytes(name).AsSpan());
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
    /// <exception cref="ArgumentException">The rows lie outside the tensor, or <paramref name="destination"/> has another
    /// length.</exception>
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

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Copies elements of one of this file's own float tensors; the caller has checked type and range.</summary>
    /// <exception cref="FuseMixException">The file was cut short since it was opened.</exception>
    internal void Widen(SafetensorsTensor tensor, long firstElement, Span<float> destination)
    {
        if (tensor.Dtype == SafetensorsDtype.F32)
        {
            Read(tensor, firstElement, MemoryMarshal.AsBytes(destination));
            return;
        }

        if (tensor.Dtype is not (SafetensorsDtype.F16 or SafetensorsDtype.BF16))
            throw new ArgumentException($"{tensor.Dtype} holds no floats.", nameof(tensor));
        var halves = ArrayPool<ushort>.Shared.Rent(Math.Min(Block, destination.Length));
        try
        {
            while (destination.Length > 0)
            {
                var part = halves.AsSpan(0, Math.Min(Block, destination.Length));
                Read(tensor, firstElement, MemoryMarshal.AsBytes(part));
                if (tensor.Dtype == SafetensorsDtype.F16)
                    TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<ushort, Half>(part), destination);
                else WidenBFloat(part, MemoryMarshal.Cast<float, uint>(destination));
                destination = destination[part.Length..];
                firstElement += part.Length;
            }
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(halves);
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

    private void Read(SafetensorsTensor tensor, long firstElement, Span<byte> destination)
    {
        if (!TryRead(_file, _dataStart + tensor.Offset + (firstElement * tensor.Dtype.Size()), destination))
            throw SafetensorsHeader.Corrupt(Path, "it was cut short since it was opened");
    }

    private static bool TryRead(SafeFileHandle file, long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var read = RandomAccess.Read(file, destination, offset);
            if (read == 0) return false;
            destination = destination[read..];
            offset += read;
        }

        return true;
    }

    private FuseMixException WrongType(string name, SafetensorsDtype dtype, string wanted) =>
        new(FailureKind.Invalid, $"Tensor '{name}' of '{Path}' holds {dtype}, not {wanted}.");
}
