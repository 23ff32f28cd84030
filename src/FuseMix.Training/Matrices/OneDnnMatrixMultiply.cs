namespace FuseMix.Training.Matrices;

/// <summary>The <c>dnnl_sgemm</c> of oneDNN, on the calling thread alone.</summary>
internal sealed unsafe class OneDnnMatrixMultiply : IMatrixMultiply
{
    private OneDnnMatrixMultiply(string name) => Name = name;

    public string Name { get; }

    /// <summary>oneDNN, or null where the library is not there or is another one.</summary>
    public static OneDnnMatrixMultiply? TryLoad() => OneDnn.Version is { } version ? new OneDnnMatrixMultiply($"oneDNN {version}") : null;

    public void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c,
        int ldc)
    {
        OneDnn.WorkAlone();
        var status = OneDnn.Sgemm(
            transposeA ? (byte)'T' : (byte)'N', transposeB ? (byte)'T' : (byte)'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        if (status != 0) throw new InvalidOperationException($"dnnl_sgemm refused {m} x {n} x {k}: status {status}.");
    }
}
