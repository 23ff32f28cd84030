using FuseMix.Client.Grains;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>What the cluster consists of.</summary>
internal static class ClusterApi
{
    public static void Map(IEndpointRouteBuilder api) =>
        api.About("Cluster").Get("/cluster", Status, new ApiRoute("getCluster", Scope.Read, "Grain runtime and nodes")
        {
            Answers = [Answer.Json<ClusterStatus>("Every node, as the answering one sees it.")],
        });

    private static async Task<IResult> Status(GrainCalls calls) => Results.Json(await calls.Cluster(), ApiJson.Answers.ClusterStatus);
}
