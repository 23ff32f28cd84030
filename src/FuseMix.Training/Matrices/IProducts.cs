using FuseMix.Training.Kernels;

namespace FuseMix.Training.Matrices;

/// <summary>Products of dense row-major matrices of stored operands, summed in fp32, shared among the threads of a team.</summary>
/// <remarks>One caller at a time; no allocation once a shape has been seen.</remarks>
internal unsafe interface IProducts<T>
    where T : unmanaged, IOperand<T>
{
    /// <summary>C ← op(A)·op(B) + <paramref name="keep"/>·C.</summary>
    /// <param name="transposeA">Whether A is stored as [k × m].</param>
    /// <param name="transposeB">Whether B is stored as [n × k].</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of each sum.</param>
    /// <param name="a">[m × k] or, transposed, [k × m].</param>
    /// <param name="b">[k × n] or, transposed, [n × k].</param>
    /// <param name="keep">0 or 1; at 0 C may hold anything.</param>
    /// <param name="c">[m × n].</param>
    void Multiply(bool transposeA, bool transposeB, int m, int n, int k, T* a, T* b, float keep, float* c);

    /// <summary>C ← op(A)·op(B), stored as an operand.</summary>
    void Multiply(bool transposeA, bool transposeB, int m, int n, int k, T* a, T* b, T* c);
}
