using System.Net;
using FuseMix.Client;
using FuseMix.Contracts.Collections;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Api.Regressions;

/// <summary>What a collection stands on, which anybody could remove without a word.</summary>
public sealed class PulledAwayTests(ServedHome served)
{
    [Theory]
    [InlineData($"datasets/{TestHome.Dataset}", "made of the dataset 'boats'")]
    [InlineData($"encoders/{TestHome.TextEncoder}", "searched with the encoder 'tiny-text'")]
    public async Task It_is_a_conflict_that_names_the_collection_unless_it_is_forced(string address, string how)
    {
        using var home = TestHome.CopyOf(served.Home);
        await using var node = await StartedNode.StartAsync(home: home.Home);
        await new HomeJobs(new GrainFuseMixClient(node.Grains)).Build("boats", new CollectionBuild(ServedHome.Model, TestHome.Dataset));
        using var client = node.Client();
        using var refused = await client.DeleteAsync($"/api/v1/{address}", TestContext.Current.CancellationToken);
        var problem = await ServedHome.Read(refused, HttpStatusCode.Conflict);
        Assert.Contains(
            "Collection 'boats' is " + how,
            problem.ToJsonString().Replace("\\u0027", "'", StringComparison.Ordinal),
            StringComparison.Ordinal);
        using (var there = await client.GetAsync($"/api/v1/{address}", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.OK, there.StatusCode);

        using var forced = await client.DeleteAsync($"/api/v1/{address}?force=true", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, forced.StatusCode);
        using var gone = await client.GetAsync($"/api/v1/{address}", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }
}
