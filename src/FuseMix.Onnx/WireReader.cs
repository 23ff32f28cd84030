using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace FuseMix.Onnx;

/// <summary>Walks the fields of one protobuf message without copying any, so that a model of 2 GB is looked through in milliseconds.</summary>
/// <remarks>Malformed input ends in an <see cref="InvalidDataException"/>, whatever the bytes.</remarks>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    public const int Varint = 0;
    public const int Fixed64 = 1;
    public const int Bytes = 2;
    public const int Fixed32 = 5;

    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the field that <see cref="Next"/> moved to.</summary>
    public int Field { get; private set; }

    /// <summary>Its wire type.</summary>
    public int WireType { get; private set; }

    /// <summary>Its value where it is a number, its length where it is <see cref="Bytes"/>.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its content where it is <see cref="Bytes"/>.</summary>
    public ReadOnlySpan<byte> Content { get; private set; }

    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        var tag = ReadVarint();
        if (tag >> 3 is 0 or > 0x1FFF_FFFF) throw new InvalidDataException("a field has an impossible number");
        Field = (int)(tag >> 3);
        WireType = (int)(tag & 7);
        Content = default;
        switch (WireType)
        {
            case Varint:
                Number = ReadVarint();
                break;
            case Fixed64:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case Fixed32:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            case Bytes:
                Number = ReadVarint();
                if (Number > (ulong)_rest.Length)
                    throw new InvalidDataException($"a field of {Number} bytes is cut off after {_rest.Length}");
                Content = Take((int)Number);
                break;
            default:
                throw new InvalidDataException($"a field has wire type {WireType}");
        }

        return true;
    }

    /// <summary>The content as a message.</summary>
    public readonly ReadOnlySpan<byte> Message() => WireType == Bytes
        ? Content
        : throw new InvalidDataException($"field {Field} is not a message");

    /// <summary>The content as a text.</summary>
    public readonly string Text() => WireType == Bytes && Utf8.IsValid(Content)
        ? Encoding.UTF8.GetString(Content)
        : throw new InvalidDataException($"field {Field} is not a text");

    /// <summary>The value as a signed whole number.</summary>
    public readonly long Int64() => WireType == Varint
        ? unchecked((long)Number)
        : throw new InvalidDataException($"field {Field} is not a whole number");

    /// <summary>Adds the value, or the values where they are packed, to a list.</summary>
    public readonly void Int64s(List<long> into)
    {
        if (WireType == Varint)
        {
            into.Add(unchecked((long)Number));
            return;
        }

        var packed = new WireReader(Message());
        while (!packed._rest.IsEmpty) into.Add(unchecked((long)packed.ReadVarint()));
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length) throw new InvalidDataException($"a value of {count} bytes is cut off after {_rest.Length}");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var i = 0; i < 10; i++)
        {
            if (i >= _rest.Length) throw new InvalidDataException("a number is cut off");
            var part = _rest[i];
            value |= (ulong)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new InvalidDataException("a number is longer than 10 bytes");
    }
}
