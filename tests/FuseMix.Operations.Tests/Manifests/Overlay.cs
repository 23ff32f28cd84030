using FuseMix.Operations.Tests.Kustomize;
using k8s;
using k8s.Models;
using YamlDotNet.RepresentationModel;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>An overlay as Kubernetes would get it.</summary>
internal sealed class Overlay
{
    /// <summary>Every overlay.</summary>
    public static readonly TheoryData<string> All =
        [.. Directory.GetDirectories(Checkout.PathOf("k8s/overlays")).Select(folder => Path.GetFileName(folder)!).Order()];

    private readonly List<IKubernetesObject> _objects;

    private Overlay(IEnumerable<YamlMappingNode> documents) => _objects = [.. documents.Select(Manifest.Read)];

    /// <summary>The Deployments of the overlay.</summary>
    public IReadOnlyList<V1Deployment> Deployments => Of<V1Deployment>();

    /// <summary>Renders an overlay.</summary>
    public static Overlay Render(string name) => new(Kustomization.Render(Checkout.PathOf($"k8s/overlays/{name}")));

    /// <summary>Every object of a kind.</summary>
    public IReadOnlyList<T> Of<T>() => [.. _objects.OfType<T>()];

    /// <summary>The Deployments whose pods a selector takes; an empty one takes all.</summary>
    public IReadOnlyList<V1Deployment> Selected(V1LabelSelector selector) => Selected(selector.MatchLabels);

    /// <summary>The Deployments whose pods have these labels.</summary>
    public IReadOnlyList<V1Deployment> Selected(IDictionary<string, string>? labels) =>
        [.. Deployments.Where(deployment => (labels ?? new Dictionary<string, string>()).All(deployment.Spec.Template.Metadata.Labels.Contains))];
}
