using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using FuseMix.Testing.Clusters;

namespace FuseMix.Silo.Tests.Api;

/// <summary>An event of a stream.</summary>
internal sealed record ReadEvent(string Name, long Id, JsonNode Data);

/// <summary>Reads streams of events as a client does.</summary>
internal static class EventReader
{
    /// <summary>Every event of a stream that ends by itself.</summary>
    public static async Task<List<ReadEvent>> ReadAll(HttpClient client, string address, long? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (lastId is { } last) request.Headers.Add("Last-Event-ID", last.ToString(CultureInfo.InvariantCulture));
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.True(response.Headers.CacheControl?.NoStore);
        return await Patience.Read(Read(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The events of a stream as they come.</summary>
    public static async IAsyncEnumerable<ReadEvent> Read(Stream stream)
    {
        await foreach (var item in SseParser.Create(stream).EnumerateAsync())
            yield return new ReadEvent(
                item.EventType, long.Parse(item.EventId ?? "0", CultureInfo.InvariantCulture), JsonNode.Parse(item.Data)!);
    }
}
