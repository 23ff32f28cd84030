using System.Text;

namespace FuseMix.Data.Datasets;

/// <summary>Reads RFC 4180 and knows where every field stands.</summary>
internal static class CsvReader
{
    /// <summary>One field.</summary>
    /// <param name="Text">Its text, without quotes.</param>
    /// <param name="Line">Where it starts, from 1.</param>
    /// <param name="Column">Where it starts, in characters from 1.</param>
    public readonly record struct Field(string Text, int Line, int Column);

    /// <summary>One row; never without fields.</summary>
    public sealed record Record(IReadOnlyList<Field> Fields);

    /// <summary>The rows of a text; empty lines are skipped, a line with nothing but <c>""</c> is a row with one empty field.</summary>
    /// <exception cref="FuseMixException">A quote is not closed, or stands where none may.</exception>
    public static IEnumerable<Record> Read(string path, string text)
    {
        var position = 0;
        var line = 1;
        var lineStart = 0;
        var fields = new List<Field>();
        while (position < text.Length)
        {
            var quoted = text[position] == '"';
            var field = ReadField(path, text, ref position, ref line, ref lineStart);
            var ended = EndsRecord(text, ref position, ref line, ref lineStart);
            if (fields.Count == 0 && ended && field.Text.Length == 0 && !quoted) continue;
            fields.Add(field);
            if (!ended)
            {
                // A comma at the very end of the text is followed by one more, empty field.
                if (position == text.Length) fields.Add(new Field("", line, position - lineStart + 1));
                else continue;
            }

            yield return new Record(fields);
            fields = [];
        }
    }

    private static Field ReadField(string path, string text, ref int position, ref int line, ref int lineStart)
    {
        var (startLine, startColumn) = (line, position - lineStart + 1);
        if (text[position] != '"')
        {
            var start = position;
            while (position < text.Length && text[position] is not (',' or '\n' or '\r'))
            {
                if (text[position] == '"')
                    throw TableImporter.Malformed(
                        path,
                        line,
                        position - lineStart + 1,
                        "a quote stands within a field that does not start with one");
                position++;
            }

            return new Field(text[start..position], startLine, startColumn);
        }

        var content = new StringBuilder();
        for (position++; position < text.Length; position++)
        {
            var c = text[position];
            if (c == '"')
            {
                if (position + 1 < text.Length && text[position + 1] == '"') position++;
                else
                {
                    position++;
                    if (position < text.Length && text[position] is not (',' or '\n' or '\r'))
                        throw TableImporter.Malformed(
                            path,
                            line,
                            position - lineStart + 1,
                            "a quoted field is followed by something else than a comma");
                    return new Field(content.ToString(), startLine, startColumn);
                }
            }
            else if (c == '\n' || (c == '\r' && position + 1 < text.Length && text[position + 1] != '\n'))
            {
                line++;
                lineStart = position + 1;
            }

            content.Append(c);
        }

        throw TableImporter.Malformed(path, startLine, startColumn, "a quote is opened and never closed");
    }

    /// <summary>Steps over a comma (false) or a line's end (true).</summary>
    private static bool EndsRecord(string text, ref int position, ref int line, ref int lineStart)
    {
        if (position == text.Length) return true;
        if (text[position] == ',')
        {
            position++;
            return false;
        }

        if (text[position] == '\r' && position + 1 < text.Length && text[position + 1] == '\n') position++;
        position++;
        line++;
        lineStart = position;
        return true;
    }
}
