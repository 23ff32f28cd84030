namespace FuseMix.Training.Matrices;

/// <summary>C ← α·op(A)·op(B) + β·C on row-major fp32 matrices, on the calling thread; several threads may call at once.</summary>
internal unsafe interface IMatrixMultiply
{
    /// <summary>What multiplies here, for reports, e.g. "oneDNN 2.6".</summary>
    string Name { get; }

    /// <summary>Multiplies.</summary>
    /// <param name="transposeA">Whether A is stored as its transpose [k × m].</param>
    /// <param name="transposeB">Whether B is stored as its transpose [n × k].</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of each sum.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">[m × k] or, transposed, [k × m].</param>
    /// <param name="lda">Values from one stored row of A to the next.</param>
    /// <param name="b">[k × n] or, transposed, [n × k].</param>
    /// <param name="ldb">Values from one stored row of B to the next.</param>
    /// <param name="beta">Factor of what C holds; at 0 C may hold anything.</param>
    /// <param name="c">[m × n].</param>
    /// <param name="ldc">Values from one row of C to the next.</param>
    void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c,
        int ldc);
}
