using FuseMix.Encoders.Sessions;

namespace FuseMix.Benchmarks.Extraction;

/// <summary>The items that are encoded; the same ones in every run.</summary>
internal static class Workload
{
    private static readonly string[] Words =
        ("a the two red small old dog cat boat lake house tree sits runs stands under over near beside with blue hat coffee cup of on "
            + "morning sun and people").Split(' ');

    /// <summary>The first pictures of a folder, in ordinal order, again and again if there are too few.</summary>
    public static EncoderInput[] Pictures(string folder, int count)
    {
        string[] endings = [".png", ".jpg", ".jpeg", ".webp", ".gif"];
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => endings.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal)
            .Take(count)
            .Select(File.ReadAllBytes)
            .ToArray();
        if (files.Length == 0) throw new InvalidOperationException($"There is no picture in {folder}.");
        return [.. Enumerable.Range(0, count).Select(i => EncoderInput.FromBytes(files[i % files.Length]))];
    }

    /// <summary>Captions of 3 to 20 words.</summary>
    public static EncoderInput[] Texts(int count)
    {
        var random = new System.Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => EncoderInput.FromText(
            string.Join(' ', Enumerable.Range(0, random.Next(3, 21)).Select(_ => Words[random.Next(Words.Length)]))))];
    }
}
