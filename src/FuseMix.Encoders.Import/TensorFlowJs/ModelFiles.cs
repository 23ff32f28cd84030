using System.Text.Json;

namespace FuseMix.Encoders.Import.TensorFlowJs;

/// <summary>A TensorFlow.js model in a folder: <c>model.json</c> with binary shards, or <c>model.min.js</c> with shards in
/// base64.</summary>
internal sealed class ModelFiles
{
    private const string ScriptEnding = ".min.js";
    private const string ExportOfText = "exports=\"";
    private const long MaxFileBytes = 1L << 30;

    private readonly string _folder;
    private readonly bool _scripts;

    private ModelFiles(string folder, bool scripts, JsonPart model) => (_folder, _scripts, Model) = (folder, scripts, model);

    /// <summary>The model's description.</summary>
    public JsonPart Model { get; }

    /// <summary>Opens the model in a folder.</summary>
    /// <exception cref="FuseMixException">There is none, or its description is damaged.</exception>
    public static ModelFiles Open(string folder)
    {
        var json = Path.Combine(folder, "model.json");
        var script = Path.Combine(folder, "model" + ScriptEnding);
        if (File.Exists(json)) return new ModelFiles(folder, scripts: false, new JsonPart(ParseJson(json), "model.json:"));
        var element = JavaScriptLiteral.ReadExport(System.Text.Encoding.UTF8.GetString(ReadFile(script)), script);
        return new ModelFiles(folder, scripts: true, new JsonPart(element, "model.min.js:"));
    }

    /// <summary>Reads and decodes all weights.</summary>
    public WeightTable ReadWeights() => WeightTable.Read(Model["weightsManifest"], ReadShard);

    private static JsonElement ParseJson(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(ReadFile(path));
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new FuseMixException(FailureKind.Corrupt, $"'{path}' is not JSON: {e.Message}", "Fetch the package again.", e);
        }
    }

    private byte[] ReadShard(string name)
    {
        // A name from inside the package never becomes a path out of it.
        if (name.Length == 0 || name[0] == '.' || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw Model.Failure($"names the shard '{name}', which is not a plain file name");
        var path = Path.Combine(_folder, _scripts ? name + ScriptEnding : name);
        return _scripts ? DecodeScript(ReadFile(path), path) : ReadFile(path);
    }

    /// <summary>The bytes of a shard that a module exports as a text in base64.</summary>
    internal static byte[] DecodeScript(ReadOnlySpan<byte> script, string path)
    {
        var start = script.IndexOf("exports=\""u8);
        if (start >= 0)
        {
            var text = script[(start + ExportOfText.Length)..];
            var end = text.IndexOf((byte)'"');
            if (end >= 0)
            {
                var bytes = new byte[System.Buffers.Text.Base64.GetMaxDecodedFromUtf8Length(end)];
                var status = System.Buffers.Text.Base64.DecodeFromUtf8(text[..end], bytes, out var consumed, out var written);
                if (status == System.Buffers.OperationStatus.Done && consumed == end) return bytes[..written];
            }
        }

        throw new FuseMixException(FailureKind.Corrupt, $"The shard '{path}' exports no text in base64.", "Fetch the package again.");
    }

    internal static byte[] ReadFile(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxFileBytes })
                throw new FuseMixException(
                    FailureKind.Corrupt, $"'{path}' is larger than {MaxFileBytes >> 20} MiB.", "Fetch the package again.");
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.NotFound, $"The package lacks '{path}'.", "Fetch the package again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(FailureKind.Unavailable, $"'{path}' cannot be read: {e.Message}", inner: e);
        }
    }
}
