namespace FuseMix.Training.Adapters;

/// <summary>What an adapter computes.</summary>
public enum AdapterKind
{
    /// <summary>The paper's: L residual MLP blocks, LayerNorm, Linear (supplement A).</summary>
    Mlp,

    /// <summary>Nothing: the encoder's own space is the shared space (the paper's audio into CLIP).</summary>
    Identity,

    /// <summary>One Linear, as a canonical correlation analysis gives.</summary>
    Linear,
}

/// <summary>One array of parameters within an adapter.</summary>
/// <param name="Name">PyTorch's name, e.g. "0.fn.3.weight".</param>
/// <param name="Dimensions">[out, in] of a matrix, [n] of a vector.</param>
/// <param name="Offset">Where it starts among the adapter's parameters; a multiple of 16.</param>
internal sealed record Parameter(string Name, int[] Dimensions, long Offset)
{
    public bool IsMatrix => Dimensions.Length == 2;

    public long Length => Dimensions.Aggregate(1L, (product, d) => product * d);

    /// <summary>How many inputs each value's neuron has; PyTorch bounds the initial weights by it.</summary>
    public required int FanIn { get; init; }
}

/// <summary>One matrix product of a step; its result is fp32, or stored as operands are.</summary>
internal readonly record struct AdapterProduct(bool TransposeA, bool TransposeB, int M, int N, int K, bool IsStored = false)
{
    public double Operations => 2.0 * M * N * K;
}

/// <summary>Sizes of an adapter, and from them the layout of its parameters in one flat run of memory.</summary>
/// <remarks>
/// Names follow PyTorch's <c>Sequential</c> of the authors' model, so that the files can be exchanged: block l has
/// <c>l.ln</c>, <c>l.fn.0</c> (D → 4D), <c>l.fn.3</c> (4D → D); after the blocks <c>L</c> is the LayerNorm and <c>L+1</c> the output.
/// </remarks>
internal sealed record AdapterShape
{
    private AdapterShape(AdapterKind kind, int input, int output, int depth, int expansion)
    {
        (Kind, Input, Output, Depth, Expansion) = (kind, input, output, depth, expansion);
        var list = new List<Parameter>();
        long offset = 0;
        if (kind == AdapterKind.Mlp)
        {
            for (var l = 0; l < depth; l++)
            {
                Add($"{l}.ln.weight", input, input);
                Add($"{l}.ln.bias", input, input);
                Add($"{l}.fn.0.weight", input, Hidden, input);
                Add($"{l}.fn.0.bias", input, Hidden);
                Add($"{l}.fn.3.weight", Hidden, input, Hidden);
                Add($"{l}.fn.3.bias", Hidden, input);
            }

            Add($"{depth}.weight", input, input);
            Add($"{depth}.bias", input, input);
            Add($"{depth + 1}.weight", input, output, input);
            Add($"{depth + 1}.bias", input, output);
        }
        else if (kind == AdapterKind.Linear)
        {
            Add("weight", input, output, input);
            Add("bias", input, output);
        }

        Parameters = list;
        Length = offset;

        void Add(string name, int fanIn, params int[] dimensions)
        {
            var parameter = new Parameter(name, dimensions, offset) { FanIn = fanIn };
            list.Add(parameter);
            offset += (parameter.Length + 15) / 16 * 16;
        }
    }

    public AdapterKind Kind { get; }

    /// <summary>Values of a transformed latent.</summary>
    public int Input { get; }

    /// <summary>Dimension of the shared space.</summary>
    public int Output { get; }

    /// <summary>Number of residual blocks.</summary>
    public int Depth { get; }

    /// <summary>Hidden width over input width.</summary>
    public int Expansion { get; }

    /// <summary>Width of the hidden layers.</summary>
    public int Hidden => Input * Expansion;

    /// <summary>Every array, in the order of memory.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Floats that all parameters take, padding included.</summary>
    public long Length { get; }

    /// <summary>How many numbers are learned.</summary>
    public long Learned => Parameters.Sum(p => p.Length);

    /// <summary>The matrix products of one training step of an MLP adapter, in their order.</summary>
    /// <param name="rows">Rows of the batch.</param>
    public IEnumerable<AdapterProduct> Products(int rows)
    {
        for (var l = 0; l < Depth; l++)
        {
            yield return new AdapterProduct(false, true, rows, Hidden, Input, IsStored: true);
            yield return new AdapterProduct(false, true, rows, Input, Hidden);
        }

        yield return new AdapterProduct(false, true, rows, Output, Input);
        yield return new AdapterProduct(true, false, Output, Input, rows);
        yield return new AdapterProduct(false, false, rows, Input, Output);
        for (var l = 0; l < Depth; l++)
        {
            yield return new AdapterProduct(true, false, Input, Hidden, rows);
            yield return new AdapterProduct(false, false, rows, Hidden, Input, IsStored: true);
            yield return new AdapterProduct(true, false, Hidden, Input, rows);
            yield return new AdapterProduct(false, false, rows, Input, Hidden);
        }
    }

    /// <summary>The most residual blocks.</summary>
    public const int MaxDepth = 64;

    /// <summary>Parameters per block: two of the norm, four of the two Linears.</summary>
    public const int PerBlock = 6;

    public static AdapterShape Mlp(int input, int output, int depth, int expansion) =>
        new(AdapterKind.Mlp, input, output, depth, expansion);

    public static AdapterShape Linear(int input, int output) => new(AdapterKind.Linear, input, output, 0, 0);

    public static AdapterShape Identity(int dimension) => new(AdapterKind.Identity, dimension, dimension, 0, 0);
}
