using YamlDotNet.RepresentationModel;

namespace FuseMix.Operations.Tests.Kustomize;

/// <summary>Strategic merge patches, for the lists that our patches touch; any other list, and any directive, is refused.</summary>
internal static class StrategicMerge
{
    /// <summary>Lists whose elements are merged one by one, with the field that tells which is which.</summary>
    private static readonly Dictionary<string, string> MergeKeys = new()
    {
        ["containers"] = "name",
        ["initContainers"] = "name",
        ["env"] = "name",
        ["volumes"] = "name",
        ["volumeMounts"] = "mountPath",
        ["ports"] = "containerPort",
    };

    /// <summary>Lists that a patch replaces as a whole.</summary>
    private static readonly HashSet<string> Atomic = ["args", "command", "accessModes", "drop", "tolerations"];

    /// <summary>Lays the patch over the target; null deletes a key.</summary>
    /// <exception cref="NotSupportedException">The patch has something that this does not know.</exception>
    public static void Apply(YamlMappingNode target, YamlMappingNode patch)
    {
        foreach (var (key, value) in patch.Children)
        {
            var name = ((YamlScalarNode)key).Value!;
            if (name.StartsWith('$')) throw new NotSupportedException($"The patch directive {name}.");
            switch (value)
            {
                case YamlMappingNode map:
                    if (target.At(name) is YamlMappingNode there) Apply(there, map);
                    else target.Children[name] = Merged(new YamlMappingNode(), map);
                    break;
                case YamlSequenceNode list when MergeKeys.TryGetValue(name, out var mergeKey):
                    target.Children[name] = Merged(name, mergeKey, target.At(name) as YamlSequenceNode ?? new YamlSequenceNode(), list);
                    break;
                case YamlSequenceNode list when Atomic.Contains(name):
                    target.Children[name] = list.Copy();
                    break;
                case YamlSequenceNode:
                    throw new NotSupportedException($"A patch of the list '{name}'.");
                case YamlScalarNode { Value: null or "" or "null", Style: YamlDotNet.Core.ScalarStyle.Plain }:
                    target.Children.Remove(name);
                    break;
                default:
                    target.Children[name] = value.Copy();
                    break;
            }
        }
    }

    private static YamlMappingNode Merged(YamlMappingNode target, YamlMappingNode patch)
    {
        Apply(target, patch);
        return target;
    }

    // The patch's elements come first, as in kustomize.
    private static YamlSequenceNode Merged(string name, string mergeKey, YamlSequenceNode target, YamlSequenceNode patch)
    {
        string KeyOf(YamlNode element) =>
            element.Text(mergeKey) ?? throw new NotSupportedException($"An element of '{name}' without '{mergeKey}'.");

        var rest = target.Children.Cast<YamlMappingNode>().ToList();
        var result = new YamlSequenceNode();
        foreach (var element in patch.Children.Cast<YamlMappingNode>())
        {
            var there = rest.Find(candidate => KeyOf(candidate) == KeyOf(element));
            if (there is not null) rest.Remove(there);
            result.Add(Merged(there ?? new YamlMappingNode(), element));
        }

        foreach (var element in rest) result.Add(element);
        return result;
    }
}
