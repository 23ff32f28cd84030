using System.Net;
using System.Text.RegularExpressions;

namespace FuseMix.Silo.Tests.Page;

public sealed partial class PageFilesTests(ServedHome served)
{
    [Theory]
    [InlineData("/", "text/html; charset=utf-8")]
    [InlineData("/?q=red+boats&target=image", "text/html; charset=utf-8")]
    [InlineData("/page.css", "text/css; charset=utf-8")]
    [InlineData("/page.js", "text/javascript; charset=utf-8")]
    [InlineData("/icon.svg", "image/svg+xml")]
    public async Task Every_file_of_the_page_is_served_as_what_it_is(string address, string mediaType)
    {
        using var response = await served.Client.GetAsync(address);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(mediaType, response.Content.Headers.ContentType?.ToString());
        Assert.NotEmpty(await response.Content.ReadAsByteArrayAsync());

        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.IfNoneMatch.Add(response.Headers.ETag!);
        using var again = await served.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Fact]
    public async Task The_page_names_only_files_that_are_served()
    {
        var page = await served.Client.GetStringAsync("/");
        var named = FileNames().Matches(page).Select(match => match.Groups[1].Value).ToArray();
        Assert.Contains("/page.js", named);
        foreach (var address in named)
        {
            using var response = await served.Client.GetAsync(address);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/page.css")]
    [InlineData("/page.js")]
    public async Task The_page_takes_nothing_from_elsewhere(string address) =>
        Assert.DoesNotContain("//", Comments().Replace(await served.Client.GetStringAsync(address), ""), StringComparison.Ordinal);

    [Fact]
    public async Task Scripts_and_styles_stand_in_files_of_their_own_as_the_policy_demands()
    {
        using var response = await served.Client.GetAsync("/");
        var policy = response.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        var page = await response.Content.ReadAsStringAsync();
        Assert.DoesNotMatch(InlineCode(), page);
    }

    [Fact]
    public async Task The_script_uses_only_elements_that_the_page_has()
    {
        var page = await served.Client.GetStringAsync("/");
        var script = await served.Client.GetStringAsync("/page.js");
        var used = ElementIds().Matches(script).Select(match => match.Groups[1].Value).Distinct().ToArray();
        Assert.Contains("results", used);
        Assert.All(used, id => Assert.Contains($"id=\"{id}\"", page, StringComparison.Ordinal));
    }

    [GeneratedRegex("(?:src|href)=\"([^\"]*)\"")]
    private static partial Regex FileNames();

    [GeneratedRegex("""(?m)(^|\s)//\s.*$""")]
    private static partial Regex Comments();

    [GeneratedRegex("""<style|<script>|\sstyle=|\son\w+=""")]
    private static partial Regex InlineCode();

    [GeneratedRegex("""\$\('([^']+)'\)""")]
    private static partial Regex ElementIds();
}
