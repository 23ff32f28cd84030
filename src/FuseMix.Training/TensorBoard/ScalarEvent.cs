using Google.Protobuf;

namespace FuseMix.Training.TensorBoard;

/// <summary>An event of TensorBoard, <c>event.proto</c> and <c>summary.proto</c> of TensorFlow: named numbers at a step.</summary>
/// <param name="WallTime">Seconds since 1970.</param>
/// <param name="Step">The step.</param>
/// <param name="Scalars">Tag and value.</param>
internal sealed record ScalarEvent(double WallTime, long Step, IReadOnlyList<(string Tag, float Value)> Scalars)
{
    private const string Version = "brain.Event:2";

    /// <summary>The event that every file begins with.</summary>
    public static byte[] FileVersion(double wallTime) => Message(output =>
    {
        output.WriteTag(1, WireFormat.WireType.Fixed64);
        output.WriteDouble(wallTime);
        output.WriteTag(3, WireFormat.WireType.LengthDelimited);
        output.WriteString(Version);
    });

    public byte[] ToBytes()
    {
        var summary = Message(output =>
        {
            foreach (var (tag, value) in Scalars)
            {
                output.WriteTag(1, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(Message(scalar =>
                {
                    scalar.WriteTag(1, WireFormat.WireType.LengthDelimited);
                    scalar.WriteString(tag);
                    scalar.WriteTag(2, WireFormat.WireType.Fixed32);
                    scalar.WriteFloat(value);
                })));
            }
        });
        return Message(output =>
        {
            output.WriteTag(1, WireFormat.WireType.Fixed64);
            output.WriteDouble(WallTime);
            output.WriteTag(2, WireFormat.WireType.Varint);
            output.WriteInt64(Step);
            output.WriteTag(5, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(summary));
        });
    }

    /// <summary>The step of an event; 0 where it has none.</summary>
    public static long StepOf(byte[] message)
    {
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            if (tag == WireFormat.MakeTag(2, WireFormat.WireType.Varint)) return input.ReadInt64();
            input.SkipLastField();
        }

        return 0;
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        var output = new CodedOutputStream(bytes);
        write(output);
        output.Flush();
        return bytes.ToArray();
    }
}
