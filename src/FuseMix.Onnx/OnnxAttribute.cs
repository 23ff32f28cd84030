using Google.Protobuf;
using Protocol = global::Onnx;

namespace FuseMix.Onnx;

/// <summary>An attribute of a node: a name and a value whose kind the operator's specification demands.</summary>
public readonly struct OnnxAttribute
{
    private OnnxAttribute(Protocol.AttributeProto proto) => Proto = proto;

    internal Protocol.AttributeProto Proto { get; }

    /// <summary>A whole number, e.g. <c>axis</c>.</summary>
    public static OnnxAttribute Int(string name, long value) =>
        new(new() { Name = name, Type = Protocol.AttributeProto.Types.AttributeType.Int, I = value });

    /// <summary>Several whole numbers, e.g. <c>pads</c>.</summary>
    public static OnnxAttribute Ints(string name, params ReadOnlySpan<long> values)
    {
        var proto = new Protocol.AttributeProto { Name = name, Type = Protocol.AttributeProto.Types.AttributeType.Ints };
        foreach (var value in values) proto.Ints.Add(value);
        return new(proto);
    }

    /// <summary>A number in fp32, e.g. <c>epsilon</c>.</summary>
    public static OnnxAttribute Float(string name, float value) =>
        new(new() { Name = name, Type = Protocol.AttributeProto.Types.AttributeType.Float, F = value });

    /// <summary>A text, e.g. <c>mode</c>.</summary>
    public static OnnxAttribute Text(string name, string value) =>
        new(new() { Name = name, Type = Protocol.AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) });
}
