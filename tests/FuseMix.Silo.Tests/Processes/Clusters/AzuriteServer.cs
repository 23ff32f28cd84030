using FuseMix.Testing;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Processes.Clusters;

/// <summary>
/// Microsoft's emulator of Azure Storage, on free ports, with its data in memory. A test that asks for it where there is none is skipped.
/// </summary>
public sealed class AzuriteServer : IAsyncLifetime
{
    private const string Version = "3.37.0";

    /// <summary>The key that every emulator has, as its documentation prints it.</summary>
    private const string PublicKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private ChildProcess? _server;
    private string? _connectionString;

    public string ConnectionString
    {
        get
        {
            // A fixture that skipped while it is set up would fail its tests instead.
            Assert.SkipWhen(_connectionString is null, TestPackages.WhyMissing("azurite", Version));
            return _connectionString;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (TestPackages.Find("azurite", Version) is not { } package) return;
        string[] arguments =
        [
            Path.Combine(package, "node_modules", "azurite", "dist", "src", "azurite.js"),
            "--inMemoryPersistence",
            "--disableTelemetry",
            "--skipApiVersionCheck",
            "--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
        ];
        _server = ChildProcess.Start("node", arguments);
        _connectionString = $"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={PublicKey};"
            + $"BlobEndpoint={await Address("Blob")}/devstoreaccount1;TableEndpoint={await Address("Table")}/devstoreaccount1;";
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    private async Task<string> Address(string service)
    {
        var words = $"Azurite {service} service is successfully listening at ";
        var line = await _server!.Line(line => line.Contains(words, StringComparison.Ordinal));
        return line[(line.IndexOf(words, StringComparison.Ordinal) + words.Length)..].Trim();
    }
}
