using System.Text;
using FuseMix.Grains.Nodes;

namespace FuseMix.Silo.Api;

/// <summary>The content of items, for showing them.</summary>
internal sealed class ItemContents(DatasetCache datasets)
{
    /// <summary>The content of an item as it was when its dataset was imported.</summary>
    /// <exception cref="FuseMixException">Unknown item, or its file is missing or has changed.</exception>
    public Task<ItemContent> Read(string dataset, string itemId) => Task.Run(() =>
    {
        var loaded = datasets.Get(dataset);
        var item = loaded.Find(itemId) ?? throw new FuseMixException(
            FailureKind.NotFound, $"Dataset '{dataset}' has no item '{itemId}'.", "Take the id of a hit.");
        if (item.Text is { } text) return new ItemContent(Encoding.UTF8.GetBytes(text), "text/plain; charset=utf-8", item.Sha256);
        var content = loaded.ReadBytes(item);
        return new ItemContent(content, MediaTypeOf(content), item.Sha256);
    });

    /// <summary>Pictures are told by their first bytes. Whatever else a file may be is for saving: a browser must not run it.</summary>
    private static string MediaTypeOf(ReadOnlySpan<byte> content) => content switch
    {
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => "image/png",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "image/gif",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "image/webp",
        _ => "application/octet-stream",
    };
}

/// <summary>An item's content.</summary>
/// <param name="Bytes">The file, or the text in UTF-8.</param>
/// <param name="MediaType">What to say that it is.</param>
/// <param name="Sha256">SHA-256 of <paramref name="Bytes"/>, in hexadecimal.</param>
internal sealed record ItemContent(byte[] Bytes, string MediaType, string Sha256);
