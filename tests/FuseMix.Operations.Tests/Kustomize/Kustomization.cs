using YamlDotNet.RepresentationModel;

namespace FuseMix.Operations.Tests.Kustomize;

/// <summary>
/// Renders a kustomize folder as <c>kubectl kustomize FOLDER</c> does, for the features that our manifests use: resources, components,
/// namespace, labels, images, strategic merge patches, and generated ConfigMaps whose names carry a hash. Whatever it does not know it
/// refuses.
/// </summary>
internal static class Kustomization
{
    private static readonly string[] ClusterScoped = ["Namespace"];

    private static readonly string[] Namespaced =
        ["ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount"];

    /// <summary>The resources of a folder with a kustomization.yaml.</summary>
    /// <exception cref="NotSupportedException">The folder, or one that it includes, uses a feature that this does not know.</exception>
    public static IReadOnlyList<YamlMappingNode> Render(string folder)
    {
        var resources = new List<YamlMappingNode>();
        var generated = new List<YamlMappingNode>();
        Build(Path.GetFullPath(folder), "Kustomization", resources, generated);
        foreach (var map in generated)
        {
            var name = map.Text("metadata", "name")!;
            var hashed = $"{name}-{ContentHash.Of(map)}";
            map.Map("metadata").Children["name"] = hashed;
            foreach (var resource in resources) Rename(resource, name, hashed);
        }

        return resources;
    }

    private static void Build(string folder, string kind, List<YamlMappingNode> resources, List<YamlMappingNode> generated)
    {
        var file = Path.Combine(folder, "kustomization.yaml");
        var own = YamlTree.Parse(File.ReadAllText(file)).Single();
        OnlyKeys(
            own, file, "apiVersion", "kind", "namespace", "labels", "resources", "components", "patches", "images", "configMapGenerator");
        if (own.Text("kind") != kind) throw new NotSupportedException($"{file} is a {own.Text("kind")}, not a {kind}.");

        // A component works on what its includer has; everything else only on what it includes itself.
        var scope = kind == "Component" ? resources : [];
        foreach (var entry in own.List("resources")) Include(folder, entry.ToString(), scope, generated);
        foreach (var entry in own.List("configMapGenerator")) Generate(folder, entry, scope, generated);
        foreach (var entry in own.List("components"))
            Build(Path.GetFullPath(Path.Combine(folder, entry.ToString())), "Component", scope, generated);
        foreach (var entry in own.List("patches")) Patch(folder, entry, scope);
        if (own.Text("namespace") is { } space) foreach (var resource in scope) SetNamespace(resource, space);
        foreach (var entry in own.List("labels")) foreach (var resource in scope) Label(file, entry, resource);
        foreach (var entry in own.List("images")) foreach (var resource in scope) SetImage(file, entry, resource);
        if (scope != resources) resources.AddRange(scope);
    }

    private static void Include(string folder, string entry, List<YamlMappingNode> resources, List<YamlMappingNode> generated)
    {
        var path = Path.GetFullPath(Path.Combine(folder, entry));
        if (Directory.Exists(path)) Build(path, "Kustomization", resources, generated);
        else resources.AddRange(YamlTree.Parse(File.ReadAllText(Within(folder, entry))));
        var twice = resources.GroupBy(resource => (resource.Text("kind"), resource.Text("metadata", "name"))).FirstOrDefault(
            group => group.Count() > 1);
        if (twice is not null) throw new NotSupportedException($"{twice.Key} is there twice.");
    }

    private static void Generate(string folder, YamlNode entry, List<YamlMappingNode> resources, List<YamlMappingNode> generated)
    {
        OnlyKeys(entry, folder, "name", "files");
        var data = new YamlMappingNode();
        foreach (var file in entry.List("files").Select(node => node.ToString()))
        {
            if (file.Contains('=', StringComparison.Ordinal))
                throw new NotSupportedException($"A file of a ConfigMap under another name: {file}.");
            data.Add(
                Path.GetFileName(file),
                new YamlScalarNode(File.ReadAllText(Within(folder, file))) { Style = YamlDotNet.Core.ScalarStyle.Literal });
        }

        var map = new YamlMappingNode
        {
            { "apiVersion", "v1" },
            { "kind", "ConfigMap" },
            { "metadata", new YamlMappingNode { { "name", entry.Text("name")! } } },
            { "data", data },
        };
        resources.Add(map);
        generated.Add(map);
    }

    private static void Patch(string folder, YamlNode entry, List<YamlMappingNode> resources)
    {
        OnlyKeys(entry, folder, "path", "patch", "target");
        var text = entry.Text("path") is { } path ? File.ReadAllText(Within(folder, path)) : entry.Text("patch")!;
        var patch = YamlTree.Parse(text).Single();
        OnlyKeys(patch, folder, "apiVersion", "kind", "metadata", "spec");
        OnlyKeys(patch.At("metadata")!, folder, "name");
        if (entry.At("target") is { } given) OnlyKeys(given, folder, "kind", "name", "labelSelector");
        var target =
            entry.At("target") ?? new YamlMappingNode { { "kind", patch.Text("kind")! }, { "name", patch.Text("metadata", "name")! } };
        var hit = resources.FindAll(resource => IsTarget(resource, target));
        if (hit.Count == 0) throw new NotSupportedException($"A patch in {folder} has nothing to patch: {text}");
        foreach (var resource in hit) StrategicMerge.Apply(resource.Map("spec"), (YamlMappingNode)patch.At("spec")!);
    }

    private static bool IsTarget(YamlMappingNode resource, YamlNode target)
    {
        if (target.Text("kind") is { } kind && resource.Text("kind") != kind) return false;
        if (target.Text("name") is { } name && resource.Text("metadata", "name") != name) return false;
        if (target.Text("labelSelector") is not { } selector) return true;
        if (selector.Split('=') is not [var key, var value] || selector.Contains('!', StringComparison.Ordinal))
            throw new NotSupportedException($"The label selector '{selector}'.");
        return resource.Text("metadata", "labels", key) == value;
    }

    private static void SetNamespace(YamlMappingNode resource, string space)
    {
        var kind = resource.Text("kind")!;
        if (Namespaced.Contains(kind)) resource.Map("metadata").Children["namespace"] = space;
        else if (kind == "Namespace") resource.Map("metadata").Children["name"] = space;
        else if (!ClusterScoped.Contains(kind)) throw new NotSupportedException($"The kind {kind}.");
    }

    private static void Label(string file, YamlNode entry, YamlMappingNode resource)
    {
        OnlyKeys(entry, file, "pairs", "includeTemplates");
        foreach (var (key, value) in entry.Pairs("pairs"))
        {
            resource.Map("metadata").Map("labels").Children[key] = value;
            if (entry.Text("includeTemplates") == "true" && resource.At("spec", "template") is YamlMappingNode template)
                template.Map("metadata").Map("labels").Children[key] = value;
        }
    }

    private static void SetImage(string file, YamlNode entry, YamlMappingNode resource)
    {
        OnlyKeys(entry, file, "name", "newName", "newTag");
        foreach (var container in Containers(resource).Where(container => container.Text("image") == entry.Text("name")))
            container.Children["image"] = $"{entry.Text("newName") ?? entry.Text("name")}:{entry.Text("newTag")!}";
    }

    private static void Rename(YamlMappingNode resource, string name, string hashed)
    {
        foreach (var source in
            resource.List("spec", "template", "spec", "volumes").Select(volume => volume.At("configMap")).OfType<YamlMappingNode>())
            if (source.Text("name") == name) source.Children["name"] = hashed;
        var others = Containers(resource).SelectMany(container => container.List("envFrom").Select(from => from.At("configMapRef"))
            .Concat(container.List("env").Select(variable => variable.At("valueFrom", "configMapKeyRef"))));
        if (others.Any(reference => reference is not null)) throw new NotSupportedException("A variable from a ConfigMap.");
    }

    private static IEnumerable<YamlMappingNode> Containers(YamlMappingNode resource) =>
        resource.List("spec", "template", "spec", "initContainers").Concat(resource.List("spec", "template", "spec", "containers"))
            .Cast<YamlMappingNode>();

    // As kustomize: what lies outside of a kustomization's folder reaches it only through another kustomization.
    private static string Within(string folder, string file)
    {
        var path = Path.GetFullPath(Path.Combine(folder, file));
        return path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : throw new NotSupportedException($"'{file}' lies outside of {folder}.");
    }

    private static void OnlyKeys(YamlNode node, string where, params string[] known)
    {
        foreach (var key in ((YamlMappingNode)node).Children.Keys.Select(key => key.ToString()))
            if (!known.Contains(key)) throw new NotSupportedException($"{where}: '{key}' is not one of {string.Join(", ", known)}.");
    }
}
