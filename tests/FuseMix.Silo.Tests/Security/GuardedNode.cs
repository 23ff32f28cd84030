using FuseMix.Silo.Tests.Security;

[assembly: AssemblyFixture(typeof(GuardedNode))]

namespace FuseMix.Silo.Tests.Security;

/// <summary>A node that lets keys of every scope in and nobody else.</summary>
public sealed class GuardedNode : IAsyncLifetime
{
    internal TestKeys Keys { get; } = new();

    internal StartedNode Node { get; private set; } = null!;

    /// <summary>Clients by what they may do: "none", "wrong", "read", "write" and "admin".</summary>
    public IReadOnlyDictionary<string, HttpClient> Clients { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var options = Keys.Options();
        options.RequestsPerSecond = 100_000;
        Node = await StartedNode.StartAsync(options);
        Clients = new Dictionary<string, HttpClient>
        {
            ["none"] = Node.Client(),
            ["wrong"] = Node.Client("fmx_of-another-system"),
            ["read"] = Node.Client(Keys.Read),
            ["write"] = Node.Client(Keys.Write),
            ["admin"] = Node.Client(Keys.Admin),
        };
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}
