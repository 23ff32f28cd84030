using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Session;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Security;

namespace FuseMix.Cli.ApiKeys;

/// <summary><c>fusemix api-keys</c></summary>
internal static class ApiKeysCommand
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private static readonly Option<string> Name =
        new("--name") { Description = "Who will use it, as logs name them", HelpName = "name", Required = true };

    private static readonly Option<string> Scope = Choice.Of(
        "--scope", "read", "read: look and search; write: import, extract, train and build, too; admin: all", [.. ApiKeyOptions.AllScopes]);

    public static Command Create() =>
        new CliCommand("api-keys", "Keys for the HTTP API of nodes that others can reach.").With(
            new CliCommand("create", "Make a key. It is shown this once: the configuration keeps only its hash.")
                .With(Name, Scope)
                .WithExample("./fusemix api-keys create --name app --scope read", "the key, and the lines for the node's configuration")
                .WithExample("./fusemix api-keys create --name ops --scope admin --json", "the same as JSON")
                .OnThisMachine("Leave --cluster out: no cluster is asked for a key, its configuration is told of it.")
                .Does(Make));

    private static void Make(CliRun run)
    {
        var name = ResourceName.Require(run.Get(Name), "key");
        var key = ApiKey.Create();
        var entry = new JsonObject { ["Name"] = name, ["Sha256"] = ApiKey.Sha256Of(key), ["Scopes"] = new JsonArray(run.Get(Scope)) };
        if (run.Terminal.Json)
        {
            run.Environment.Out.WriteLine(new JsonObject { ["key"] = key, ["configuration"] = entry }.ToJsonString(Indented));
            return;
        }

        run.Terminal.Say(run.Terminal.Out.Bold(key));
        run.Terminal.Say();
        run.Terminal.Say(
            "This is the only time that it is shown. Send it as 'Authorization: Bearer KEY'. In the node's configuration, under "
                + "FuseMix:Http:ApiKeys:");
        run.Terminal.Say();
        run.Terminal.Say(entry.ToJsonString(Indented));
    }
}
