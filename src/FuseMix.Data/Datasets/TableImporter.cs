using System.Text;
using System.Text.Json;
using FuseMix.Core.Files;
using FuseMix.Storage;

namespace FuseMix.Data.Datasets;

/// <summary>Imports a table: a CSV file with a header row, or a file with one JSON object a line.</summary>
/// <remarks>
/// Columns (JSON keys): <c>image</c> and <c>audio</c>, paths relative to the table's folder; <c>text</c>, in JSON one or a list of several;
/// <c>group</c>, <c>split</c> (train, validation, test) and <c>id</c> (of the picture or sound) are optional. What stands in one row
/// belongs together: picture with text, sound with text, picture with sound. <c>metadata.x</c> (JSON: an object <c>metadata</c>)
/// becomes the picture's or sound's metadata. A row that names a file again gives it one more caption and more metadata; a value that is
/// there already stays, and another one is recorded.
/// A malformed table is refused naming line and column; a row whose file is missing is recorded and left out.
/// </remarks>
public static class TableImporter
{
    private const string MetadataPrefix = "metadata.";
    private const string OwnPrefix = "fusemix.";
    private static readonly string[] Columns = ["image", "audio", "text", "group", "split", "id"];

    /// <summary>Imports an RFC 4180 file: commas, quotes doubled within quotes, line breaks within quotes, UTF-8, a header row.</summary>
    /// <param name="home">The home folder.</param>
    /// <param name="path">The file.</param>
    /// <param name="settings">The dataset's name, licence and splits.</param>
    /// <param name="progress">Told about every row.</param>
    /// <param name="cancellation">Stops the import.</param>
    /// <exception cref="FuseMixException">The file is missing or malformed (line and column are named), or nothing could be
    /// imported.</exception>
    public static Dataset ImportCsv(
        FuseMixHome home,
        string path,
        ImportSettings settings,
        IProgress<ImportProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        return Import(home, path, settings, ReadCsv(path), progress, cancellation);
    }

    /// <summary>Imports a file with one JSON object a line, in UTF-8; blank lines are skipped.</summary>
    /// <param name="home">The home folder.</param>
    /// <param name="path">The file.</param>
    /// <param name="settings">The dataset's name, licence and splits.</param>
    /// <param name="progress">Told about every row.</param>
    /// <param name="cancellation">Stops the import.</param>
    /// <exception cref="FuseMixException">The file is missing or malformed (line and column are named), or nothing could be
    /// imported.</exception>
    public static Dataset ImportJsonLines(
        FuseMixHome home,
        string path,
        ImportSettings settings,
        IProgress<ImportProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        return Import(home, path, settings, ReadJsonLines(path), progress, cancellation);
    }

    /// <summary>The files that a table names, as it names them, each once, in its order.</summary>
    /// <param name="path">The table.</param>
    /// <param name="isCsv">Whether it is CSV rather than JSON lines.</param>
    /// <exception cref="FuseMixException">The table is missing or malformed (line and column are named).</exception>
    public static IReadOnlyList<string> FilesOf(string path, bool isCsv) =>
        [.. (isCsv ? ReadCsv(path) : ReadJsonLines(path))
            .SelectMany(row => (string?[])[row.Image, row.Audio]).OfType<string>().Distinct(StringComparer.Ordinal)];

    private static IEnumerable<Row> ReadCsv(string path)
    {
        using var records = CsvReader.Read(path, ReadText(path)).GetEnumerator();
        if (!records.MoveNext())
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"'{path}' is empty.",
                "Its first line must name the columns, for example: image,text");
        }

        var header = records.Current.Fields.Select(f => Column(f.Text.Trim(), path, f.Line, f.Column)).ToArray();
        if (header.Distinct(StringComparer.Ordinal).Count() < header.Length)
            throw Malformed(path, records.Current.Fields[0].Line, 1, "the header names a column twice");
        while (records.MoveNext())
        {
            var record = records.Current;
            if (record.Fields.Count != header.Length)
                throw Malformed(
                    path,
                    record.Fields[^1].Line,
                    record.Fields[^1].Column,
                    $"the row has {record.Fields.Count} fields, the header {header.Length}");
            var row = new Row(record.Fields[0].Line);
            foreach (var (name, field) in header.Zip(record.Fields))
                if (field.Text.Length > 0) row.Set(name, field.Text, path, field.Line, field.Column);
            yield return row;
        }
    }

    private static IEnumerable<Row> ReadJsonLines(string path)
    {
        var number = 0;
        foreach (var line in ReadText(path).Split('\n'))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line)) yield return ReadJson(path, number, line);
        }
    }

    private static Dataset Import(
        FuseMixHome home, string path, ImportSettings settings, IEnumerable<Row> rows, IProgress<ImportProgress>? progress,
        CancellationToken cancellation)
    {
        settings.Checked();
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var file = Path.GetFileName(path);
        var builder = new DatasetBuilder(home, null, settings.Ratios, settings.Within, cancellation);
        var names = new AlikeNames();
        builder.Omit(settings.Omissions);
        var done = 0;
        foreach (var row in rows)
        {
            cancellation.ThrowIfCancellationRequested();
            AddRow(builder, names, folder, $"{file} line {row.Line}", row);
            progress?.Report(new ImportProgress(++done, 0, builder.FailureCount));
        }

        return builder.Build(settings.Name, settings.Licence, settings.About ?? $"Imported from the table '{file}'.");
    }

    private static void AddRow(DatasetBuilder builder, AlikeNames names, string folder, string source, Row row)
    {
        if (row.Image is null && row.Audio is null && row.Texts.Count == 0)
        {
            builder.Fail(source, "the row has no image, no audio and no text");
            return;
        }

        var group = row.Group ?? row.Id ?? row.Image ?? row.Audio ?? DatasetBuilder.Normalise(row.Texts[0]);
        var image = Media(row.Image, Modality.Image, row.Id);
        var audio = Media(row.Audio, Modality.Audio, row.Image is null ? row.Id : null);
        // A row that lost its picture still teaches nothing about that picture: its text would stand alone.
        if ((row.Image is not null && image is null) || (row.Audio is not null && audio is null)) return;
        if (image is not null && audio is not null) builder.AddPair(image, audio);
        foreach (var text in row.Texts)
        {
            if (builder.AddCaption(source, text, group, row.Split) is not { } caption) continue;
            if (image is not null) builder.AddPair(image, caption);
            if (audio is not null) builder.AddPair(audio, caption);
        }

        string? Media(string? path, Modality modality, string? id)
        {
            if (path is null) return null;
            if (MediaFiles.ModalityOf(path) is { } known && known == modality)
                return builder.AddFile(source, id ?? path, modality, names.Find(folder, path), group, row.Split, row.Metadata);
            builder.Fail(source, $"'{path}' is not {(modality == Modality.Image ? "a picture" : "a sound")} by its extension");
            return null;
        }
    }

    private static Row ReadJson(string path, int line, string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw Malformed(path, line, 1, "it is not a JSON object");
            var row = new Row(line);
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Value.ValueKind == JsonValueKind.Null) continue;
                var column = text.IndexOf($"\"{property.Name}\"", StringComparison.Ordinal) + 1;
                if (property.Name == "metadata")
                {
                    if (property.Value.ValueKind != JsonValueKind.Object)
                        throw Malformed(path, line, column, "'metadata' is not an object");
                    foreach (var entry in property.Value.EnumerateObject())
                        row.Set(
                            Column(MetadataPrefix + entry.Name, path, line, column),
                            Scalar(entry.Value, entry.Name, path, line, column),
                            path,
                            line,
                            column);
                    continue;
                }

                var name = Column(property.Name, path, line, Math.Max(1, column));
                if (name == "text" && property.Value.ValueKind == JsonValueKind.Array)
                    foreach (var caption in property.Value.EnumerateArray()) row.Set(
                        name,
                        Scalar(caption, name, path, line, column),
                        path,
                        line,
                        column);
                else
                    row.Set(name, Scalar(property.Value, name, path, line, column), path, line, column);
            }

            return row;
        }
        catch (JsonException e)
        {
            throw Malformed(path, line, (int)(e.BytePositionInLine ?? 0) + 1, "it is not valid JSON", e);
        }
        catch (InvalidOperationException e)
        {
            throw Malformed(path, line, 1, "a text in it has half of a surrogate pair", e);
        }
    }

    private static string Scalar(JsonElement value, string name, string path, int line, int column) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False when name != "text" => value.GetRawText(),
        _ => throw Malformed(path, line, column, $"'{name}' is not a text"),
    };

    private static string Column(string name, string path, int line, int column)
    {
        if (name.StartsWith(MetadataPrefix + OwnPrefix, StringComparison.Ordinal))
            throw Malformed(path, line, column, $"metadata may not be called '{OwnPrefix}…', as ours are");
        if (Columns.Contains(name, StringComparer.Ordinal)
            || (name.StartsWith(MetadataPrefix, StringComparison.Ordinal) && name.Length > MetadataPrefix.Length))
        {
            return name;
        }
        var nearest = NearestName.Of(name, Columns);
        var remedy = nearest is null ? $"Known: {string.Join(", ", Columns)}, {MetadataPrefix}…" : $"Did you mean '{nearest}'?";
        throw Malformed(path, line, column, $"there is no column '{name}'", remedy: remedy);
    }

    private static string ReadText(string path)
    {
        if (!File.Exists(path)) throw new FuseMixException(FailureKind.NotFound, $"There is no file '{path}'.");
        try
        {
            return Utf8Text.Read(path);
        }
        catch (DecoderFallbackException e)
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"'{path}' is not in UTF-8: {e.Message}",
                "Convert it, for example with 'iconv -t utf-8'.",
                e);
        }
    }

    internal static FuseMixException Malformed(
        string path, int line, int column, string what, Exception? inner = null, string? remedy = null) =>
        new(FailureKind.Invalid, $"'{path}', line {line}, column {column}: {what}.", remedy, inner);

    private sealed class Row(int line)
    {
        private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

        public int Line => line;

        public string? Image { get; private set; }

        public string? Audio { get; private set; }

        public List<string> Texts { get; } = [];

        public string? Group { get; private set; }

        public string? Id { get; private set; }

        public Split? Split { get; private set; }

        public IReadOnlyDictionary<string, string> Metadata => _metadata;

        public void Set(string name, string value, string path, int valueLine, int column)
        {
            switch (name)
            {
                case "image": Image = value; break;
                case "audio": Audio = value; break;
                case "text": Texts.Add(value); break;
                case "group": Group = value; break;
                case "id": Id = value; break;
                case "split": Split = SplitOf(value, path, valueLine, column); break;
                default: _metadata[name[MetadataPrefix.Length..]] = value; break;
            }
        }

        private static Split SplitOf(string value, string path, int line, int column)
        {
            if (SplitWords.Read(value) is { } split) return split;
            var nearest = NearestName.Of(value, SplitWords.Usual);
            throw Malformed(
                path,
                line,
                column,
                $"there is no split '{value}'",
                remedy: nearest is null ? "Known: train, validation, test." : $"Did you mean '{nearest}'?");
        }
    }
}
