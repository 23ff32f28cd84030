using System.Runtime.CompilerServices;
using System.Text.Json;

namespace FuseMix.Testing;

/// <summary>Reference values of <c>tests/golden</c>, which do not come from this project's code.</summary>
public static class Golden
{
    public static JsonElement Load(string file) => JsonDocument.Parse(File.ReadAllBytes(PathOf(file))).RootElement;

    public static string PathOf(string file) => Path.Combine(Folder(), file);

    private static string Folder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "golden"));
}
