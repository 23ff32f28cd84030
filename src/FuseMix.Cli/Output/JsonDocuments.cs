using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Cli.Output;

/// <summary>What a failed command prints with <c>--json</c>.</summary>
internal sealed record ErrorDocument(ErrorBody Error);

/// <param name="Kind">invalid, notFound, conflict, corrupt, unavailable, stopped or internal.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Remedy">The way out; null where none can be advised.</param>
internal sealed record ErrorBody(string Kind, string Message, string? Remedy);

/// <summary>Writes an enumeration as a camelCase word.</summary>
internal sealed class WordConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase)
    where T : struct, Enum;

/// <summary>Durations as seconds, the one unit of every document.</summary>
internal sealed class SecondsConverter : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        TimeSpan.FromSeconds(reader.GetDouble());

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(Math.Round(value.TotalSeconds, 3));
}

/// <summary>JSON has no NaN: what is not known yet is null.</summary>
internal sealed class FiniteConverter : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    public override bool HandleNull => true;

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }
}
