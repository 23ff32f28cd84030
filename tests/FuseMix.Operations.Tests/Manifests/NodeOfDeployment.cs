using FuseMix.Operations.Tests.Docker;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;
using k8s.Models;

namespace FuseMix.Operations.Tests.Manifests;

/// <summary>The node that a container starts: its command line, files and environment, read by the silo's own code.</summary>
internal sealed record NodeOfDeployment(SiloConfiguration Configuration, SiloAct Act)
{
    /// <summary>Reads what the container of a Deployment's pods would read.</summary>
    /// <exception cref="FuseMixException">The silo refuses it.</exception>
    public static NodeOfDeployment Of(Overlay overlay, V1Deployment deployment, V1Container container)
    {
        var asked = SiloArguments.Parse([.. container.Args]);
        Assert.Null(container.Command);
        using var folder = new TemporaryFolder();
        var files = asked.Files.Select(
            (path, i) => Written(folder, $"{i}.json", ContentOf(overlay, deployment, container, path))).ToArray();
        var environment = Dockerfile.Read().Environment.Concat(
            (container.Env ?? []).Select(variable => KeyValuePair.Create(variable.Name, ValueOf(deployment, container, variable))));
        return new NodeOfDeployment(
            SiloConfiguration.Load(
                files, environment.ToLookup(v => v.Key, v => v.Value).Select(v => KeyValuePair.Create(v.Key, v.Last())), asked.Settings),
            asked.Act);
    }

    /// <summary>The node of the one container that stays.</summary>
    public static SiloConfiguration Of(Overlay overlay, V1Deployment deployment) =>
        Of(overlay, deployment, deployment.Spec.Template.Spec.Containers.Single()).Configuration;

    private static string Written(TemporaryFolder folder, string name, string content)
    {
        File.WriteAllText(folder[name], content);
        return folder[name];
    }

    private static string ContentOf(Overlay overlay, V1Deployment deployment, V1Container container, string path)
    {
        var mount = Assert.Single(
            container.VolumeMounts, mount => path == mount.MountPath || path.StartsWith(mount.MountPath + "/", StringComparison.Ordinal));
        var volume = deployment.Spec.Template.Spec.Volumes.Single(volume => volume.Name == mount.Name);
        var key = mount.SubPath ?? path[(mount.MountPath.Length + 1)..];
        return volume.Secret is { } secret
            ? ExampleSecrets.All.Single(s => s.Metadata.Name == secret.SecretName).StringData[key]
            : overlay.Of<V1ConfigMap>().Single(map => map.Metadata.Name == volume.ConfigMap.Name).Data[key];
    }

    private static string? ValueOf(V1Deployment deployment, V1Container container, V1EnvVar variable) => variable switch
    {
        { Value: { } value } => value,
        { ValueFrom.FieldRef.FieldPath: "metadata.name" } => $"{deployment.Metadata.Name}-5d9c7b8f6d-x2x4z",
        { ValueFrom.FieldRef.FieldPath: "status.podIP" } => "10.42.0.7",
        { ValueFrom.ResourceFieldRef: { Resource: "requests.cpu" } from } when from.ContainerName == container.Name =>
            $"{decimal.Ceiling(container.Resources.Requests["cpu"].ToDecimal() / from.Divisor.ToDecimal())}",
        _ => throw new NotSupportedException($"The variable {variable.Name}."),
    };
}
