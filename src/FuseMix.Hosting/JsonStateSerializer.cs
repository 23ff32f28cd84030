using Orleans.Storage;

namespace FuseMix.Hosting;

/// <summary>Makes Orleans' storage providers write states as <see cref="StateJson"/>, rather than with the names of .NET types.</summary>
internal sealed class JsonStateSerializer : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) => BinaryData.FromString(StateJson.Write(input));

    public T Deserialize<T>(BinaryData input) => StateJson.Read<T>(input.ToMemory().Span, "The state of a grain");
}
