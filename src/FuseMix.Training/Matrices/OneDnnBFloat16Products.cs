using System.Runtime.InteropServices;
using FuseMix.Training.Kernels;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Matrices;

/// <summary>Products of bf16 operands, summed in fp32 by the matmul primitives of oneDNN: AVX512-BF16 or AMX does the work.</summary>
/// <remarks>
/// C is cut along its longer side, one part per thread. The primitive, the memory objects and the scratchpad of every part of a shape
/// are made when the shape is first seen.
/// </remarks>
internal sealed unsafe class OneDnnBFloat16Products : IProducts<Bf16>, IDisposable
{
    private const int CutMultiple = 64;

    private readonly ThreadTeam _team;
    private readonly Dictionary<Shape, Part[]> _shapes = [];
    private readonly nint _engine = OneDnn.CreateEngine();
    private readonly nint[] _streams;
    private readonly void*[] _scratchpads;
    private readonly long[] _scratchBytes;
    private readonly Action<int> _part;
    private Part[] _parts = [];
    private Bf16* _a;
    private Bf16* _b;
    private void* _c;
    private int _targetBytes;

    /// <exception cref="FuseMixException">The library or the processor cannot do it.</exception>
    public OneDnnBFloat16Products(ThreadTeam team)
    {
        RequireSupport();
        _team = team;
        _streams = new nint[team.Threads];
        for (var i = 0; i < _streams.Length; i++) _streams[i] = OneDnn.CreateStream(_engine);
        _scratchpads = new void*[team.Threads];
        _scratchBytes = new long[team.Threads];
        _part = Execute;
    }

    /// <summary>Whether library and processor are there.</summary>
    public static bool IsSupported => OneDnn.Version is not null && OneDnn.HasBFloat16Processor;

    /// <exception cref="FuseMixException">The library or the processor cannot do it.</exception>
    public static void RequireSupport()
    {
        if (!OneDnn.HasBFloat16Processor)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                "Training in bf16 needs a processor with AVX512-BF16 or AMX-BF16, which this one has not.",
                "Set 'precision' to fp32, or train on another machine.");
        }

        if (OneDnn.Version is null)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                "Training in bf16 needs oneDNN 2, which is not installed.",
                "Install it (Debian: libdnnl2), or set 'precision' to fp32.");
        }
    }

    /// <inheritdoc/>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, Bf16* a, Bf16* b, float keep, float* c) =>
        Run(new Shape(transposeA, transposeB, m, n, k, OneDnn.Float32, keep != 0), a, b, c, sizeof(float));

    /// <inheritdoc/>
    public void Multiply(bool transposeA, bool transposeB, int m, int n, int k, Bf16* a, Bf16* b, Bf16* c) =>
        Run(new Shape(transposeA, transposeB, m, n, k, OneDnn.BFloat16, false), a, b, c, sizeof(Bf16));

    public void Dispose()
    {
        foreach (var part in _shapes.Values.SelectMany(parts => parts))
        {
            OneDnn.DestroyPrimitive(part.Primitive);
            foreach (var memory in (nint[])[part.A, part.B, part.C, part.Scratchpad]) OneDnn.DestroyMemory(memory);
        }

        foreach (var stream in _streams) OneDnn.DestroyStream(stream);
        foreach (var scratchpad in _scratchpads) NativeMemory.AlignedFree(scratchpad);
        OneDnn.DestroyEngine(_engine);
    }

    private void Run(Shape shape, Bf16* a, Bf16* b, void* c, int targetBytes)
    {
        if (!_shapes.TryGetValue(shape, out var parts)) _shapes.Add(shape, parts = Create(shape));
        (_parts, _targetBytes) = (parts, targetBytes);
        _a = a;
        _b = b;
        _c = c;
        _team.For(parts.Length, _part);
    }

    private void Execute(int index)
    {
        OneDnn.WorkAlone();
        ref readonly var part = ref _parts[index];
        OneDnn.SetMemory(part.A, _a + part.OffsetA);
        OneDnn.SetMemory(part.B, _b + part.OffsetB);
        OneDnn.SetMemory(part.C, (byte*)_c + (part.OffsetC * _targetBytes));
        OneDnn.SetMemory(part.Scratchpad, _scratchpads[index]);
        var arguments = stackalloc OneDnn.Argument[]
        {
            new() { Kind = OneDnn.Source, Memory = part.A },
            new() { Kind = OneDnn.Weights, Memory = part.B },
            new() { Kind = OneDnn.Target, Memory = part.C },
            new() { Kind = OneDnn.Scratchpad, Memory = part.Scratchpad },
        };
        OneDnn.Execute(part.Primitive, _streams[index], arguments, 4);
    }

    private Part[] Create(Shape shape)
    {
        // How many threads a primitive is made for is decided by the thread that makes it.
        OneDnn.WorkAlone();
        var cutRows = shape.M > shape.N;
        var length = cutRows ? shape.M : shape.N;
        var cut = (((length + _team.Threads - 1) / _team.Threads) + CutMultiple - 1) / CutMultiple * CutMultiple;
        var parts = new Part[(length + cut - 1) / cut];
        var a = stackalloc byte[OneDnn.DescriptorBytes];
        var b = stackalloc byte[OneDnn.DescriptorBytes];
        var c = stackalloc byte[OneDnn.DescriptorBytes];
        for (var i = 0; i < parts.Length; i++)
        {
            var start = i * cut;
            var taken = Math.Min(cut, length - start);
            var (m, n) = cutRows ? (taken, shape.N) : (shape.M, taken);
            var (rowA, columnA) = shape.TransposeA ? (1L, (long)shape.M) : (shape.K, 1);
            var (rowB, columnB) = shape.TransposeB ? (1L, (long)shape.K) : (shape.N, 1);
            OneDnn.Describe(a, m, shape.K, OneDnn.BFloat16, rowA, columnA);
            OneDnn.Describe(b, shape.K, n, OneDnn.BFloat16, rowB, columnB);
            OneDnn.Describe(c, m, n, shape.Target, shape.N, 1);
            var primitive = OneDnn.CreateProduct(_engine, a, b, c, shape.Adds, out var scratchpad, out var bytes);
            parts[i] = new Part(
                primitive,
                OneDnn.CreateMemory(_engine, a),
                OneDnn.CreateMemory(_engine, b),
                OneDnn.CreateMemory(_engine, c),
                scratchpad,
                cutRows ? start * rowA : 0,
                cutRows ? 0 : start * columnB,
                cutRows ? (long)start * shape.N : start);
            if (bytes <= _scratchBytes[i]) continue;
            NativeMemory.AlignedFree(_scratchpads[i]);
            _scratchpads[i] = NativeMemory.AlignedAlloc((nuint)bytes, 64);
            _scratchBytes[i] = bytes;
        }

        return parts;
    }

    private readonly record struct Shape(bool TransposeA, bool TransposeB, int M, int N, int K, int Target, bool Adds);

    private readonly record struct Part(nint Primitive, nint A, nint B, nint C, nint Scratchpad, long OffsetA, long OffsetB, long OffsetC);
}
