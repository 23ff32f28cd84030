using System.Runtime.InteropServices;
using FuseMix.Storage;
using Google.Protobuf;
using Protocol = global::Onnx;

namespace FuseMix.Onnx;

/// <summary>A tensor inside an <see cref="OnnxGraph"/>, known by its name.</summary>
/// <param name="Name">Unique within its graph.</param>
public readonly record struct OnnxValue(string Name)
{
    /// <summary>An optional input that is left out.</summary>
    public static OnnxValue None { get; } = new("");
}

/// <summary>Builds an ONNX model node by node and writes it; the same calls give the same bytes.</summary>
/// <remarks>
/// Every tensor that a node names must have been made by an earlier call, which keeps the nodes in the order that ONNX demands and turns a
/// misspelt name into an <see cref="ArgumentException"/> on the spot. Whether the operators and shapes fit each other is for the runtime to
/// say.
/// </remarks>
public sealed class OnnxGraph
{
    /// <summary>The operator set used where none is asked for: old enough for every runtime in use.</summary>
    public const int DefaultOpset = 13;

    // Protobuf cannot carry 2 GiB or more in one message; the rest is headroom for names and attributes.
    private const long MaxInitializerBytes = int.MaxValue - (64L << 20);

    private readonly Protocol.ModelProto _model;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _counters = new(StringComparer.Ordinal);
    private long _initializerBytes;

    /// <summary>An empty graph.</summary>
    /// <param name="name">The graph's name, shown by viewers.</param>
    /// <param name="opset">The version of the default operator set, 12 to 22.</param>
    /// <param name="producer">What is entered as the model's producer.</param>
    /// <exception cref="ArgumentOutOfRangeException">The operator set is outside 12 to 22.</exception>
    public OnnxGraph(string name, int opset = DefaultOpset, string producer = "FuseMix.Cluster")
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _model = new Protocol.ModelProto
        {
            IrVersion = IrVersionOf(opset),
            ProducerName = producer,
            Graph = new Protocol.GraphProto { Name = name },
            OpsetImport = { new Protocol.OperatorSetIdProto { Domain = "", Version = opset } },
        };
        Opset = opset;
    }

    /// <summary>The version of the default operator set.</summary>
    public int Opset { get; }

    /// <summary>Adds an input of the model.</summary>
    /// <param name="name">Its name, which callers of the model use.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="shape">Its shape; a text stands for a size that is known only when the model runs.</param>
    public OnnxValue Input(string name, OnnxElement type, params ReadOnlySpan<OnnxDimension> shape)
    {
        Claim(name);
        _model.Graph.Input.Add(ValueInfo(name, type, shape));
        return new OnnxValue(name);
    }

    /// <summary>Makes a tensor an output of the model under a name of its own.</summary>
    /// <param name="value">The tensor.</param>
    /// <param name="name">The name that callers of the model use; where it is not the tensor's own, an Identity node is added.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="shape">Its shape; a text stands for a size that is known only when the model runs.</param>
    public void Output(OnnxValue value, string name, OnnxElement type, params ReadOnlySpan<OnnxDimension> shape)
    {
        if (value.Name != name) value = Node("Identity", [value], [], name);
        Require(value);
        _model.Graph.Output.Add(ValueInfo(value.Name, type, shape));
    }

    /// <summary>Adds a constant tensor of fp32 values.</summary>
    /// <param name="name">A unique name.</param>
    /// <param name="values">The values, row-major.</param>
    /// <param name="shape">The shape; none for a scalar.</param>
    /// <exception cref="ArgumentException">The shape does not hold as many values.</exception>
    public OnnxValue Initializer(string name, ReadOnlySpan<float> values, params ReadOnlySpan<int> shape) =>
        Initializer(name, OnnxElement.Float, MemoryMarshal.AsBytes(values), values.Length, shape);

    /// <summary>Adds a constant tensor of fp16 values.</summary>
    /// <inheritdoc cref="Initializer(string, ReadOnlySpan{float}, ReadOnlySpan{int})"/>
    public OnnxValue Initializer(string name, ReadOnlySpan<Half> values, params ReadOnlySpan<int> shape) =>
        Initializer(name, OnnxElement.Float16, MemoryMarshal.AsBytes(values), values.Length, shape);

    /// <summary>Adds a constant tensor of 64-bit integers.</summary>
    /// <inheritdoc cref="Initializer(string, ReadOnlySpan{float}, ReadOnlySpan{int})"/>
    public OnnxValue Initializer(string name, ReadOnlySpan<long> values, params ReadOnlySpan<int> shape) =>
        Initializer(name, OnnxElement.Int64, MemoryMarshal.AsBytes(values), values.Length, shape);

    /// <summary>Adds a constant fp32 scalar under a name of its own.</summary>
    public OnnxValue Scalar(float value) => Initializer(FreeName("scalar"), [value]);

    /// <summary>Adds a constant list of 64-bit integers (a shape, axes, starts …) under a name of its own.</summary>
    public OnnxValue Longs(params ReadOnlySpan<long> values) => Initializer(FreeName("longs"), values, values.Length);

    /// <summary>Adds a node with one output.</summary>
    /// <param name="op">The operator's type, e.g. "MatMul".</param>
    /// <param name="inputs">Its inputs; <see cref="OnnxValue.None"/> for an optional one that is left out.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <param name="name">The name of the output; by default the operator's type and a running number.</param>
    /// <exception cref="ArgumentException">An input is not of this graph, or the name is taken.</exception>
    public OnnxValue Node(string op, ReadOnlySpan<OnnxValue> inputs, ReadOnlySpan<OnnxAttribute> attributes = default, string? name = null)
    {
        name ??= FreeName(op);
        AddNode(op, inputs, attributes, [name]);
        return new OnnxValue(name);
    }

    /// <summary>Adds a node with several outputs, e.g. "Split".</summary>
    /// <param name="op">The operator's type.</param>
    /// <param name="outputs">How many outputs it has.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="attributes">Its attributes.</param>
    /// <exception cref="ArgumentException">An input is not of this graph.</exception>
    public OnnxValue[] Nodes(string op, int outputs, ReadOnlySpan<OnnxValue> inputs, ReadOnlySpan<OnnxAttribute> attributes = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        var stem = FreeName(op);
        var names = new string[outputs];
        for (var i = 0; i < outputs; i++) names[i] = $"{stem}_{i}";
        AddNode(op, inputs, attributes, names);
        return [.. names.Select(n => new OnnxValue(n))];
    }

    /// <summary>Adds an entry to the model's metadata, e.g. its origin or licence.</summary>
    public void Metadata(string key, string value) =>
        _model.MetadataProps.Add(new Protocol.StringStringEntryProto { Key = key, Value = value });

    /// <summary>The model in the ONNX format.</summary>
    /// <exception cref="InvalidOperationException">The graph has no output.</exception>
    public byte[] ToBytes()
    {
        RequireOutput();
        return _model.ToByteArray();
    }

    /// <summary>Writes the model to <paramref name="path"/>, whole or not at all.</summary>
    /// <exception cref="InvalidOperationException">The graph has no output.</exception>
    public void Save(string path)
    {
        RequireOutput();
        AtomicFile.Write(path, stream => _model.WriteTo(stream));
    }

    private OnnxValue Initializer(string name, OnnxElement type, ReadOnlySpan<byte> content, int count, ReadOnlySpan<int> shape)
    {
        var expected = 1L;
        foreach (var size in shape) expected = checked(expected * size);
        if (expected != count)
            throw new ArgumentException($"'{name}' has {count} values, its shape [{string.Join(", ", shape.ToArray())}] holds {expected}.");
        _initializerBytes += content.Length;
        if (_initializerBytes > MaxInitializerBytes)
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The weights of '{_model.Graph.Name}' take more than the 2 GiB that one ONNX file can hold.",
                "Use a smaller model, or fp16 weights.");
        Claim(name);
        var tensor = new Protocol.TensorProto { Name = name, DataType = (int)type, RawData = ByteString.CopyFrom(content) };
        foreach (var size in shape) tensor.Dims.Add(size);
        _model.Graph.Initializer.Add(tensor);
        return new OnnxValue(name);
    }

    private void AddNode(string op, ReadOnlySpan<OnnxValue> inputs, ReadOnlySpan<OnnxAttribute> attributes, ReadOnlySpan<string> outputs)
    {
        ArgumentException.ThrowIfNullOrEmpty(op);
        var node = new Protocol.NodeProto { OpType = op, Name = outputs[0] };
        foreach (var input in inputs)
        {
            if (input != OnnxValue.None) Require(input);
            node.Input.Add(input.Name);
        }

        foreach (var attribute in attributes) node.Attribute.Add(attribute.Proto.Clone());
        foreach (var output in outputs)
        {
            Claim(output);
            node.Output.Add(output);
        }

        _model.Graph.Node.Add(node);
    }

    private static Protocol.ValueInfoProto ValueInfo(string name, OnnxElement type, ReadOnlySpan<OnnxDimension> shape)
    {
        var proto = new Protocol.TensorShapeProto();
        foreach (var dimension in shape)
        {
            var entry = new Protocol.TensorShapeProto.Types.Dimension();
            if (dimension.Size is { } size) entry.DimValue = size;
            else if (dimension.Symbol is { } symbol) entry.DimParam = symbol;
            proto.Dim.Add(entry);
        }

        return new Protocol.ValueInfoProto
        {
            Name = name,
            Type = new Protocol.TypeProto { TensorType = new() { ElemType = (int)type, Shape = proto } },
        };
    }

    private void Claim(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_names.Add(name)) throw new ArgumentException($"'{name}' is already a tensor of graph '{_model.Graph.Name}'.", nameof(name));
    }

    private void Require(OnnxValue value)
    {
        if (!_names.Contains(value.Name ?? ""))
            throw new ArgumentException($"'{value.Name}' is not a tensor of graph '{_model.Graph.Name}'.", nameof(value));
    }

    private void RequireOutput()
    {
        if (_model.Graph.Output.Count == 0) throw new InvalidOperationException($"Graph '{_model.Graph.Name}' has no output.");
    }

    private string FreeName(string stem)
    {
        string name;
        do
        {
            ref var next = ref CollectionsMarshal.GetValueRefOrAddDefault(_counters, stem, out _);
            name = $"{stem}_{next++}";
        }
        while (_names.Contains(name));
        return name;
    }

    // The pairs of the ONNX release table: a runtime refuses a model whose IR version is newer than it knows, so the oldest that fits is
    // used.
    private static long IrVersionOf(int opset) => opset switch
    {
        >= 12 and <= 14 => 7,
        >= 15 and <= 18 => 8,
        19 or 20 => 9,
        21 or 22 => 10,
        _ => throw new ArgumentOutOfRangeException(nameof(opset), opset, "The operator set must be 12 to 22."),
    };
}
