using FuseMix.Core.Texts;

namespace FuseMix.Core.Files;

/// <summary>Finds files whose names look like those that are asked for and are spelled otherwise. Looks into each folder once; not
/// thread-safe.</summary>
public sealed class AlikeNames
{
    private readonly Dictionary<string, ILookup<string, string>> _folders = new(StringComparer.Ordinal);

    /// <summary>A path whose parts look as those of <paramref name="path"/> do, and at which something is; the path itself where there is
    /// none, or several.</summary>
    /// <param name="folder">The folder that stays as it is spelled.</param>
    /// <param name="path">A path relative to it.</param>
    public string Find(string folder, string path)
    {
        var whole = Path.Combine(folder, path);
        if (Path.IsPathRooted(path) || Path.Exists(whole) || path.All(char.IsAscii)) return whole;
        var found = folder;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var next = Path.Combine(found, part);
            if (!Path.Exists(next))
            {
                if (In(found)[NormalForm.Of(part)].ToArray() is not [var alike]) return whole;
                next = Path.Combine(found, alike);
            }

            found = next;
        }

        return found;
    }

    private ILookup<string, string> In(string folder)
    {
        if (_folders.TryGetValue(folder, out var known)) return known;
        string[] names = [];
        try
        {
            names = [.. Directory.EnumerateFileSystemEntries(folder).Select(path => Path.GetFileName(path)!)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nothing in it can be read either, which whoever asked will find.
        }

        return _folders[folder] = names.ToLookup(NormalForm.Of, StringComparer.Ordinal);
    }
}
