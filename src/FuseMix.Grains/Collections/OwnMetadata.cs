using FuseMix.Contracts.Collections;

namespace FuseMix.Grains.Collections;

/// <summary>What a collection calls the group, split and caption of an item: so, or with <c>fusemix.</c> before it where the dataset has
/// metadata of that name, which stay as they are.</summary>
/// <param name="keys">The names of the dataset's metadata.</param>
internal sealed class OwnMetadata(IEnumerable<string> keys)
{
    private readonly HashSet<string> _taken = [.. keys.Where(key => key is "caption" or "group" or "split")];

    public string Caption => Name("caption");

    public string Group => Name("group");

    public string Split => Name("split");

    private string Name(string name) => _taken.Contains(name) ? HitMetadata.Prefix + name : name;
}
