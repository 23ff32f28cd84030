using FuseMix.Contracts.Http;
using FuseMix.Silo.Api;
using FuseMix.Silo.Describing;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Tests.Api;

public sealed class PagingTests(ServedHome served)
{
    private static readonly string[] Names = [.. Enumerable.Range(0, 25).Select(i => $"name-{i:D2}")];

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(24)]
    [InlineData(25)]
    [InlineData(1000)]
    public void Pages_together_are_the_list(int limit)
    {
        Assert.Equal(Names, All(limit, (paging, list) => paging.ByKey(list, name => name), () => Names));
        Assert.Equal(Names, All(limit, (paging, list) => paging.NewestFirst(list, name => name), () => Names));
    }

    [Fact]
    public void The_last_page_knows_that_it_is_the_last()
    {
        Assert.Null(Page("?limit=25").ByKey(Names, name => name).Next);
        Assert.NotNull(Page("?limit=24").ByKey(Names, name => name).Next);
        Assert.Equal(
            (0, null),
            (Page("").ByKey(Array.Empty<string>(), name => name).Items.Length, Page("").ByKey(Array.Empty<string>(), name => name).Next));
    }

    [Fact]
    public void What_comes_and_goes_meanwhile_neither_repeats_nor_hides_others()
    {
        var list = Names.ToList();
        var first = Page("?limit=10").ByKey(list, name => name);
        list.Remove("name-09");
        list.Remove("name-03");
        list.Insert(0, "about");
        list.Add("zebra");
        var second = Page($"?limit=10&cursor={first.Next}").ByKey(list, name => name);
        Assert.Equal("name-10", second.Items[0]);
    }

    [Fact]
    public void New_items_at_the_front_of_a_list_move_nothing()
    {
        var list = Names.ToList();
        var first = Page("?limit=10").NewestFirst(list, name => name);
        list.Insert(0, "newer");
        var second = Page($"?limit=10&cursor={first.Next}").NewestFirst(list, name => name);
        Assert.Equal("name-10", second.Items[0]);
    }

    [Theory]
    [InlineData("name-09")]
    [InlineData("name-02")]
    [InlineData("name-20")]
    public void An_item_that_moves_to_the_front_hides_no_other(string moved)
    {
        var list = Names.ToList();
        var first = Page("?limit=10").NewestFirst(list, name => name);
        list.Remove(moved);
        list.Insert(0, moved);
        var rest = All(10, (paging, all) => paging.NewestFirst(all, name => name), () => list, first.Next);
        Assert.Empty(Names.Except([.. first.Items, .. rest, moved]));
    }

    [Fact]
    public void An_item_that_is_gone_leaves_its_place()
    {
        var list = Names.ToList();
        var first = Page("?limit=10").NewestFirst(list, name => name);
        list.Remove("name-09");
        var second = Page($"?cursor={first.Next}").NewestFirst(list, name => name);
        Assert.Empty(second.Items.Intersect(first.Items));
        Assert.Contains("name-24", second.Items);
    }

    [Theory]
    [InlineData("/api/v1/encoders")]
    [InlineData("/api/v1/datasets")]
    [InlineData("/api/v1/latents")]
    [InlineData("/api/v1/models")]
    [InlineData("/api/v1/extractions")]
    [InlineData("/api/v1/trainings")]
    [InlineData("/api/v1/collections")]
    public async Task Every_list_comes_in_pages(string address)
    {
        var whole = await served.Get($"{address}?limit=1000");
        var items = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await served.Get($"{address}?limit=1{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}");
            items.Add(Assert.Single(page["items"]!.AsArray())!.ToJsonString());
            cursor = (string?)page["next"];
        }

        // Other tests train and build meanwhile.
        Assert.NotEmpty(items);
        Assert.Equal(items.Count, items.Distinct().Count());
        Assert.InRange(whole["items"]!.AsArray().Count, 1, items.Count + 10);
    }

    [Theory]
    [InlineData("limit=0", "1 to 1000")]
    [InlineData("limit=1001", "1 to 1000")]
    [InlineData("limit=-5", "1 to 1000")]
    [InlineData("limit=ten", "whole number")]
    [InlineData("cursor=x", "'cursor'")]
    [InlineData("cursor=****", "'cursor'")]
    [InlineData("cursor=bm90aGluZw", "'cursor'")]
    [InlineData("curser=x", "Did you mean 'cursor'?")]
    public async Task A_page_that_cannot_be_is_refused_in_words(string query, string words)
    {
        using var response = await served.Client.GetAsync($"/api/v1/models?{query}");
        await ServedHome.AssertProblem(response, 400, "invalid", words);
    }

    private static List<string> All(
        int limit, Func<Paging, IReadOnlyList<string>, Page<string>> cut, Func<IReadOnlyList<string>> list, string? cursor = "")
    {
        var all = new List<string>();
        while (cursor is not null)
        {
            var page = cut(Page($"?limit={limit}{(cursor.Length > 0 ? $"&cursor={cursor}" : "")}"), list());
            Assert.True(page.Items.Length <= limit);
            all.AddRange(page.Items);
            cursor = page.Next;
        }

        return all;
    }

    private static Paging Page(string query)
    {
        var context = new DefaultHttpContext();
        context.Request.QueryString = new QueryString(query);
        context.SetEndpoint(
            new Endpoint(
                null,
                new EndpointMetadataCollection(new ApiRoute("list", "read", "A list") { Query = Paging.Parameters, Answers = [] }),
                "list"));
        return Paging.Of(context.Request);
    }
}
