using FuseMix.Hosting.Configuration;
using FuseMix.Silo.Configuration;

namespace FuseMix.Operations.Tests.Configuration;

/// <summary>The files of silo-config: each can be started from, and together they explain every key once.</summary>
public sealed class SiloConfigTests
{
    private static readonly string[] Roles = ["gateway", "extract-cpu", "extract-gpu", "train", "index"];
    private static readonly string[] Commons = ["small-cluster-postgresql", "azure"];

    private static readonly string[] Files = [.. Directory.GetFiles(Checkout.PathOf("silo-config"), "*.json").Order()];

    /// <summary>What an operator adds: the one thing that a file for everybody to see cannot have.</summary>
    private static readonly Dictionary<string, string?> Secrets = new()
    {
        ["FUSEMIX__Cluster__ConnectionString"] = "Host=db",
        ["FUSEMIX__Http__ApiKeys__0__Name"] = "app",
        ["FUSEMIX__Http__ApiKeys__0__Sha256"] = new string('a', 64),
        ["FUSEMIX__Http__ApiKeys__0__Scopes"] = "read, write",
    };

    public static TheoryData<string, string> Clusters => [.. Roles.SelectMany(role => Commons.Select(common => (role, common)))];

    [Fact]
    public void There_is_no_other_file() =>
        Assert.Equal(
            Roles.Concat(Commons).Append("all-in-one").Order(), Files.Select(file => Path.GetFileNameWithoutExtension(file)!).Order());

    [Fact]
    public void The_file_for_one_machine_says_what_holds_without_it()
    {
        var read = SiloConfiguration.Load([PathOf("all-in-one")]);
        var unsaid = new SiloConfiguration();
        Assert.Equal("/var/lib/fusemix", read.Home);
        Assert.Equivalent(unsaid.Node, read.Node, strict: true);
        Assert.Equivalent(unsaid.Cluster, read.Cluster, strict: true);
        Assert.Equivalent(unsaid.State, read.State, strict: true);
        Assert.Equivalent(unsaid.Http, read.Http, strict: true);
        Assert.Equivalent(unsaid.Shutdown, read.Shutdown, strict: true);
    }

    [Theory]
    [MemberData(nameof(Clusters))]
    public void The_file_of_a_role_and_that_of_a_cluster_make_a_node(string role, string common)
    {
        var read = SiloConfiguration.Load([PathOf(role), PathOf(common)], Secrets);
        Assert.Equal(role.Split('-')[0], Assert.Single(read.Node.Roles));
        Assert.Equal(role.EndsWith("gpu", StringComparison.Ordinal) ? ["cuda"] : [], read.Node.Accelerators);
        Assert.Equal(common == "azure" ? ClusteringKind.Azure : ClusteringKind.PostgreSql, read.Cluster.Kind);
        Assert.Equal("/var/lib/fusemix", read.Home);
    }

    [Fact]
    public void Every_key_is_explained_once_with_its_range_and_default()
    {
        var explained = Files.SelectMany(AnnotatedFile.Read).Where(line => line.Comment.Contains("Default: ", StringComparison.Ordinal))
            .ToLookup(line => line.Key, line => line.Comment);
        var options = OptionCatalogue.All.Where(option => !option.IsOfElement).ToArray();
        Assert.Equal(options.Select(option => option.Key).Order(), explained.Select(key => key.Key).Order());
        foreach (var option in options)
        {
            var comment = Assert.Single(explained[option.Key]);
            if (option.DefaultText is { } value) Assert.Contains($"Default: {value}.", comment, StringComparison.Ordinal);
            if (OptionRange.Describe(option.Property) is { } range) Assert.Contains(range, comment, StringComparison.Ordinal);
            Assert.All(
                option.Property.PropertyType.IsEnum ? Enum.GetNames(option.Property.PropertyType) : [],
                name => Assert.Contains(name, comment, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Keys_in_comments_exist_too() =>
        Assert.All(
            Files.SelectMany(AnnotatedFile.Read), line => Assert.Contains(line.Key, OptionCatalogue.All.Select(option => option.Key)));

    [Fact]
    public void The_files_are_those_of_the_config_map()
    {
        var listed = File.ReadLines(Checkout.PathOf("silo-config/kustomization.yaml")).Select(line => line.Trim())
            .Where(line => line.StartsWith("- ", StringComparison.Ordinal)).Select(line => line[2..]);
        Assert.All(Files, file => Assert.Contains(Path.GetFileName(file), listed));
    }

    private static string PathOf(string name) => Checkout.PathOf($"silo-config/{name}.json");
}
