using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Onnx;

namespace FuseMix.Encoders.Import.Networks;

/// <summary>A feature map inside an <see cref="ImageNetwork"/>: [n, channels, height, width].</summary>
internal readonly record struct FeatureMap(OnnxValue Value, int Channels, int Height, int Width)
{
    public override string ToString() => $"[n, {Channels}, {Height}, {Width}]";
}

/// <summary>How TensorFlow pads a window operation.</summary>
internal enum WindowPadding
{
    /// <summary>Not at all: windows lie inside the map.</summary>
    Valid,

    /// <summary>So that there are ceil(size / stride) windows; where the padding is odd, the larger half comes after.</summary>
    Same,
}

/// <summary>A window that slides over a map.</summary>
internal readonly record struct Window(int StrideY, int StrideX, int DilationY, int DilationX, WindowPadding Padding);

/// <summary>
/// Writes a convolutional network in ONNX as TensorFlow means it: pictures come in as NHWC, one Transpose follows, and everything after it
/// is NCHW. Sizes are tracked, because TensorFlow's SAME padding depends on them and ONNX wants it in numbers.
/// </summary>
internal sealed class ImageNetwork(string name, int opset = OnnxGraph.DefaultOpset)
{
    private const int MaxSide = 4096;
    private const int MaxChannels = 65_536;
    private int _constants;
    private FeatureMap? _picture;

    public OnnxGraph Graph { get; } = new(name, opset);

    /// <summary>What the network takes; every map was made from it.</summary>
    public FeatureMap Picture => _picture!.Value;

    public FeatureMap Input(string tensor, int height, int width, int channels)
    {
        if (height is < 1 or > MaxSide || width is < 1 or > MaxSide || channels is < 1 or > MaxChannels)
            throw Failure(tensor, $"takes pictures of {width} × {height} with {channels} channels, which is out of range");
        if (_picture is not null) throw Failure(tensor, "is one of several inputs");
        var picture = Graph.Input(tensor, OnnxElement.Float, "n", height, width, channels);
        var map = new FeatureMap(Graph.Node("Transpose", [picture], [OnnxAttribute.Ints("perm", 0, 3, 1, 2)]), channels, height, width);
        _picture = map;
        return map;
    }

    /// <summary>A convolution with a kernel [height, width, in, out].</summary>
    public FeatureMap Convolution(string node, FeatureMap x, Weight kernel, Window window, Weight? bias)
    {
        RequireKernel(node, kernel, x.Channels);
        var (kh, kw, inputs, outputs) = (kernel.Shape[0], kernel.Shape[1], kernel.Shape[2], kernel.Shape[3]);
        var values = new float[kernel.Values.Length];
        for (var i = 0; i < kh * kw; i++)
        {
            for (var c = 0; c < inputs; c++)
            {
                for (var o = 0; o < outputs; o++)
                    values[(((o * inputs) + c) * kh * kw) + i] = kernel.Values[(((i * inputs) + c) * outputs) + o];
            }
        }

        var weights = Graph.Initializer(Constant(kernel.Name), values, outputs, inputs, kh, kw);
        return Convolve(node, x, weights, kh, kw, outputs, groups: 1, window, bias);
    }

    /// <summary>A convolution of every channel on its own, with a kernel [height, width, channels, multiplier].</summary>
    public FeatureMap DepthwiseConvolution(string node, FeatureMap x, Weight kernel, Window window, Weight? bias)
    {
        RequireKernel(node, kernel, x.Channels);
        var (kh, kw) = (kernel.Shape[0], kernel.Shape[1]);
        var outputs = kernel.Shape[2] * kernel.Shape[3];
        var values = new float[kernel.Values.Length];
        for (var i = 0; i < kh * kw; i++)
        {
            for (var o = 0; o < outputs; o++) values[(o * kh * kw) + i] = kernel.Values[(i * outputs) + o];
        }

        var weights = Graph.Initializer(Constant(kernel.Name), values, outputs, 1, kh, kw);
        return Convolve(node, x, weights, kh, kw, outputs, groups: x.Channels, window, bias);
    }

    public FeatureMap BatchNormalisation(
        string node, FeatureMap x, Weight? gamma, Weight? beta, Weight mean, Weight variance, double epsilon)
    {
        if (epsilon is not (>= 0 and < 1)) throw Failure(node, $"has the epsilon {epsilon}");
        OnnxValue[] inputs =
        [
            x.Value, PerChannel(node, gamma, x, 1, "gamma"), PerChannel(node, beta, x, 0, "beta"),
            PerChannel(node, mean, x, 0, "mean"), PerChannel(node, variance, x, 1, "variance"),
        ];
        var value = Graph.Node("BatchNormalization", inputs, [OnnxAttribute.Float("epsilon", (float)epsilon)]);
        return x with { Value = value };
    }

    public FeatureMap MaxPool(string node, FeatureMap x, int height, int width, Window window)
    {
        var (pads, rows, columns) = Place(node, x, height, width, window);
        var value = Graph.Node(
            "MaxPool",
            [x.Value],
            [OnnxAttribute.Ints("kernel_shape", height, width), Strides(window), OnnxAttribute.Ints("pads", pads)]);
        return x with { Value = value, Height = rows, Width = columns };
    }

    public FeatureMap AveragePool(string node, FeatureMap x, int height, int width, Window window)
    {
        var (pads, rows, columns) = Place(node, x, height, width, window);
        var value = Graph.Node(
            "AveragePool",
            [x.Value],
            [
                OnnxAttribute.Ints("kernel_shape", height, width), Strides(window), OnnxAttribute.Ints("pads", pads),
                OnnxAttribute.Int("count_include_pad", 0),
            ]);
        return x with { Value = value, Height = rows, Width = columns };
    }

    public FeatureMap Activation(string node, FeatureMap x, string kind) => kind switch
    {
        "linear" => x,
        "relu" => x with { Value = Graph.Node("Relu", [x.Value]) },
        "relu6" => x with { Value = Graph.Node("Clip", [x.Value, Graph.Scalar(0), Graph.Scalar(6)]) },
        _ => throw Failure(node, $"has the activation '{kind}', which this importer does not know"),
    };

    /// <summary>Add, Sub or Mul of two maps of one shape.</summary>
    public FeatureMap Combine(string node, string op, FeatureMap a, FeatureMap b) => a with { Value = b.Value } == b
        ? a with { Value = Graph.Node(op, [a.Value, b.Value]) }
        : throw Failure(node, $"combines {a} with {b}");

    /// <summary>Add, Sub or Mul of a map and a constant: one value, or one per channel.</summary>
    public FeatureMap Combine(string node, string op, FeatureMap x, Weight constant, bool constantFirst)
    {
        var perChannel = constant.Values.Length == x.Channels && constant.Shape is [.. var leading, _] && leading.All(size => size == 1);
        if (constant.Values.Length != 1 && !perChannel) throw Failure(node, $"combines {x} with the constant {constant.ShapeText}");
        var value = constant.Values.Length == 1
            ? Graph.Initializer(Constant(constant.Name), constant.Values)
            : Graph.Initializer(Constant(constant.Name), constant.Values, x.Channels, 1, 1);
        return x with { Value = Graph.Node(op, constantFirst ? [value, x.Value] : [x.Value, value]) };
    }

    /// <summary>Maps of one size, their channels one after another.</summary>
    public FeatureMap Concatenate(string node, IReadOnlyList<FeatureMap> parts)
    {
        if (parts.Count == 0) throw Failure(node, "joins nothing");
        foreach (var part in parts)
        {
            if (part.Height != parts[0].Height || part.Width != parts[0].Width) throw Failure(node, $"joins {parts[0]} with {part}");
        }

        var channels = parts.Sum(part => part.Channels);
        if (channels > MaxChannels) throw Failure(node, $"joins to {channels} channels, more than this importer takes");
        OnnxValue[] values = [.. parts.Select(part => part.Value)];
        return parts[0] with { Value = Graph.Node("Concat", values, [OnnxAttribute.Int("axis", 1)]), Channels = channels };
    }

    /// <summary>Makes the mean over height and width of a map the output [n, channels].</summary>
    public void OutputMean(string tensor, FeatureMap x)
    {
        var mean = Graph.Node("GlobalAveragePool", [x.Value]);
        Graph.Output(Graph.Node("Flatten", [mean], [OnnxAttribute.Int("axis", 1)], tensor), tensor, OnnxElement.Float, "n", x.Channels);
    }

    private static FuseMixException Failure(string node, string why) =>
        new(FailureKind.Corrupt, $"The layer '{node}' {why}.", "Is it another version of the package? Fetch it again.");

    private static void RequireKernel(string node, Weight kernel, int channels)
    {
        if (kernel.Shape.Length != 4 || kernel.Values.Length == 0 || kernel.Shape[2] != channels)
            throw Failure(node, $"applies the kernel '{kernel.Name}' {kernel.ShapeText} to {channels} channels");
    }

    private FeatureMap Convolve(
        string node, FeatureMap x, OnnxValue weights, int height, int width, int outputs, int groups, Window window, Weight? bias)
    {
        if (outputs > MaxChannels) throw Failure(node, $"has {outputs} channels, more than this importer takes");
        var (pads, rows, columns) = Place(node, x, height, width, window);
        var result = new FeatureMap(default, outputs, rows, columns);
        OnnxValue[] inputs = bias is null ? [x.Value, weights] : [x.Value, weights, PerChannel(node, bias, result, 0, "bias")];
        var value = Graph.Node(
            "Conv",
            inputs,
            [
                OnnxAttribute.Ints("kernel_shape", height, width), Strides(window), OnnxAttribute.Ints("pads", pads),
                OnnxAttribute.Ints("dilations", window.DilationY, window.DilationX), OnnxAttribute.Int("group", groups),
            ]);
        return result with { Value = value };
    }

    private OnnxValue PerChannel(string node, Weight? weight, FeatureMap x, float otherwise, string role)
    {
        if (weight is null)
        {
            var values = new float[x.Channels];
            values.AsSpan().Fill(otherwise);
            return Graph.Initializer(Constant(role), values, x.Channels);
        }

        return weight.Shape is [var size] && size == x.Channels
            ? Graph.Initializer(Constant(weight.Name), weight.Values, x.Channels)
            : throw Failure(node, $"has the {role} '{weight.Name}' {weight.ShapeText} for {x.Channels} channels");
    }

    private string Constant(string weight) => $"{weight}#{_constants++}";

    private static OnnxAttribute Strides(Window window) => OnnxAttribute.Ints("strides", window.StrideY, window.StrideX);

    private static (long[] Pads, int Rows, int Columns) Place(string node, FeatureMap x, int height, int width, Window window)
    {
        var (top, bottom, rows) = Axis(x.Height, height, window.StrideY, window.DilationY);
        var (left, right, columns) = Axis(x.Width, width, window.StrideX, window.DilationX);
        return ([top, left, bottom, right], rows, columns);

        (int Before, int After, int Count) Axis(int size, int kernel, int stride, int dilation)
        {
            if (kernel is < 1 or > MaxSide || stride is < 1 or > MaxSide || dilation is < 1 or > MaxSide)
                throw Failure(node, $"has a window of {kernel} with stride {stride} and dilation {dilation}");
            var reach = ((kernel - 1) * dilation) + 1;
            if (window.Padding == WindowPadding.Valid)
            {
                if (reach > size) throw Failure(node, $"lays a window of {reach} on {x}");
                return (0, 0, ((size - reach) / stride) + 1);
            }

            var count = (size + stride - 1) / stride;
            var total = Math.Max(((count - 1) * stride) + reach - size, 0);
            return (total / 2, total - (total / 2), count);
        }
    }
}
