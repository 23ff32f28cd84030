using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace FuseMix.Training.Matrices;

/// <summary>What the C interface of oneDNN 2 (Debian: <c>libdnnl2</c>) gives us, and whether it is there.</summary>
internal static unsafe partial class OneDnn
{
    public const int Float32 = 3;
    public const int BFloat16 = 2;
    public const int Source = 1;
    public const int Target = 17;
    public const int Weights = 33;
    public const int Scratchpad = 80;

    /// <summary>More than any descriptor of 2.x takes (a memory descriptor has some 700 bytes, that of a matmul five of them).</summary>
    public const int DescriptorBytes = 8192;

    private const string Library = "libdnnl.so.2";
    private const string OpenMp = "libgomp.so.1";
    private const int UserScratchpad = 1;
    private const int QueryScratchpad = 128 + 8;

    [ThreadStatic]
    private static bool _alone;

    /// <summary>Its version, e.g. "2.6"; null where it is not there or is another one.</summary>
    public static string? Version { get; } = FindVersion();

    /// <summary>Whether this processor multiplies bf16 faster than fp32: AVX512-BF16 or AMX-BF16.</summary>
    public static bool HasBFloat16Processor { get; } = Avx512F.IsSupported
        && X86Base.CpuId(0, 0).Eax >= 7
        && ((X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0);

    /// <summary>
    /// Keeps oneDNN from using threads of its own for what the calling thread asks of it: they would spin against those of
    /// <see cref="Threading.ThreadTeam"/>. In OpenMP the number of threads is a setting of the calling thread.
    /// </summary>
    public static void WorkAlone()
    {
        if (_alone) return;
        SetThreads(1);
        _alone = true;
    }

    public static nint CreateEngine()
    {
        Check(EngineCreate(out var engine, 1, 0), "engine");
        return engine;
    }

    public static nint CreateStream(nint engine)
    {
        Check(StreamCreate(out var stream, engine, 1), "stream");
        return stream;
    }

    /// <summary>Describes a matrix, into <paramref name="descriptor"/> [<see cref="DescriptorBytes"/>].</summary>
    public static void Describe(byte* descriptor, long rows, long columns, int type, long rowStride, long columnStride)
    {
        var sizes = stackalloc long[12] { rows, columns, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        var strides = stackalloc long[12] { rowStride, columnStride, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        Check(MemoryDescribe(descriptor, 2, sizes, type, strides), "memory descriptor");
    }

    /// <summary>A product C ← A·B (+ C), whose scratchpad the caller brings.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="a">Descriptor of A.</param>
    /// <param name="b">Descriptor of B.</param>
    /// <param name="c">Descriptor of C.</param>
    /// <param name="adds">Whether C is added to.</param>
    /// <param name="scratchpad">Out: the memory object of the scratchpad, without memory.</param>
    /// <param name="scratchBytes">Out: what it needs.</param>
    public static nint CreateProduct(nint engine, byte* a, byte* b, byte* c, bool adds, out nint scratchpad, out long scratchBytes)
    {
        var descriptor = stackalloc byte[DescriptorBytes];
        Check(MatmulDescribe(descriptor, a, b, null, c), "product");
        Check(AttributesCreate(out var attributes), "attributes");
        Check(AttributesSetScratchpad(attributes, UserScratchpad), "scratchpad mode");
        if (adds)
        {
            Check(PostOpsCreate(out var postOps), "post-operations");
            Check(PostOpsAppendSum(postOps, 1), "sum");
            Check(AttributesSetPostOps(attributes, postOps), "post-operations");
            Check(PostOpsDestroy(postOps), "post-operations");
        }

        Check(PrimitiveDescribe(out var description, descriptor, attributes, engine, 0), "product");
        Check(PrimitiveCreate(out var primitive, description), "product");
        var needed = PrimitiveQueryMemory(description, QueryScratchpad, 0);
        scratchBytes = (long)MemorySize(needed);
        scratchpad = CreateMemory(engine, needed);
        Check(PrimitiveDescriptionDestroy(description), "product");
        Check(AttributesDestroy(attributes), "attributes");
        return primitive;
    }

    public static nint CreateMemory(nint engine, void* descriptor)
    {
        Check(MemoryCreate(out var memory, descriptor, engine, null), "memory");
        return memory;
    }

    public static void SetMemory(nint memory, void* data) => Check(MemorySetHandle(memory, data), "memory");

    public static void Execute(nint primitive, nint stream, Argument* arguments, int count) =>
        Check(PrimitiveExecute(primitive, stream, count, arguments), "execution");

    public static void DestroyMemory(nint memory) => MemoryDestroy(memory);

    public static void DestroyPrimitive(nint primitive) => PrimitiveDestroy(primitive);

    public static void DestroyStream(nint stream) => StreamDestroy(stream);

    public static void DestroyEngine(nint engine) => EngineDestroy(engine);

    [LibraryImport(Library, EntryPoint = "dnnl_sgemm")]
    public static partial int Sgemm(
        byte transposeA, byte transposeB, long m, long n, long k, float alpha, float* a, long lda, float* b, long ldb, float beta, float* c,
        long ldc);

    private static string? FindVersion()
    {
        if (!NativeLibrary.TryLoad(Library, out _) || !NativeLibrary.TryLoad(OpenMp, out _)) return null;
        var version = (int*)LibraryVersion();
        return version[0] == 2 ? $"{version[0]}.{version[1]}" : null;
    }

    private static void Check(int status, string what)
    {
        if (status != 0) throw new InvalidOperationException($"oneDNN refused a {what}: status {status}.");
    }

    [LibraryImport(Library, EntryPoint = "dnnl_version")]
    private static partial nint LibraryVersion();

    [LibraryImport(OpenMp, EntryPoint = "omp_set_num_threads")]
    private static partial void SetThreads(int threads);

    [LibraryImport(Library, EntryPoint = "dnnl_engine_create")]
    private static partial int EngineCreate(out nint engine, int kind, nint index);

    [LibraryImport(Library, EntryPoint = "dnnl_engine_destroy")]
    private static partial int EngineDestroy(nint engine);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_create")]
    private static partial int StreamCreate(out nint stream, nint engine, uint flags);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_destroy")]
    private static partial int StreamDestroy(nint stream);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_desc_init_by_strides")]
    private static partial int MemoryDescribe(byte* descriptor, int dimensions, long* sizes, int type, long* strides);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_desc_get_size")]
    private static partial nuint MemorySize(void* descriptor);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_create")]
    private static partial int MemoryCreate(out nint memory, void* descriptor, nint engine, void* data);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_set_data_handle")]
    private static partial int MemorySetHandle(nint memory, void* data);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_destroy")]
    private static partial int MemoryDestroy(nint memory);

    [LibraryImport(Library, EntryPoint = "dnnl_matmul_desc_init")]
    private static partial int MatmulDescribe(byte* descriptor, byte* a, byte* b, byte* bias, byte* c);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_create")]
    private static partial int AttributesCreate(out nint attributes);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_destroy")]
    private static partial int AttributesDestroy(nint attributes);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_set_scratchpad_mode")]
    private static partial int AttributesSetScratchpad(nint attributes, int mode);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_attr_set_post_ops")]
    private static partial int AttributesSetPostOps(nint attributes, nint postOps);

    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_create")]
    private static partial int PostOpsCreate(out nint postOps);

    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_append_sum")]
    private static partial int PostOpsAppendSum(nint postOps, float scale);

    [LibraryImport(Library, EntryPoint = "dnnl_post_ops_destroy")]
    private static partial int PostOpsDestroy(nint postOps);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_create")]
    private static partial int PrimitiveDescribe(out nint description, byte* descriptor, nint attributes, nint engine, nint hint);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_query_md")]
    private static partial void* PrimitiveQueryMemory(nint description, int what, int index);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_destroy")]
    private static partial int PrimitiveDescriptionDestroy(nint description);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_create")]
    private static partial int PrimitiveCreate(out nint primitive, nint description);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_destroy")]
    private static partial int PrimitiveDestroy(nint primitive);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_execute")]
    private static partial int PrimitiveExecute(nint primitive, nint stream, int count, Argument* arguments);

    /// <summary><c>dnnl_exec_arg_t</c></summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Argument
    {
        public int Kind;
        public nint Memory;
    }
}
