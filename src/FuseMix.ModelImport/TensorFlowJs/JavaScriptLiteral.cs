using System.Globalization;
using System.Text;
using System.Text.Json;

namespace FuseMix.ModelImport.TensorFlowJs;

/// <summary>Reads an object literal out of a minified JavaScript module, as bundlers write a JSON file: data only, nothing is run.</summary>
/// <remarks>
/// Beyond JSON it knows unquoted and numeric keys, <c>!0</c> and <c>!1</c>, <c>void 0</c>, <c>.5</c>, hexadecimal numbers, single
/// quotes, trailing commas and comments.
/// </remarks>
internal ref struct JavaScriptLiteral
{
    // Below the depth at which the JSON reader stops, which then never has anything to complain about.
    private const int MaxDepth = 60;
    private const string Assignment = "exports=";

    private readonly ReadOnlySpan<char> _text;
    private readonly string _source;
    private readonly Utf8JsonWriter _json;
    private int _position;

    private JavaScriptLiteral(ReadOnlySpan<char> text, string source, Utf8JsonWriter json)
    {
        _text = text;
        _source = source;
        _json = json;
    }

    /// <summary>The value that a module assigns to <c>exports</c> with an opening brace or bracket.</summary>
    /// <param name="module">The text of the module.</param>
    /// <param name="source">What to call it in error messages.</param>
    /// <exception cref="FuseMixException">There is none, or it is not a literal; the position is named.</exception>
    public static JsonElement ReadExport(string module, string source)
    {
        var start = 0;
        for (int at; (at = module.IndexOf(Assignment, start, StringComparison.Ordinal)) >= 0;)
        {
            start = at + Assignment.Length;
            if (start < module.Length && module[start] is '{' or '[') return Read(module.AsSpan(start), source);
        }

        throw new FuseMixException(FailureKind.Corrupt, $"'{source}' exports no object.", "Fetch the package again.");
    }

    /// <summary>The literal at the beginning of a text.</summary>
    internal static JsonElement Read(ReadOnlySpan<char> text, string source)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            var literal = new JavaScriptLiteral(text, source, json);
            literal.Value(0);
        }

        using var document = JsonDocument.Parse(buffer.GetBuffer().AsMemory(0, (int)buffer.Length));
        return document.RootElement.Clone();
    }

    private void Value(int depth)
    {
        if (depth > MaxDepth) throw Failure($"values are nested more than {MaxDepth} deep");
        Skip();
        switch (Peek())
        {
            case '{':
                Members(depth);
                break;
            case '[':
                Items(depth);
                break;
            case '"' or '\'':
                _json.WriteStringValue(Quoted());
                break;
            case '!':
                _position++;
                _json.WriteBooleanValue(Take() switch { '0' => true, '1' => false, _ => throw Failure("'!' stands before neither 0 nor 1") });
                break;
            case '-' or '+' or '.' or (>= '0' and <= '9'):
                _json.WriteNumberValue(Number());
                break;
            default:
                Word();
                break;
        }
    }

    private void Members(int depth)
    {
        _position++;
        _json.WriteStartObject();
        while (true)
        {
            Skip();
            if (Peek() == '}') break;
            _json.WritePropertyName(Key());
            Skip();
            if (Take() != ':') throw Failure("a key is not followed by ':'");
            Value(depth + 1);
            Skip();
            if (Peek() == '}') break;
            if (Take() != ',') throw Failure("two members are not separated by ','");
        }

        _position++;
        _json.WriteEndObject();
    }

    private void Items(int depth)
    {
        _position++;
        _json.WriteStartArray();
        while (true)
        {
            Skip();
            if (Peek() == ']') break;
            Value(depth + 1);
            Skip();
            if (Peek() == ']') break;
            if (Take() != ',') throw Failure("two items are not separated by ','");
        }

        _position++;
        _json.WriteEndArray();
    }

    private string Key() => Peek() switch
    {
        '"' or '\'' => Quoted(),
        '.' or (>= '0' and <= '9') => Number().ToString("R", CultureInfo.InvariantCulture),
        _ => Identifier(),
    };

    private string Identifier()
    {
        var start = _position;
        while (_position < _text.Length && (char.IsAsciiLetterOrDigit(_text[_position]) || _text[_position] is '_' or '$')) _position++;
        if (_position == start) throw Failure("a name or a value is expected");
        return _text[start.._position].ToString();
    }

    private void Word()
    {
        switch (Identifier())
        {
            case "true":
                _json.WriteBooleanValue(true);
                break;
            case "false":
                _json.WriteBooleanValue(false);
                break;
            case "null" or "undefined":
                _json.WriteNullValue();
                break;
            case "void":
                Skip();
                Number();
                _json.WriteNullValue();
                break;
            case var word:
                throw Failure($"'{(word.Length > 40 ? word[..40] : word)}' is not a value");
        }
    }

    private double Number()
    {
        var start = _position;
        if (Peek() is '-' or '+') _position++;
        var hexadecimal = Peek() == '0' && _position + 1 < _text.Length && _text[_position + 1] is 'x' or 'X';
        if (hexadecimal) _position += 2;
        var digits = _position;
        while (_position < _text.Length)
        {
            var c = _text[_position];
            var belongs = hexadecimal
                ? char.IsAsciiHexDigit(c)
                : char.IsAsciiDigit(c) || c is '.' or 'e' or 'E' || (c is '-' or '+' && _text[_position - 1] is 'e' or 'E');
            if (!belongs) break;
            _position++;
        }

        var token = _text[start.._position];
        if (hexadecimal && ulong.TryParse(_text[digits.._position], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var whole))
            return token[0] == '-' ? -(double)whole : whole;
        if (!hexadecimal && double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
            return number;
        throw Failure($"'{(token.Length > 40 ? token[..40] : token)}' is not a number");
    }

    private string Quoted()
    {
        var quote = Take();
        var text = new StringBuilder();
        while (true)
        {
            var c = Take();
            if (c == quote) break;
            if (c == '\\') Escape(text);
            else text.Append(c);
        }

        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[++i])) throw Failure("a text holds half a character");
        }

        return text.ToString();
    }

    private void Escape(StringBuilder text)
    {
        var c = Take();
        switch (c)
        {
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case '0': text.Append('\0'); break;
            case '\n': break;
            case 'x': text.Append((char)Hex(2)); break;
            case 'u' when Peek() == '{':
                _position++;
                var start = _position;
                while (Peek() != '}') _position++;
                var length = _position++ - start;
                _position = start;
                var code = length is > 0 and <= 6 ? Hex(length) : throw Failure("a character's number is too long");
                _position++;
                if (!Rune.IsValid(code)) throw Failure("a character's number is out of range");
                text.Append(new Rune(code).ToString());
                break;
            case 'u': text.Append((char)Hex(4)); break;
            default: text.Append(c); break;
        }
    }

    private int Hex(int digits)
    {
        if (_position + digits <= _text.Length
            && int.TryParse(_text.Slice(_position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            _position += digits;
            return value;
        }

        throw Failure("a character's number is not hexadecimal");
    }

    private void Skip()
    {
        while (_position < _text.Length)
        {
            var rest = _text[_position..];
            if (char.IsWhiteSpace(rest[0]) || rest[0] == '\uFEFF')
            {
                _position++;
            }
            else if (rest.StartsWith("//"))
            {
                var end = rest.IndexOf('\n');
                _position = end < 0 ? _text.Length : _position + end + 1;
            }
            else if (rest.StartsWith("/*"))
            {
                var end = rest.IndexOf("*/");
                if (end < 0) throw Failure("a comment does not end");
                _position += end + 2;
            }
            else
            {
                return;
            }
        }
    }

    private readonly char Peek() => _position < _text.Length ? _text[_position] : throw Failure("it ends in the middle");

    private char Take()
    {
        var c = Peek();
        _position++;
        return c;
    }

    private readonly FuseMixException Failure(string why) =>
        new(FailureKind.Corrupt, $"'{_source}' is not a JavaScript literal: {why}, {_position} characters in.", "Fetch the package again.");
}
