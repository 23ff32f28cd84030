namespace FuseMix.Client.Tests.Contract;

/// <summary>The client that calls grains keeps what clients promise.</summary>
public sealed class GrainClientTests(ServedCluster served) : ClientContract(served, "grain")
{
    protected override IFuseMixClient Client { get; } = served.Grains;
}
