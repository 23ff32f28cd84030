using FuseMix.Encoders.Import.Networks;

namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>The image networks among Keras models in TensorFlow.js's layers format.</summary>
internal sealed class LayersModel
{
    private readonly List<(string Name, JsonPart Layer)> _layers = [];
    private readonly WeightTable _weights;

    public LayersModel(JsonPart model, WeightTable weights)
    {
        _weights = weights;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var layer in model["modelTopology"]["model_config"]["config"]["layers"].Items())
        {
            var name = layer["name"].Text();
            if (!names.Add(name)) throw layer.Failure($"repeats the name '{name}'");
            _layers.Add((name, layer));
        }
    }

    /// <summary>Writes every layer from the picture up to one.</summary>
    /// <param name="network">Where to.</param>
    /// <param name="tensor">The name of the picture's tensor [n, height, width, channels].</param>
    /// <param name="output">The last layer.</param>
    /// <exception cref="FuseMixException">There is no such layer, or one before it is not known.</exception>
    public FeatureMap Convert(ImageNetwork network, string tensor, string output)
    {
        // Keras lists layers in an order in which every layer comes after its inputs, and reads them back in that order.
        var wanted = Ancestors(output);
        var maps = new Dictionary<string, FeatureMap>(StringComparer.Ordinal);
        foreach (var (name, layer) in _layers)
        {
            if (!wanted.Contains(name)) continue;
            FeatureMap[] inputs = [.. InputsOf(layer).Select(input => maps.TryGetValue(input, out var map)
                ? map
                : throw layer.Failure($"(layer '{name}') takes '{input}', which does not come before it"))];
            maps.Add(name, Emit(network, tensor, name, layer, inputs));
        }

        return maps[output];
    }

    private HashSet<string> Ancestors(string output)
    {
        var layers = _layers.ToDictionary(l => l.Name, l => l.Layer, StringComparer.Ordinal);
        var found = new HashSet<string>(StringComparer.Ordinal);
        var pending = new Stack<string>([output]);
        while (pending.TryPop(out var name))
        {
            if (!found.Add(name)) continue;
            if (!layers.TryGetValue(name, out var layer))
                throw FuseMixException.UnknownName("layer of the model", name, layers.Keys, FailureKind.Corrupt);
            foreach (var input in InputsOf(layer)) pending.Push(input);
        }

        return found;
    }

    private static List<string> InputsOf(JsonPart layer)
    {
        var calls = layer["inbound_nodes"].Items();
        if (calls.Count > 1) throw layer.Failure("is used more than once");
        return [.. calls.SelectMany(call => call.Items()).Select(NameOf)];

        static string NameOf(JsonPart input) => input.Items() is [var name, ..] ? name.Text() : throw input.Failure("names no layer");
    }

    private FeatureMap Emit(ImageNetwork network, string tensor, string name, JsonPart layer, FeatureMap[] inputs)
    {
        var config = layer["config"];
        var kind = layer["class_name"].Text();
        if (kind is not ("InputLayer" or "Concatenate") && inputs.Length != 1)
            throw layer.Failure($"(layer '{name}') has {inputs.Length} inputs rather than 1");
        switch (kind)
        {
            case "InputLayer":
                return config["batch_input_shape"].Items() is [_, var height, var width, var channels]
                    ? network.Input(tensor, height.Int(1, 4096), width.Int(1, 4096), channels.Int(1, 4096))
                    : throw layer.Failure($"(layer '{name}') takes no picture");
            case "Conv2D":
                var bias = config["use_bias"].Bool() ? _weights[$"{name}/bias"] : null;
                var kernel = _weights[$"{name}/kernel"];
                var map = network.Convolution(name, inputs[0], kernel, WindowOf(config, name), bias);
                return network.Activation(name, map, config["activation"].Text());
            case "BatchNormalization":
                RequireChannels(config);
                return network.BatchNormalisation(
                    name,
                    inputs[0],
                    config["scale"].Bool() ? _weights[$"{name}/gamma"] : null,
                    config["center"].Bool() ? _weights[$"{name}/beta"] : null,
                    _weights[$"{name}/moving_mean"],
                    _weights[$"{name}/moving_variance"],
                    config["epsilon"].Double());
            case "Activation":
                return network.Activation(name, inputs[0], config["activation"].Text());
            case "MaxPooling2D":
                var (rows, columns) = Pair(config["pool_size"]);
                return network.MaxPool(name, inputs[0], rows, columns, WindowOf(config, name));
            case "AveragePooling2D":
                (rows, columns) = Pair(config["pool_size"]);
                return network.AveragePool(name, inputs[0], rows, columns, WindowOf(config, name));
            case "Concatenate":
                RequireChannels(config);
                return network.Concatenate(name, inputs);
            default:
                throw layer.Failure($"(layer '{name}') is a {kind}, which this importer does not know");
        }
    }

    private static void RequireChannels(JsonPart config)
    {
        var axis = config["axis"];
        if (axis.Int(-4, 3) is not (3 or -1)) throw axis.Failure("is not the dimension of channels");
    }

    private static Window WindowOf(JsonPart config, string name)
    {
        if (config.Find("data_format") is { } layout && layout.Text() != "channels_last")
            throw layout.Failure($"(layer '{name}') is not 'channels_last'");
        var (strideY, strideX) = Pair(config["strides"]);
        var (dilationY, dilationX) = config.Find("dilation_rate") is { } dilation ? Pair(dilation) : (1, 1);
        var padding = config["padding"];
        return new Window(strideY, strideX, dilationY, dilationX, padding.Text() switch
        {
            "same" => WindowPadding.Same,
            "valid" => WindowPadding.Valid,
            var other => throw padding.Failure($"(layer '{name}') is '{other}', which this importer does not know"),
        });
    }

    private static (int Height, int Width) Pair(JsonPart part) => part.Items() is [var height, var width]
        ? (height.Int(1, 4096), width.Int(1, 4096))
        : throw part.Failure("is not a pair");
}
