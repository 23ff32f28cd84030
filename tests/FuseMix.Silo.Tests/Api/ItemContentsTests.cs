using System.Net;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Api;

public sealed class ItemContentsTests(ServedHome served)
{
    private const string Content = "/api/v1/collections/boats/content?item=";

    [Fact]
    public async Task A_picture_is_served_byte_for_byte_as_what_it_is()
    {
        using var response = await served.Client.GetAsync($"{Content}img-03");
        Assert.Equal(TestHome.Picture(3), await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/png", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task A_text_is_served_as_plain_text()
    {
        using var response = await served.Client.GetAsync($"{Content}txt-03");
        Assert.Equal(TestHome.Caption(3), await response.Content.ReadAsStringAsync());
        Assert.Equal("text/plain; charset=utf-8", response.Content.Headers.ContentType?.ToString());
    }

    [Fact]
    public async Task Content_that_the_caller_has_is_not_sent_again()
    {
        using var first = await served.Client.GetAsync($"{Content}img-03");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Content}img-03");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await served.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
        Assert.Empty(await second.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("100%2F")]
    [InlineData("..")]
    [InlineData("été & ☕?#+ \U0001F43A")]
    public async Task Any_id_that_a_dataset_allows_can_be_asked_for(string id)
    {
        // An id that is not there comes back in the words of the failure as it was understood.
        using var response = await served.Client.GetAsync(Content + Uri.EscapeDataString(id));
        await ServedHome.AssertProblem(response, 404, "not-found", $"no item '{id}'");
    }

    [Fact]
    public async Task A_picture_that_was_changed_since_its_import_is_not_shown()
    {
        var path = served.Home.PicturePath("img-11");
        var content = await File.ReadAllBytesAsync(path);
        await File.WriteAllBytesAsync(path, TestHome.Picture(12));
        try
        {
            using var response = await served.Client.GetAsync($"{Content}img-11");
            await ServedHome.AssertProblem(response, 500, "corrupt", "img-11");
        }
        finally
        {
            await File.WriteAllBytesAsync(path, content);
        }
    }
}
