using FuseMix.Data.Datasets;
using FuseMix.Storage;

namespace FuseMix.Data.Tests.Datasets;

internal static class SampleData
{
    public static DatasetItem Text(string id, string text, string? group = null, Split split = Split.Train) => new()
    {
        Id = id,
        Modality = Modality.Text,
        Group = group ?? id,
        Split = split,
        Text = text,
        Size = System.Text.Encoding.UTF8.GetByteCount(text),
        Sha256 = Fingerprint.Of(text).Hex,
    };

    public static DatasetItem File(FuseMixHome home, string id, string path, Modality modality = Modality.Image, Split split = Split.Train) => new()
    {
        Id = id,
        Modality = modality,
        Group = id,
        Split = split,
        File = home.Portable(path),
        Size = new FileInfo(path).Length,
        Sha256 = FileChecksum.Of(path).Hex,
        Metadata = new Dictionary<string, string> { ["vendor"] = "twitter" },
    };

    public static Dataset Of(FuseMixHome home, string name, IReadOnlyList<DatasetItem> items, params DatasetPair[] pairs) =>
        new(home, name, "MIT", "About.", items, pairs, [], []);
}
