using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using YamlDotNet.RepresentationModel;

namespace FuseMix.Operations.Tests.Kustomize;

/// <summary>The suffix by which kustomize tells apart ConfigMaps of other content.</summary>
internal static class ContentHash
{
    /// <summary>Ten letters and digits over a ConfigMap's data.</summary>
    public static string Of(YamlMappingNode configMap)
    {
        var data = new SortedDictionary<string, string>(configMap.Pairs("data").ToDictionary(), StringComparer.Ordinal);
        var json = $"{{\"data\":{{{string.Join(',', data.Select(pair => $"{Quote(pair.Key)}:{Quote(pair.Value)}"))}}},"
            + "\"kind\":\"ConfigMap\",\"name\":\"\"}";
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json)));

        // No vowels and nothing that looks like one, lest a hash spells a word.
        return string.Concat(hash.Take(10).Select(c => c switch { '0' => 'g', '1' => 'h', '3' => 'k', 'a' => 'm', 'e' => 't', _ => c }));
    }

    // As Go writes JSON: only these three characters are escaped beyond what JSON asks for.
    private static string Quote(string text) => JsonSerializer.Serialize(text, Relaxed)
        .Replace("<", "\\u003c", StringComparison.Ordinal)
        .Replace(">", "\\u003e", StringComparison.Ordinal)
        .Replace("&", "\\u0026", StringComparison.Ordinal);

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
