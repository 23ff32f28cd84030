using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using FuseMix.Silo.Uploads;
using FuseMix.Testing;
using FuseMix.Testing.Clusters;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Tests.Api.Regressions;

/// <summary>Bodies as people send them were refused in words that name types and bytes, or not understood.</summary>
public sealed class BodyAsSentTests(ServedHome served)
{
    private const string Search = "/api/v1/collections/boats/search";

    public static TheoryData<string, Func<byte[], string>> Base64 => new()
    {
        { "a data URI", bytes => $"data:image/png;base64,{Convert.ToBase64String(bytes)}" },
        { "a data URI of a name and in capitals", bytes => $"DATA:image/png;name=a.png;BASE64,{Convert.ToBase64String(bytes)}" },
        { "an escaped data URI", bytes => $"data:image/png;base64,{Uri.EscapeDataString(Convert.ToBase64String(bytes))}" },
        { "base64 for URLs", bytes => System.Buffers.Text.Base64Url.EncodeToString(bytes) },
        { "base64 for URLs, padded", bytes => Convert.ToBase64String(bytes).Replace('+', '-').Replace('/', '_') },
        { "base64 in lines", bytes => Convert.ToBase64String(bytes, Base64FormattingOptions.InsertLineBreaks) },
        { "base64 without its padding", bytes => Convert.ToBase64String(bytes).TrimEnd('=') },
    };

    [Theory]
    [MemberData(nameof(Base64), DisableDiscoveryEnumeration = true)]
    public async Task Base64_is_understood_in_all_its_forms(string what, Func<byte[], string> encode)
    {
        // Picture 7, with a remark behind its end, so that all four forms of padding and all signs occur.
        for (var length = 0; length < 3; length++)
        {
            byte[] picture = [.. TestHome.Picture(7), .. Enumerable.Repeat((byte)0xFB, 6 + length)];
            var content = JsonValue.Create(encode(picture)).ToJsonString();
            var ids = Ids(
                await served.Post(
                    Search, $$"""{"queries":[{"terms":[{"content":{{content}},"modality":"image"}]}],"target":"image","k":1}"""));
            Assert.True(ids is ["img-07"], what);
        }
    }

    [Theory]
    [InlineData("data:image/svg+xml,%3Csvg%3E")]
    [InlineData("data:image/png;base64")]
    [InlineData("no base64!")]
    [InlineData("A")]
    [InlineData("AA=A")]
    public async Task What_is_no_base64_is_called_so_at_its_place(string content)
    {
        using var response = await served.Client.PostAsync(
            Search, ServedHome.Json($$"""{"queries":[{"terms":[{"content":"{{content}}","modality":"image"}]}]}"""));
        await Refused(response, 400, "'queries[0].terms[0].content'", "base64");
    }

    [Theory]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"k":1.5}""", "'k' must be a whole number")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"k":99999999999}""", "'k' must be a whole number")]
    [InlineData("""{"queries":[{"terms":[{"text":1}]}]}""", "'queries[0].terms[0].text' must be a text")]
    [InlineData("""{"queries":[{"terms":[{"text":"a","weight":"much"}]}]}""", "'queries[0].terms[0].weight' must be a number")]
    [InlineData("""{"queries":[{"terms":[{"embedding":[1,"2"]}]}]}""", "'queries[0].terms[0].embedding[1]' must be a number")]
    [InlineData("""{"queries":{"terms":[]}}""", "'queries' must be a list")]
    [InlineData("""{"queries":["a"]}""", "'queries[0]' must be an object")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"filter":{"kind":"animal"}}""", "'filter.kind' must be a list")]
    [InlineData("""{"queries":[{"terms":[{"text":"a"}]}],"filter":{"a b":[1]}}""", "'filter.a b[0]' must be a text")]
    public async Task A_value_of_another_kind_is_named_in_the_words_of_JSON(string body, string words)
    {
        using var response = await served.Client.PostAsync(Search, ServedHome.Json(body));
        await Refused(response, 400, words);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("x-gzip")]
    [InlineData("GZIP")]
    public async Task A_body_may_come_as_gzip(string encoding)
    {
        using var picture = Body(Gzip(TestHome.Picture(20)), "image/png", encoding);
        using var found = await served.Client.PostAsync($"{Search}/image?target=image&k=2", picture);
        Assert.Equal(["img-20", "img-20-copy"], Ids(await ServedHome.Read(found, HttpStatusCode.OK)).Order());

        using var json = Body(Gzip("""{"queries":[{"terms":[{"text":"dog"}]}],"k":3}"""u8), "application/json", encoding);
        using var answer = await served.Client.PostAsync(Search, json);
        Assert.Equal(3, Ids(await ServedHome.Read(answer, HttpStatusCode.OK)).Length);
    }

    [Theory]
    [InlineData("/image", 16)]
    [InlineData("", 24)]
    public async Task What_unpacks_to_more_than_the_limit_is_refused_as_what_is_larger_is(string address, int limit)
    {
        using var bomb = Body(Gzip(new byte[(limit << 20) + 1]), "application/json", "gzip");
        using var response = await served.Client.PostAsync(Search + address, bomb);
        await ServedHome.AssertProblem(response, 413, "too-large", $"{limit} MiB");
    }

    [Fact]
    public async Task A_gzip_that_is_none_is_called_so_and_one_that_breaks_off_holds_no_whole_picture()
    {
        var whole = Gzip(TestHome.Picture(20));
        foreach (var (wrong, words) in ((byte[], string)[])
            [(TestHome.Picture(20), "content encoding"), ([.. whole[..^8], 1, 2, 3, 4, 5, 6, 7, 8], "gzip"), (whole[..(whole.Length / 2)], "cannot be encoded")])
        {
            using var body = Body(wrong, "image/png", "gzip");
            using var response = await served.Client.PostAsync($"{Search}/image", body);
            await Refused(response, 400, words);
        }
    }

    [Theory]
    [InlineData("br")]
    [InlineData("gzip, gzip")]
    public async Task Another_encoding_is_refused_and_those_that_are_taken_are_named(string encoding)
    {
        using var body = Body(TestHome.Picture(20), "image/png", encoding);
        using var response = await served.Client.PostAsync($"{Search}/image", body);
        await ServedHome.AssertProblem(response, 415, "unsupported-media-type", encoding, "gzip");
    }

    [Fact]
    public async Task A_form_is_refused_and_the_way_to_send_a_file_is_named()
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(TestHome.Picture(20)), "file", "a.png" } };
        using var response = await served.Client.PostAsync($"{Search}/image", form);
        await ServedHome.AssertProblem(response, 415, "unsupported-media-type", "multipart/form-data", "--data-binary @FILE");
    }

    [Fact]
    public async Task A_picture_that_curl_sent_as_a_form_of_text_is_refused_and_the_way_to_send_it_is_named()
    {
        // curl -d takes these bytes out of a file, and gives curl --data-binary's type to what is left.
        byte[] stripped = [.. TestHome.Picture(20).Where(b => b is not (0 or (byte)'\r' or (byte)'\n'))];
        using var broken = Body(stripped, "application/x-www-form-urlencoded");
        using var response = await served.Client.PostAsync($"{Search}/image", broken);
        await Refused(response, 400, "curl -d", "--data-binary @FILE");

        using var whole = Body(TestHome.Picture(20), "application/x-www-form-urlencoded");
        using var found = await served.Client.PostAsync($"{Search}/image?target=image&k=2", whole);
        Assert.Contains("img-20", Ids(await ServedHome.Read(found, HttpStatusCode.OK)));
    }

    [Fact]
    public async Task JSON_that_curl_sent_as_a_form_is_refused_and_the_type_to_send_is_named()
    {
        using var body = Body("""{"queries":[{"terms":[{"text":"dog"}]}]}"""u8, "application/x-www-form-urlencoded");
        using var response = await served.Client.PostAsync(Search, body);
        await ServedHome.AssertProblem(
            response, 415, "unsupported-media-type", "application/x-www-form-urlencoded", "-H 'content-type: application/json'");
    }

    [Theory]
    [InlineData("data:image/png;base64,iVBORw0KGgo=", "data URI")]
    [InlineData("iVBORw0KGgoAAAANSUhEUg", "base64")]
    [InlineData("/9j/4AAQSkZJRgABAQ", "base64")]
    [InlineData("\u001f\u008b\u0008", "gzip")]
    public async Task A_file_that_is_wrapped_up_is_refused_by_the_name_of_its_wrapping(string content, string words)
    {
        using var body = Body(Encoding.Latin1.GetBytes(content), "image/png");
        using var response = await served.Client.PostAsync($"{Search}/image", body);
        await Refused(response, 400, words);
    }

    public static TheoryData<Encoding, bool> Utf16 => new()
    {
        { new UnicodeEncoding(bigEndian: false, byteOrderMark: true), true },
        { new UnicodeEncoding(bigEndian: true, byteOrderMark: true), true },
        { new UnicodeEncoding(bigEndian: false, byteOrderMark: false), false },
        { new UnicodeEncoding(bigEndian: true, byteOrderMark: false), false },
    };

    [Theory]
    [MemberData(nameof(Utf16), DisableDiscoveryEnumeration = true)]
    public async Task JSON_in_UTF_16_is_refused_by_that_name(Encoding encoding, bool marked)
    {
        byte[] text = [.. marked ? encoding.GetPreamble() : [], .. encoding.GetBytes("""{"queries":[{"terms":[{"text":"dog"}]}]}""")];
        using var body = Body(text, "application/json");
        using var response = await served.Client.PostAsync(Search, body);
        await Refused(response, 400, "UTF-16", "UTF-8");
    }

    [Fact]
    public async Task A_tar_may_come_as_gzip_and_hold_as_much_as_without_it()
    {
        await Unpack(100);
        var refused = await Assert.ThrowsAsync<BadHttpRequestException>(() => Unpack(3000));
        Assert.Equal(
            (413, "The upload is larger than the 1048576 bytes that FuseMix:Http:MaxUploadBytes allows."),
            (refused.StatusCode, refused.Message));

        // Folders have no size of their own: it is what comes out of the gzip that counts.
        async Task Unpack(int folders)
        {
            using var tar = new MemoryStream();
            await using (var writer = new TarWriter(tar, TarEntryFormat.Ustar, leaveOpen: true))
            {
                for (var i = 0; i < folders; i++) await writer.WriteEntryAsync(new UstarTarEntry(TarEntryType.Directory, $"folder-{i}/"));
            }

            using var folder = new TemporaryFolder();
            var request = new DefaultHttpContext().Request;
            (request.ContentType, request.Headers.ContentEncoding) = ("application/x-tar", "gzip");
            request.Body = new MemoryStream(Gzip(tar.ToArray()));
            await TarUpload.Unpack(request, folder.Path, new TarLimits(1 << 20, 1_000_000), TestContext.Current.CancellationToken);
            Assert.Equal(folders, Directory.GetDirectories(folder.Path).Length);
        }
    }

    private static ByteArrayContent Body(ReadOnlySpan<byte> content, string type, string? encoding = null)
    {
        var body = new ByteArrayContent(content.ToArray());
        body.Headers.ContentType = new MediaTypeHeaderValue(type);
        if (encoding is not null) Assert.True(body.Headers.TryAddWithoutValidation("Content-Encoding", encoding));
        return body;
    }

    private static byte[] Gzip(ReadOnlySpan<byte> content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);
        return packed.ToArray();
    }

    private static string[] Ids(JsonNode answer) => [.. answer["results"]![0]!.AsArray().Select(hit => (string)hit!["id"]!)];

    /// <summary>A problem that says these words, and nothing of what only programmers of the node know.</summary>
    private static async Task Refused(HttpResponseMessage response, int status, params string[] words)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.DoesNotContain("System.", text, StringComparison.Ordinal);
        Assert.DoesNotContain("BytePosition", text, StringComparison.Ordinal);
        Assert.DoesNotContain("0x", text, StringComparison.Ordinal);
        await ServedHome.AssertProblem(response, status, "invalid", words);
    }
}
