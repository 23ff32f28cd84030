using FuseMix.Operations.Tests.Kustomize;
using k8s;
using k8s.Models;
using YamlDotNet.Core;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>That manifests are of the types of the Kubernetes API, and that these types are strict.</summary>
public sealed class ManifestTests
{
    public static TheoryData<string> Overlays => Overlay.All;

    [Theory]
    [MemberData(nameof(Overlays))]
    public void Every_object_is_of_its_kubernetes_type_and_has_a_name_of_its_own(string overlay)
    {
        var objects = Overlay.Render(overlay).Of<IKubernetesObject<V1ObjectMeta>>();
        Assert.True(objects.Count > 8);
        Assert.Distinct(objects.Select(o => (o.Kind, o.Metadata.Name)));
        Assert.All(objects, o => Assert.Equal(o is V1Namespace ? null : "fusemix", o.Metadata.NamespaceProperty));
    }

    [Fact]
    public void The_example_secrets_are_of_their_kubernetes_type_and_no_kustomization_includes_them()
    {
        Assert.All(ExampleSecrets.All, secret => Assert.Equal("fusemix", secret.Metadata.NamespaceProperty));
        Assert.All(
            Directory.GetFiles(Checkout.PathOf("k8s"), "kustomization.yaml", SearchOption.AllDirectories),
            file => Assert.DoesNotContain("secret", File.ReadAllText(file), StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("spec: { replicaz: 1 }", "replicaz")]
    [InlineData("spec: { replicas: many }", "many")]
    [InlineData("spec: { template: { spec: { containers: [ { name: a, livenessProb: {} } ] } } }", "livenessProb")]
    public void A_field_that_kubernetes_does_not_know_is_refused(string spec, string named)
    {
        var document = YamlTree.Parse($"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: a }}\n{spec}\n").Single();
        Assert.Contains(named, Assert.ThrowsAny<YamlException>(() => Manifest.Read(document)).ToString(), StringComparison.Ordinal);
    }
}
