using System.Globalization;
using System.Text;
using System.Text.Json;
using Acornima;
using Acornima.Ast;

namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>Takes an object or a list out of a minified JavaScript module, as bundlers write a JSON file: data only, nothing is
/// run.</summary>
/// <remarks>
/// A value is an object, a list, a text, a number, <c>true</c>, <c>false</c>, <c>null</c>, or what minifiers write for those: <c>!0</c>,
/// <c>!1</c>, <c>undefined</c> and <c>void 0</c>.
/// </remarks>
internal sealed class JavaScriptLiteral
{
    // Below the depth at which the JSON reader stops, which then never has anything to complain about.
    private const int MaxDepth = 60;
    private const int ShownCharacters = 40;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _module;
    private readonly string _source;
    private readonly Utf8JsonWriter _json;

    private JavaScriptLiteral(string module, string source, Utf8JsonWriter json) => (_module, _source, _json) = (module, source, json);

    /// <summary>The first object or list that a module assigns to a member <c>exports</c>.</summary>
    /// <param name="module">The text of the module.</param>
    /// <param name="source">What to call it in error messages.</param>
    /// <exception cref="FuseMixException">There is none, or it is not a literal; line and column are named.</exception>
    public static JsonElement ReadExport(string module, string source)
    {
        var export = Parse(module, source).DescendantNodes().OfType<AssignmentExpression>()
            .Where(assignment => assignment.Left is MemberExpression { Property: Identifier { Name: "exports" } })
            .Select(assignment => assignment.Right)
            .FirstOrDefault(value => value is ObjectExpression or ArrayExpression)
            ?? throw new FuseMixException(FailureKind.Corrupt, $"'{source}' exports no object.", "Fetch the package again.");
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
            new JavaScriptLiteral(module, source, json).Write(export, 0);
        using var document = JsonDocument.Parse(buffer.GetBuffer().AsMemory(0, (int)buffer.Length));
        return document.RootElement.Clone();
    }

    private static Script Parse(string module, string source)
    {
        try
        {
            return new Parser().ParseScript(module);
        }
        catch (ParseErrorException e)
        {
            throw Failure(source, Position.From(e.LineNumber, e.Column), e.Description, e);
        }
        catch (InsufficientExecutionStackException e)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"'{source}' is nested too deep.", "Fetch the package again.", e);
        }
    }

    private void Write(Node value, int depth)
    {
        if (depth > MaxDepth) throw Failure(value, $"values are nested more than {MaxDepth} deep");
        switch (value)
        {
            case ObjectExpression members:
                _json.WriteStartObject();
                foreach (var member in members.Properties)
                {
                    if (member is not ObjectProperty { Computed: false } property) throw Failure(member);
                    _json.WritePropertyName(Key(property.Key));
                    Write(property.Value, depth + 1);
                }

                _json.WriteEndObject();
                break;
            case ArrayExpression items:
                _json.WriteStartArray();
                foreach (var item in items.Elements) Write(item ?? throw Failure(items, "an item is left out"), depth + 1);
                _json.WriteEndArray();
                break;
            case StringLiteral text:
                _json.WriteStringValue(Text(text));
                break;
            case BooleanLiteral truth:
                _json.WriteBooleanValue(truth.Value);
                break;
            case UnaryExpression { Operator: Operator.LogicalNot, Argument: NumericLiteral { Value: 0 or 1 } truth }:
                _json.WriteBooleanValue(truth.Value == 0);
                break;
            case NullLiteral or Identifier { Name: "undefined" } or UnaryExpression { Operator: Operator.Void, Argument: NumericLiteral }:
                _json.WriteNullValue();
                break;
            case NumericLiteral { Value: var number } when double.IsFinite(number):
                _json.WriteNumberValue(number);
                break;
            case UnaryExpression { Operator: Operator.UnaryNegation, Argument: NumericLiteral { Value: var number } } when double.IsFinite(number):
                _json.WriteNumberValue(-number);
                break;
            case UnaryExpression { Operator: Operator.UnaryPlus, Argument: NumericLiteral number }:
                Write(number, depth);
                break;
            default:
                throw Failure(value);
        }
    }

    private byte[] Key(Expression key) => key switch
    {
        Identifier name => Utf8.GetBytes(name.Name),
        StringLiteral text => Text(text),
        NumericLiteral number => Utf8.GetBytes(number.Value.ToString("R", CultureInfo.InvariantCulture)),
        _ => throw Failure(key),
    };

    private byte[] Text(StringLiteral text)
    {
        try
        {
            return Utf8.GetBytes(text.Value);
        }
        catch (EncoderFallbackException e)
        {
            throw Failure(_source, text.Location.Start, "a text holds half a character", e);
        }
    }

    private FuseMixException Failure(Node node)
    {
        var text = _module[node.Start..node.End];
        return Failure(node, $"'{(text.Length > ShownCharacters ? text[..ShownCharacters] : text)}' is not a literal value");
    }

    private FuseMixException Failure(Node node, string why) => Failure(_source, node.Location.Start, why);

    private static FuseMixException Failure(string source, Position place, string why, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"'{source}', line {place.Line}, column {place.Column + 1}: {why}.", "Fetch the package again.", inner);
}
