using System.Text;
using FuseMix.Grains.Nodes;

namespace FuseMix.Silo.Api;

/// <summary>The content of items, for showing them.</summary>
internal sealed class ItemContents(DatasetCache datasets)
{
    /// <summary>Bytes and media type of an item. Pictures are told by their first bytes; whatever else is served as plain bytes.</summary>
    /// <exception cref="FuseMixException">Unknown item, or its file is missing or has changed.</exception>
    public Task<(byte[] Content, string MediaType)> Read(string dataset, string itemId) => Task.Run(() =>
    {
        var loaded = datasets.Get(dataset);
        var item = loaded.Find(itemId) ?? throw new FuseMixException(FailureKind.NotFound, $"Dataset '{dataset}' has no item '{itemId}'.");
        return item.Text is { } text
            ? (Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8")
            : Describe(loaded.ReadBytes(item));
    });

    private static (byte[] Content, string MediaType) Describe(byte[] content) => (content, content switch
    {
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "image/gif",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "image/webp",
        _ => "application/octet-stream",
    });
}
