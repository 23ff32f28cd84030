using FuseMix.Contracts.Collections;
using FuseMix.Data.Datasets;

namespace FuseMix.Cli.Search;

/// <summary>A few words for an item: its name where the dataset gives one, else its caption.</summary>
internal static class HitLabel
{
    public static string Of(Hit hit) => Of(hit.Metadata, hit.Id);

    public static string Of(DatasetItem item) => Of(item.Metadata, item.Text ?? item.Id);

    private static string Of(IReadOnlyDictionary<string, string> metadata, string otherwise)
    {
        var words = metadata.GetValueOrDefault("name") ?? HitMetadata.Caption(metadata) ?? otherwise;
        return metadata.TryGetValue("emoji", out var symbol) ? $"{symbol} {words}" : words;
    }
}
