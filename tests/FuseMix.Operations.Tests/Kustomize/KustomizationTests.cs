using System.Diagnostics;
using FuseMix.Testing;

namespace FuseMix.Operations.Tests.Kustomize;

/// <summary>The renderer that the other tests stand on.</summary>
public sealed class KustomizationTests : IDisposable
{
    private const string Deployment = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: a, labels: { app: x } }
        spec: { template: { spec: { containers: [ { name: c, image: i, env: [ { name: A, value: "1" }, { name: B, value: "2" } ], args: [x, y] } ] } } }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("k8s/overlays/single-node")]
    [InlineData("k8s/overlays/small-cluster")]
    public void An_overlay_comes_out_as_from_kubectl(string overlay)
    {
        Assert.SkipUnless(Kubectl(["version", "--client"]) is not null, "There is no kubectl on this machine to compare with.");
        var expected = YamlTree.Parse(Kubectl(["kustomize", Checkout.PathOf(overlay)])!);
        var rendered = Kustomization.Render(Checkout.PathOf(overlay));
        Assert.Equal(
            expected.Select(YamlTree.Canonical).Order(StringComparer.Ordinal),
            rendered.Select(YamlTree.Canonical).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_patch_merges_named_elements_replaces_plain_lists_and_deletes_by_null()
    {
        Write("a.yaml", Deployment);
        Write("kustomization.yaml", """
            apiVersion: kustomize.config.k8s.io/v1beta1
            kind: Kustomization
            resources: [a.yaml]
            patches:
              - patch: |
                  apiVersion: apps/v1
                  kind: Deployment
                  metadata: { name: a }
                  spec: { template: { spec: { containers: [ { name: c, image: null, env: [ { name: B, value: "3" }, { name: C, value: "4" } ], args: [z] } ] } } }
            """);
        var container = Kustomization.Render(_folder.Path).Single().List("spec", "template", "spec", "containers").Single();
        Assert.Equal(["B=3", "C=4", "A=1"], container.List("env").Select(v => $"{v.Text("name")}={v.Text("value")}"));
        Assert.Equal(["z"], container.List("args").Select(a => a.ToString()));
        Assert.Null(container.At("image"));
    }

    [Fact]
    public void Another_content_gives_a_config_map_another_name_and_its_volumes_follow()
    {
        Write("a.yaml", """
            apiVersion: apps/v1
            kind: Deployment
            metadata: { name: a }
            spec: { template: { spec: { volumes: [ { name: v, configMap: { name: m } } ] } } }
            """);
        Write("kustomization.yaml", """
            apiVersion: kustomize.config.k8s.io/v1beta1
            kind: Kustomization
            resources: [a.yaml]
            configMapGenerator: [ { name: m, files: [f.json] } ]
            """);
        var names = new List<string?>();
        foreach (var content in (string[])["1", "2 <&>"])
        {
            Write("f.json", content);
            var rendered = Kustomization.Render(_folder.Path);
            var name = rendered.Single(r => r.Text("kind") == "ConfigMap").Text("metadata", "name");
            Assert.Equal(
                name,
                rendered.Single(r => r.Text("kind") == "Deployment").List("spec", "template", "spec", "volumes").Single().Text(
                    "configMap", "name"));
            names.Add(name);
        }

        // As kubectl v1.32 names them.
        Assert.Equal(["m-gdbd8hc5b7", "m-d7ckb4g7ct"], names);
    }

    [Theory]
    [InlineData("namePrefix: x-", "namePrefix")]
    [InlineData("patches: [ { path: p.json, options: {} } ]", "options")]
    [InlineData("patches: [ { patch: \"{ kind: Deployment, metadata: { name: a }, spec: { $patch: delete } }\" } ]", "$patch")]
    [InlineData("patches: [ { patch: \"{ kind: Deployment, metadata: { name: a }, spec: { hosts: [x] } }\" } ]", "hosts")]
    [InlineData("patches: [ { patch: \"{ kind: Deployment, metadata: { name: nobody }, spec: {} }\" } ]", "nothing to patch")]
    [InlineData("labels: [ { pairs: {}, includeSelectors: true } ]", "includeSelectors")]
    [InlineData("configMapGenerator: [ { name: m, files: [../f.json] } ]", "outside")]
    [InlineData("components: [../other]", "other")]
    public void What_it_does_not_know_is_refused(string feature, string named)
    {
        Write("a.yaml", Deployment);
        Write("kustomization.yaml", $"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n{feature}\n");
        var refusal = Assert.ThrowsAny<Exception>(() => Kustomization.Render(_folder.Path));
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.Path, name), text);

    /// <summary>What kubectl prints; null where there is none.</summary>
    private static string? Kubectl(string[] arguments)
    {
        try
        {
            using var process =
                Process.Start(new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, errors.Result);
            return output;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
