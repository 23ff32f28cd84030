using FuseMix.Operations.Tests.Kustomize;
using k8s.Models;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>The secrets that an operator makes after our example.</summary>
internal static class ExampleSecrets
{
    /// <summary>Both of them.</summary>
    public static readonly IReadOnlyList<V1Secret> All =
        [.. YamlTree.Parse(Checkout.Read("k8s/secrets.example.yaml")).Select(Manifest.Read).Cast<V1Secret>()];
}
