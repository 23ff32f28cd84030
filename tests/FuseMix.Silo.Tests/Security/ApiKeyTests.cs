using System.Net;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Security;

namespace FuseMix.Silo.Tests.Security;

public sealed class ApiKeyTests(GuardedNode guarded)
{
    private const string Address = "/api/v1/cluster";

    [Fact]
    public void Keys_are_long_differ_and_show_what_they_are()
    {
        var keys = Enumerable.Range(0, 100).Select(_ => ApiKey.Create()).ToArray();
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.All(keys, key => Assert.Matches("^fmx_[A-Za-z0-9_-]{43}$", key));
    }

    [Fact]
    public void A_hash_is_that_of_sha256sum() =>
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", ApiKey.Sha256Of("abc"));

    [Fact]
    public void A_ring_finds_whose_key_it_is_wherever_it_stands()
    {
        var keys = Enumerable.Range(0, 5).Select(_ => ApiKey.Create()).ToArray();
        var ring = new ApiKeyRing(new HttpOptions
        {
            ApiKeys =
                [.. keys.Select((key, i) => new ApiKeyOptions { Name = $"key-{i}", Sha256 = ApiKey.Sha256Of(key), Scopes = ["read"] })],
        });
        for (var i = 0; i < keys.Length; i++) Assert.Equal($"key-{i}", ring.Find(keys[i])?.Name);
        Assert.Null(ring.Find(keys[0][..^1]));
        Assert.Null(ring.Find(keys[0] + "x"));
        Assert.Null(ring.Find(""));
        Assert.Null(ring.Find(new string('x', 1 << 20)));
        Assert.False(ring.IsEmpty);
        Assert.True(new ApiKeyRing(new HttpOptions()).IsEmpty);
    }

    [Theory]
    [InlineData("Authorization", "Bearer {0}")]
    [InlineData("Authorization", "bearer  {0} ")]
    [InlineData("X-Api-Key", "{0}")]
    [InlineData("x-api-key", " {0} ")]
    public async Task A_key_may_come_in_either_header(string header, string form)
    {
        using var response = await Ask((header, string.Format(null, form, guarded.Keys.Read)));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("Bearer", "not of the form")]
    [InlineData("Bearer ", "not of the form")]
    [InlineData("Basic {0}", "not of the form")]
    [InlineData("{0}", "not of the form")]
    [InlineData("Bearer {0}x", "not one that this node knows")]
    [InlineData("Bearer {0} {0}", "not one that this node knows")]
    [InlineData("Bearer {0},{0}", "not one that this node knows")]
    [InlineData("Bearer x", "not one that this node knows")]
    public async Task Another_header_is_refused_in_words_that_do_not_repeat_it(string form, string words)
    {
        using var response = await Ask(("Authorization", string.Format(null, form, guarded.Keys.Read)));
        await ServedHome.AssertProblem(response, 401, "unauthenticated", words, "Authorization: Bearer KEY");
        Assert.Contains("invalid_token", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(guarded.Keys.Read, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_keys_are_one_too_many_even_if_both_are_good()
    {
        using var response = await Ask(("Authorization", $"Bearer {guarded.Keys.Admin}"), ("X-Api-Key", guarded.Keys.Admin));
        await ServedHome.AssertProblem(response, 401, "unauthenticated", "more than one key");
    }

    [Fact]
    public async Task Who_sends_no_key_is_told_how()
    {
        using var response = await Ask();
        await ServedHome.AssertProblem(response, 401, "unauthenticated", "needs a key", "X-Api-Key: KEY");
        Assert.Equal("Bearer realm=\"fusemix\"", response.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task Who_may_not_is_told_what_it_takes()
    {
        using var response = await guarded.Clients["read"].DeleteAsync("/api/v1/datasets/boats");
        await ServedHome.AssertProblem(response, 403, "forbidden", "'reader'", "'read'", "'admin'");
    }

    [Fact]
    public async Task A_key_in_the_address_is_none()
    {
        using var response = await guarded.Clients["none"].GetAsync($"{Address}?key={guarded.Keys.Admin}");
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task A_node_without_keys_minds_no_key_that_it_gets()
    {
        await using var node = await StartedNode.StartAsync();
        using var response = await node.Client("whatever").GetAsync(Address, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private async Task<HttpResponseMessage> Ask(params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Address);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await guarded.Clients["none"].SendAsync(request);
    }
}
