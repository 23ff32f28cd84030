using System.Text.Json;
using System.Text.Json.Serialization;

namespace FuseMix.Core.Evaluation;

/// <summary>Writes a modality into JSON as "image", "text" or "audio"; numbers are not read.</summary>
public sealed class ModalityName() : JsonStringEnumConverter<Modality>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
