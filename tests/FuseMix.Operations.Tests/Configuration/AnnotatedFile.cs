using System.Text.RegularExpressions;

namespace FuseMix.Operations.Tests.Configuration;

/// <summary>A configuration file as people read it: its keys, those in comments too, each with the comment above it.</summary>
internal static partial class AnnotatedFile
{
    /// <summary>The keys of a file, one a line.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Key without the section FuseMix, the comment right above it (empty where there is none), and whether it is itself a
    /// comment.</returns>
    public static IEnumerable<(string Key, string Comment, bool Off)> Read(string path)
    {
        var sections = new Stack<string>();
        var comment = new List<string>();
        foreach (var line in File.ReadLines(path).Select(line => line.Trim()))
        {
            if (Key().Match(line) is { Success: true } key)
            {
                if (line.EndsWith('{'))
                {
                    sections.Push(key.Groups[2].Value);
                }
                else
                {
                    var full = string.Join(':', sections.Reverse().Append(key.Groups[2].Value));
                    yield return (full["FuseMix:".Length..], string.Join(' ', comment), key.Groups[1].Success);
                }
            }
            else if (line.StartsWith("//", StringComparison.Ordinal))
            {
                comment.Add(line[2..].Trim());
                continue;
            }
            else if (line.StartsWith('}') && sections.Count > 0)
            {
                sections.Pop();
            }

            comment.Clear();
        }
    }

    [GeneratedRegex("""^(// )?"([A-Za-z0-9]+)":""")]
    private static partial Regex Key();
}
