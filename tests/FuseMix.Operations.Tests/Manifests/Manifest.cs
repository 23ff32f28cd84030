using FuseMix.Operations.Tests.Kustomize;
using k8s;
using k8s.Models;
using YamlDotNet.RepresentationModel;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>Reads manifests as the types of the Kubernetes API.</summary>
internal static class Manifest
{
    /// <summary>An object of its type.</summary>
    /// <exception cref="YamlDotNet.Core.YamlException">It has a field that its type lacks, or a value of another type.</exception>
    public static IKubernetesObject Read(YamlMappingNode document)
    {
        var yaml = YamlTree.Write(document);
        return (document.Text("apiVersion"), document.Text("kind")) switch
        {
            ("v1", "Namespace") => Strictly<V1Namespace>(yaml),
            ("v1", "ServiceAccount") => Strictly<V1ServiceAccount>(yaml),
            ("v1", "PersistentVolumeClaim") => Strictly<V1PersistentVolumeClaim>(yaml),
            ("v1", "ConfigMap") => Strictly<V1ConfigMap>(yaml),
            ("v1", "Secret") => Strictly<V1Secret>(yaml),
            ("v1", "Service") => Strictly<V1Service>(yaml),
            ("apps/v1", "Deployment") => Strictly<V1Deployment>(yaml),
            ("policy/v1", "PodDisruptionBudget") => Strictly<V1PodDisruptionBudget>(yaml),
            ("networking.k8s.io/v1", "NetworkPolicy") => Strictly<V1NetworkPolicy>(yaml),
            var (version, kind) => throw new NotSupportedException($"{kind} of {version}."),
        };
    }

    private static T Strictly<T>(string yaml) => KubernetesYaml.Deserialize<T>(yaml, strict: true);
}
