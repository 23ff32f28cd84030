using Microsoft.Extensions.Configuration;

namespace FuseMix.Silo.Configuration;

/// <summary>Where keys come from. Keys are written with colons and do not mind case.</summary>
/// <param name="Name">What to call it in failures, e.g. "in silo.json"; empty where the key says enough.</param>
/// <param name="Keys">Every key there is, those of sections among them.</param>
/// <param name="Values">The keys that have a value.</param>
internal sealed record ConfigurationSource(string Name, IReadOnlyCollection<string> Keys, IReadOnlyDictionary<string, string> Values)
{
    /// <exception cref="FuseMixException">The file is missing or is no JSON object.</exception>
    public static ConfigurationSource File(string path)
    {
        try
        {
            using var stream = System.IO.File.OpenRead(path);
            return Of($" (in '{path}')", new ConfigurationBuilder().AddJsonStream(stream).Build().AsEnumerable());
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(
                FailureKind.NotFound, $"The configuration file '{path}' is not there.", "Check the path after --config.", failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(
                FailureKind.Unavailable, $"The configuration file '{path}' cannot be read: {failure.Message}", null, failure);
        }
        catch (Exception failure) when (failure is FormatException or System.Text.Json.JsonException or InvalidDataException)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The configuration file '{path}' is not a JSON object as it should be: {failure.Message}",
                null,
                failure);
        }
    }

    public static ConfigurationSource Environment(IEnumerable<KeyValuePair<string, string?>> variables) => Of(
        " (in the environment)",
        variables
            .Select(variable => KeyValuePair.Create(variable.Key.Replace("__", ":", StringComparison.Ordinal), variable.Value))
            .Where(variable => variable.Key.StartsWith($"{SiloConfiguration.Section}:", StringComparison.OrdinalIgnoreCase)));

    public static ConfigurationSource Settings(IEnumerable<KeyValuePair<string, string?>> settings) => Of("", settings);

    /// <summary>Null, which JSON has and which sections have for themselves, means that nothing is said.</summary>
    private static ConfigurationSource Of(string name, IEnumerable<KeyValuePair<string, string?>> all)
    {
        var keys = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in all)
        {
            keys.Add(key);
            if (value is not null) values[key] = value;
        }

        return new ConfigurationSource(name, keys, values);
    }
}
