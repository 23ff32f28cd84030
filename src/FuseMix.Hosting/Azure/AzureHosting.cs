using Azure;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Orleans.Hosting;

namespace FuseMix.Hosting.Azure;

/// <summary>A cluster whose nodes find one another through a table of an Azure storage account, whose blobs keep the state of
/// grains.</summary>
/// <remarks>Blobs rather than rows of a table: a row holds at most 1 MB, which a long list of jobs outgrows.</remarks>
internal static class AzureHosting
{
    /// <summary>Orleans clients have to name it.</summary>
    public const string MembershipTable = "FuseMixNodes";

    /// <summary>Finds the other nodes in a table of the storage account.</summary>
    /// <param name="silo">The node.</param>
    /// <param name="connectionString">Of the storage account.</param>
    public static ISiloBuilder UseAzureClustering(this ISiloBuilder silo, string connectionString) =>
        silo.UseAzureStorageClustering(
            options => (options.TableServiceClient, options.TableName) = (new TableServiceClient(connectionString), MembershipTable));

    /// <summary>Keeps grain states named <paramref name="name"/> in blobs of the storage account, as JSON.</summary>
    /// <param name="silo">The node.</param>
    /// <param name="name">The storage name that grains give in <c>[PersistentState]</c>.</param>
    /// <param name="connectionString">Of the storage account.</param>
    /// <param name="serviceId">Name of the service: services of other names have other containers.</param>
    public static ISiloBuilder AddAzureGrainStorage(
        this ISiloBuilder silo, string name, string connectionString, string serviceId = "fusemix") =>
        silo.AddAzureBlobGrainStorage(name, options =>
        {
            options.BlobServiceClient = new BlobServiceClient(connectionString);
            options.ContainerName = ContainerOf(serviceId);
            options.GrainStorageSerializer = new JsonStateSerializer();
        });

    /// <summary>Makes the table and the container where they are missing, and proves by it that the account can be used.</summary>
    /// <param name="clusterConnectionString">Of the account with the table; null for no table.</param>
    /// <param name="stateConnectionString">Of the account with the blobs; null for no blobs.</param>
    /// <param name="serviceId">Name of the service.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">An account cannot be reached, or refuses.</exception>
    public static async Task EnsureAsync(
        string? clusterConnectionString,
        string? stateConnectionString,
        string serviceId = "fusemix",
        CancellationToken cancellationToken = default)
    {
        try
        {
            if (clusterConnectionString is not null)
            {
                var tables = new TableClientOptions { Retry = { MaxRetries = 2, NetworkTimeout = TimeSpan.FromSeconds(10) } };
                await new TableServiceClient(clusterConnectionString, tables).CreateTableIfNotExistsAsync(
                    MembershipTable, cancellationToken);
            }

            if (stateConnectionString is not null)
            {
                var blobs = new BlobClientOptions { Retry = { MaxRetries = 2, NetworkTimeout = TimeSpan.FromSeconds(10) } };
                await new BlobServiceClient(stateConnectionString, blobs).GetBlobContainerClient(ContainerOf(serviceId))
                    .CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            }
        }
        catch (Exception malformed) when (malformed is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The connection string of the Azure storage account is not valid: {malformed.Message}",
                "Take it from the account's access keys: DefaultEndpointsProtocol=https;AccountName=…;AccountKey=….",
                malformed);
        }
        catch (Exception failure) when (failure is RequestFailedException or AggregateException)
        {
            var reason = (failure as RequestFailedException ?? failure.InnerException as RequestFailedException) is { } refused
                ? refused.ErrorCode ?? refused.Message.Split('\n')[0]
                : failure.Message;
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The Azure storage account cannot be used: {reason}",
                "Check its name and key in the connection string, and that its firewall lets this machine in.",
                failure);
        }
    }

    /// <summary>Containers may not have '_' and '.' in their names, nor two '-' in a row.</summary>
    private static string ContainerOf(string serviceId) =>
        $"grains-{string.Join('-', serviceId.Split(['-', '_', '.'], StringSplitOptions.RemoveEmptyEntries))}";
}
