using FuseMix.Encoders.Import.Networks;

namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>The image networks among TensorFlow.js graph models: one picture in, one feature map out.</summary>
internal sealed class GraphModel
{
    private readonly Dictionary<string, JsonPart> _nodes = new(StringComparer.Ordinal);
    private readonly WeightTable _weights;
    private readonly string _source;

    public GraphModel(JsonPart model, WeightTable weights)
    {
        _weights = weights;
        _source = model.Path;
        foreach (var node in model["modelTopology"]["node"].Items())
        {
            if (!_nodes.TryAdd(node["name"].Text(), node)) throw node.Failure($"repeats the name '{node["name"].Text()}'");
        }
    }

    /// <summary>The one node whose name ends with a path; a converter puts prefixes before the names that papers use.</summary>
    /// <exception cref="FuseMixException">There is none, or more than one.</exception>
    public string NodeEndingWith(string ending)
    {
        string[] found = [.. _nodes.Keys.Where(name => name.EndsWith(ending, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        return found is [var only] ? only : throw new FuseMixException(
            FailureKind.Corrupt,
            $"{_source} {found.Length} nodes end with '{ending}', not one.",
            "Is it another version of the package?");
    }

    /// <summary>Writes everything that a node depends on, from the picture on.</summary>
    /// <param name="network">Where to.</param>
    /// <param name="tensor">The name of the picture's tensor [n, height, width, channels].</param>
    /// <param name="output">The node.</param>
    public FeatureMap Convert(ImageNetwork network, string tensor, string output)
    {
        var made = new Made([], []);
        var open = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Stack<string>([output]);
        while (pending.TryPeek(out var name))
        {
            if (made.Has(name))
            {
                pending.Pop();
                continue;
            }

            var node = new Node(Find(name));
            var missing = node.Inputs.Where(input => !made.Has(input)).ToArray();
            if (missing.Length == 0)
            {
                if (node.Op == "Const") made.Constants.Add(name, _weights[name]);
                else if (node is { Op: "Identity", Inputs: [var input] } && made.Constants.TryGetValue(input, out var same))
                    made.Constants.Add(name, same);
                else made.Maps.Add(name, Emit(network, tensor, node, made));
                continue;
            }

            // A node that waits for itself, through whatever others, would wait for ever.
            if (!open.Add(name)) throw node.Failure("depends on itself");
            foreach (var input in missing) pending.Push(input);
        }

        return made.Maps.TryGetValue(output, out var result) ? result : throw new Node(Find(output)).Failure(
            "is a constant, not a feature map");
    }

    private JsonPart Find(string name) => _nodes.TryGetValue(name, out var node)
        ? node
        : throw FuseMixException.UnknownName("node of the model", name, _nodes.Keys, FailureKind.Corrupt);

    private static FeatureMap Emit(ImageNetwork network, string tensor, Node node, Made made)
    {
        switch (node.Op)
        {
            case "Placeholder":
                int[] shape = [.. node.Attribute("shape")["shape"]["dim"].Items().Select(d => d["size"].Int(-1, int.MaxValue))];
                return shape is [_, var height, var width, var channels]
                    ? network.Input(tensor, height, width, channels)
                    : throw node.Failure($"is an input of {shape.Length} dimensions rather than 4");
            case "Identity":
                return Map(0);
            case "Relu" or "Relu6":
                return network.Activation(node.Name, Map(0), node.Op.ToLowerInvariant());
            case "Add" or "AddV2" or "Sub" or "Mul":
                return Combine(node.Op == "AddV2" ? "Add" : node.Op);
            case "BiasAdd":
                return network.Combine(node.Name, "Add", Map(0), Weight(1), constantFirst: false);
            case "ConcatV2":
                var axis = Weight(node.Inputs.Count - 1);
                if (axis.Values is not [3 or -1]) throw node.Failure("joins along another dimension than channels");
                return network.Concatenate(node.Name, [.. Enumerable.Range(0, node.Inputs.Count - 1).Select(Map)]);
            case "MaxPool" or "AvgPool":
                var (rows, columns) = node.Pair("ksize");
                return node.Op == "MaxPool"
                    ? network.MaxPool(node.Name, Map(0), rows, columns, node.Window())
                    : network.AveragePool(node.Name, Map(0), rows, columns, node.Window());
            case "FusedBatchNorm" or "FusedBatchNormV2" or "FusedBatchNormV3":
                node.RequireLayout();
                var epsilon = node.Attribute("epsilon")["f"].Double();
                return network.BatchNormalisation(node.Name, Map(0), Weight(1), Weight(2), Weight(3), Weight(4), epsilon);
            case "Conv2D":
                return network.Convolution(node.Name, Map(0), Weight(1), node.Window(), bias: null);
            case "DepthwiseConv2dNative":
                return network.DepthwiseConvolution(node.Name, Map(0), Weight(1), node.Window(), bias: null);
            case "_FusedConv2D" or "FusedDepthwiseConv2dNative":
                return Fused();
            default:
                throw node.Failure($"is the operation '{node.Op}', which this importer does not know");
        }

        FeatureMap Map(int index) => index < node.Inputs.Count && made.Maps.TryGetValue(node.Inputs[index], out var map)
            ? map
            : throw node.Failure($"has no feature map as input {index}");

        Weight Weight(int index) =>
            index >= 0 && index < node.Inputs.Count && made.Constants.TryGetValue(node.Inputs[index], out var weight)
            ? weight
            : throw node.Failure($"has no constant as input {index}");

        FeatureMap Combine(string op)
        {
            if (node.Inputs.Count != 2) throw node.Failure($"combines {node.Inputs.Count} inputs rather than 2");
            if (made.Constants.TryGetValue(node.Inputs[0], out var first))
                return network.Combine(node.Name, op, Map(1), first, constantFirst: true);
            if (made.Constants.TryGetValue(node.Inputs[1], out var second))
                return network.Combine(node.Name, op, Map(0), second, constantFirst: false);
            return network.Combine(node.Name, op, Map(0), Map(1));
        }

        FeatureMap Fused()
        {
            string[] operations = [.. node.Attribute("fused_ops")["list"]["s"].Items().Select(s => s.Bytes())];
            var biased = operations is ["BiasAdd", ..];
            var rest = biased ? operations[1..] : operations;
            if (rest.Length > 1) throw node.Failure($"fuses {string.Join(", ", operations)}, which this importer does not know");
            var bias = biased ? Weight(2) : null;
            var map = node.Op == "_FusedConv2D"
                ? network.Convolution(node.Name, Map(0), Weight(1), node.Window(), bias)
                : network.DepthwiseConvolution(node.Name, Map(0), Weight(1), node.Window(), bias);
            return rest is [var activation] ? network.Activation(node.Name, map, activation.ToLowerInvariant()) : map;
        }
    }

    /// <summary>What the nodes that were visited came to.</summary>
    private sealed record Made(Dictionary<string, FeatureMap> Maps, Dictionary<string, Weight> Constants)
    {
        public bool Has(string name) => Maps.ContainsKey(name) || Constants.ContainsKey(name);
    }

    private sealed class Node
    {
        private readonly JsonPart _part;

        public Node(JsonPart part)
        {
            _part = part;
            Name = part["name"].Text();
            Op = part["op"].Text();
            var inputs = (part.Find("input")?.Items() ?? []).Select(input => input.Text());
            Inputs = [.. inputs.Where(input => !input.StartsWith('^')).Select(FirstOutput)];
        }

        public string Name { get; }

        public string Op { get; }

        public IReadOnlyList<string> Inputs { get; }

        public JsonPart Attribute(string name) => _part["attr"][name];

        public FuseMixException Failure(string why) =>
            new(FailureKind.Corrupt, $"The node '{Name}' {why}.", "Is it another version of the package? Fetch it again.");

        public void RequireLayout()
        {
            if (_part["attr"].Find("data_format") is { } layout && layout["s"].Bytes() is var format && format != "NHWC")
                throw Failure($"has the layout '{format}' rather than NHWC");
        }

        /// <summary>Height and width of a list [1, height, width, 1].</summary>
        public (int Height, int Width) Pair(string name)
        {
            int[] values = [.. Attribute(name)["list"]["i"].Items().Select(i => i.Int(1, 4096))];
            return values is [1, var height, var width, 1] ? (height, width) : throw Failure(
                $"has the {name} [{string.Join(", ", values)}]");
        }

        public Window Window()
        {
            RequireLayout();
            var (strideY, strideX) = Pair("strides");
            // An attribute with its default value may come without any.
            var dilated = _part["attr"].Find("dilations") is { } dilations && dilations["list"].Find("i") is not null;
            var (dilationY, dilationX) = dilated ? Pair("dilations") : (1, 1);
            return new Window(strideY, strideX, dilationY, dilationX, Attribute("padding")["s"].Bytes() switch
            {
                "SAME" => WindowPadding.Same,
                "VALID" => WindowPadding.Valid,
                var other => throw Failure($"has the padding '{other}', which this importer does not know"),
            });
        }

        private string FirstOutput(string input)
        {
            var colon = input.LastIndexOf(':');
            if (colon < 0) return input;
            return input[colon..] == ":0" ? input[..colon] : throw Failure($"takes '{input}', which is not a first output");
        }
    }
}
