using System.Text.RegularExpressions;
using System.Xml.Linq;
using FuseMix.Operations.Tests.Manifests;

namespace FuseMix.Operations.Tests.Docker;

/// <summary>What can be said of an image without building it.</summary>
public sealed partial class DockerfileTests
{
    private static readonly string[] Variants = ["cpu", "gpu"];

    private readonly Dockerfile _file = Dockerfile.Read();

    [Fact]
    public void Every_stage_stands_on_an_earlier_one_or_on_a_versioned_image()
    {
        var earlier = new List<string>();
        foreach (var stage in _file.Stages)
        {
            if (stage.Base == "${VARIANT}") Assert.All(Variants, variant => Assert.Contains(variant, earlier));
            else if (!earlier.Contains(stage.Base)) Assert.Matches(VersionedImage(), Filled(stage.Base));
            Assert.DoesNotContain(stage.Name, earlier);
            earlier.Add(stage.Name);
        }

        Assert.Equal("silo", earlier[^1]);
        Assert.Contains(_file.Arguments["VARIANT"], Variants);
    }

    [Fact]
    public void What_is_copied_is_in_the_checkout_and_not_ignored_or_comes_from_an_earlier_stage()
    {
        var taken = File.ReadAllLines(Checkout.PathOf(".dockerignore")).Where(line => line.StartsWith('!')).Select(
            line => line[1..].TrimEnd('/')).ToArray();
        Assert.All(taken, path => Assert.True(Path.Exists(Checkout.PathOf(path)), path));
        var copied = new List<string>();
        var earlier = new List<string>();
        foreach (var stage in _file.Stages)
        {
            foreach (var copy in stage.All("COPY").Select(rest => rest.Split(' ')))
            {
                if (copy[0].StartsWith("--from=", StringComparison.Ordinal)) Assert.Contains(copy[0]["--from=".Length..], earlier);
                else copied.AddRange(copy[..^1].Select(source => source.TrimEnd('/')));
            }

            earlier.Add(stage.Name);
        }

        // What is let into the build and not copied would only slow it down.
        Assert.Equal(taken.Order(), copied.Order());
    }

    [Fact]
    public void The_program_is_built_from_what_is_copied_only()
    {
        var copied = Checkout.PathOf("src") + Path.DirectorySeparatorChar;
        var projects = new Queue<string>([Checkout.PathOf("src/FuseMix.Silo/FuseMix.Silo.csproj")]);
        var seen = new HashSet<string>();
        while (projects.TryDequeue(out var project))
        {
            if (!seen.Add(project)) continue;
            Assert.StartsWith(copied, project, StringComparison.Ordinal);
            foreach (var reference in XDocument.Load(project).Descendants("ProjectReference"))
                projects.Enqueue(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(project)!, reference.Attribute("Include")!.Value)));
        }

        Assert.True(seen.Count > 8);
    }

    [Fact]
    public void The_program_that_is_started_is_the_one_that_is_published_and_not_as_root()
    {
        var silo = _file.Stages[^1];
        var name = XDocument.Load(Checkout.PathOf("src/FuseMix.Silo/FuseMix.Silo.csproj")).Descendants("AssemblyName").Single().Value;
        Assert.Equal($"[\"/app/{name}\"]", Assert.Single(silo.All("ENTRYPOINT")));
        Assert.Contains("--output /app", _file.Stages[0].All("RUN").Single(), StringComparison.Ordinal);
        Assert.Contains("--from=build /app/ /app/", silo.All("COPY"));

        var user = Assert.Single(silo.All("USER")).Split(':').Select(long.Parse).ToArray();
        Assert.All(user, id => Assert.True(id > 0));
        foreach (var pod in
            Overlay.All.SelectMany(overlay => Overlay.Render(overlay.Data).Deployments).Select(deployment => deployment.Spec.Template.Spec))
            Assert.Equal(
                [.. user, user[1]],
                [pod.SecurityContext.RunAsUser!.Value, pod.SecurityContext.RunAsGroup!.Value, pod.SecurityContext.FsGroup!.Value]);
    }

    [Fact]
    public void The_libraries_of_the_image_are_those_that_the_launcher_installs()
    {
        var installed = _file.Stages.Single(stage => stage.Name == "cpu").All("RUN").First().Split(' ');
        var launcher = DebianPackage().Matches(Checkout.Read("eng/build")).Select(match => match.Groups[1].Value).Distinct().ToArray();
        Assert.Equal(["libdnnl2"], launcher);
        Assert.All(launcher, package => Assert.Contains(package, installed));
    }

    private string Filled(string text) => Argument().Replace(text, match => _file.Arguments[match.Groups[1].Value]);

    [GeneratedRegex(@"^[a-z0-9./-]+:[0-9a-z][0-9a-z.-]+$")]
    private static partial Regex VersionedImage();

    [GeneratedRegex(@"\$\{([A-Z]+)\}")]
    private static partial Regex Argument();

    [GeneratedRegex(@"\bfor_once (lib[a-z0-9]+) ")]
    private static partial Regex DebianPackage();
}
