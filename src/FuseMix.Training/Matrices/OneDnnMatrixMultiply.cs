using System.Runtime.InteropServices;

namespace FuseMix.Training.Matrices;

/// <summary>The <c>dnnl_sgemm</c> of oneDNN (Debian: <c>libdnnl2</c>).</summary>
/// <remarks>
/// oneDNN's own threads would spin against those of <see cref="Threading.ThreadTeam"/>, so each calling thread is told to work alone:
/// in OpenMP the number of threads is a setting of the calling thread.
/// </remarks>
internal sealed unsafe partial class OneDnnMatrixMultiply : IMatrixMultiply
{
    private const string Library = "libdnnl.so.2";
    private const string OpenMp = "libgomp.so.1";

    [ThreadStatic]
    private static bool _alone;

    private OneDnnMatrixMultiply(string name) => Name = name;

    public string Name { get; }

    /// <summary>oneDNN, or null where the library is not there or is another one.</summary>
    public static OneDnnMatrixMultiply? TryLoad()
    {
        if (!NativeLibrary.TryLoad(Library, out _) || !NativeLibrary.TryLoad(OpenMp, out _)) return null;
        var version = (int*)Version();
        return version[0] == 2 ? new OneDnnMatrixMultiply($"oneDNN {version[0]}.{version[1]}") : null;
    }

    public void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc)
    {
        if (!_alone)
        {
            SetThreads(1);
            _alone = true;
        }

        var status = Sgemm(
            transposeA ? (byte)'T' : (byte)'N', transposeB ? (byte)'T' : (byte)'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        if (status != 0) throw new InvalidOperationException($"dnnl_sgemm refused {m} x {n} x {k}: status {status}.");
    }

    [LibraryImport(Library, EntryPoint = "dnnl_sgemm")]
    private static partial int Sgemm(
        byte transposeA, byte transposeB, long m, long n, long k, float alpha, float* a, long lda, float* b, long ldb, float beta, float* c, long ldc);

    [LibraryImport(Library, EntryPoint = "dnnl_version")]
    private static partial nint Version();

    [LibraryImport(OpenMp, EntryPoint = "omp_set_num_threads")]
    private static partial void SetThreads(int threads);
}
