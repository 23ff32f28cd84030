using System.IO.MemoryMappedFiles;
using Protocol = global::Onnx;

namespace FuseMix.Onnx;

/// <summary>Looks through one model file: the field numbers are those of <c>onnx.proto</c>, the checks are ours.</summary>
internal sealed class OnnxModelReader(string path)
{
    // A branch or loop body nests a graph in an attribute; real models nest a handful. The bound keeps a hostile file off the end of the stack.
    private const int MaxGraphDepth = 32;

    private readonly string _folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
    private readonly Dictionary<string, long> _opsets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _operators = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _externalFiles = new(StringComparer.Ordinal);
    private readonly HashSet<string> _initializers = new(StringComparer.Ordinal);
    private readonly List<OnnxTensor> _inputs = [];
    private readonly List<OnnxTensor> _outputs = [];
    private long _irVersion;
    private string _producer = "";
    private long _parameterCount;
    private bool _hasGraph;

    public OnnxModelFile Read()
    {
        var length = Scan();
        if (!_hasGraph || _opsets.Count == 0)
            throw Corrupt("it holds no graph or names no operator set");
        if (_outputs.Count == 0) throw Corrupt("its graph has no output");
        return new OnnxModelFile(
            path,
            length,
            _irVersion,
            _producer,
            _opsets,
            [.. _inputs.Where(i => !_initializers.Contains(i.Name))],
            _outputs,
            [.. _operators],
            _parameterCount,
            [.. _externalFiles],
            _metadata);
    }

    private unsafe long Scan()
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            var length = file.Length;
            if (length == 0) throw Corrupt("it is empty");
            if (length > int.MaxValue)
                throw new FuseMixException(
                    FailureKind.Invalid,
                    $"'{path}' is {length >> 20} MiB; a protobuf file ends at 2 GiB.",
                    "Save the model with its weights as external data beside it.");
            using var mapping = MemoryMappedFile.CreateFromFile(
                file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            using var view = mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            try
            {
                ReadModel(new ReadOnlySpan<byte>(start, (int)length));
            }
            finally
            {
                view.SafeMemoryMappedViewHandle.ReleasePointer();
            }

            return length;
        }
        catch (InvalidDataException e)
        {
            throw Corrupt(e.Message, e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FuseMixException(FailureKind.NotFound, $"There is no model file '{path}'.", inner: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FuseMixException(FailureKind.Unavailable, $"The model file '{path}' cannot be read: {e.Message}", inner: e);
        }
    }

    private void ReadModel(ReadOnlySpan<byte> content)
    {
        var model = new WireReader(content);
        while (model.Next())
        {
            switch (model.Field)
            {
                case Protocol.ModelProto.IrVersionFieldNumber:
                    _irVersion = model.Int64();
                    break;
                case Protocol.ModelProto.ProducerNameFieldNumber:
                    _producer = model.Text();
                    break;
                case Protocol.ModelProto.OpsetImportFieldNumber:
                    ReadOpset(model.Message());
                    break;
                case Protocol.ModelProto.MetadataPropsFieldNumber:
                    var (key, value) = ReadEntry(model.Message());
                    _metadata[key] = value;
                    break;
                case Protocol.ModelProto.GraphFieldNumber:
                    if (_hasGraph) throw new InvalidDataException("it holds two graphs");
                    _hasGraph = true;
                    ReadGraph(model.Message(), depth: 0);
                    break;
                case Protocol.ModelProto.FunctionsFieldNumber:
                    ReadFunction(model.Message());
                    break;
            }
        }
    }

    private void ReadOpset(ReadOnlySpan<byte> content)
    {
        var (domain, version) = ("", 0L);
        var opset = new WireReader(content);
        while (opset.Next())
        {
            if (opset.Field == Protocol.OperatorSetIdProto.DomainFieldNumber) domain = opset.Text();
            else if (opset.Field == Protocol.OperatorSetIdProto.VersionFieldNumber) version = opset.Int64();
        }

        // "ai.onnx" is the default set by its other name.
        _opsets[domain == "ai.onnx" ? "" : domain] = version;
    }

    private static (string Key, string Value) ReadEntry(ReadOnlySpan<byte> content)
    {
        var (key, value) = ("", "");
        var entry = new WireReader(content);
        while (entry.Next())
        {
            if (entry.Field == Protocol.StringStringEntryProto.KeyFieldNumber) key = entry.Text();
            else if (entry.Field == Protocol.StringStringEntryProto.ValueFieldNumber) value = entry.Text();
        }

        return (key, value);
    }

    private void ReadGraph(ReadOnlySpan<byte> content, int depth)
    {
        if (depth > MaxGraphDepth) throw new InvalidDataException($"graphs are nested more than {MaxGraphDepth} deep");
        var graph = new WireReader(content);
        while (graph.Next())
        {
            switch (graph.Field)
            {
                case Protocol.GraphProto.NodeFieldNumber:
                    ReadNode(graph.Message(), depth);
                    break;
                case Protocol.GraphProto.InitializerFieldNumber:
                    var name = ReadTensor(graph.Message());
                    if (depth == 0) _initializers.Add(name);
                    break;
                case Protocol.GraphProto.SparseInitializerFieldNumber:
                    ReadSparseTensor(graph.Message());
                    break;
                case Protocol.GraphProto.InputFieldNumber when depth == 0:
                    _inputs.Add(ReadValue(graph.Message()));
                    break;
                case Protocol.GraphProto.OutputFieldNumber when depth == 0:
                    _outputs.Add(ReadValue(graph.Message()));
                    break;
            }
        }
    }

    private void ReadFunction(ReadOnlySpan<byte> content)
    {
        var function = new WireReader(content);
        while (function.Next())
        {
            if (function.Field == Protocol.FunctionProto.NodeFieldNumber) ReadNode(function.Message(), depth: 1);
        }
    }

    private void ReadNode(ReadOnlySpan<byte> content, int depth)
    {
        var (type, domain) = ("", "");
        var node = new WireReader(content);
        while (node.Next())
        {
            switch (node.Field)
            {
                case Protocol.NodeProto.OpTypeFieldNumber:
                    type = node.Text();
                    break;
                case Protocol.NodeProto.DomainFieldNumber:
                    domain = node.Text();
                    break;
                case Protocol.NodeProto.AttributeFieldNumber:
                    ReadAttribute(node.Message(), depth);
                    break;
            }
        }

        if (type.Length == 0) throw new InvalidDataException("a node has no operator");
        _operators.Add(domain is "" or "ai.onnx" ? type : $"{domain}.{type}");
    }

    private void ReadAttribute(ReadOnlySpan<byte> content, int depth)
    {
        var attribute = new WireReader(content);
        while (attribute.Next())
        {
            switch (attribute.Field)
            {
                case Protocol.AttributeProto.TFieldNumber or Protocol.AttributeProto.TensorsFieldNumber:
                    ReadTensor(attribute.Message());
                    break;
                case Protocol.AttributeProto.SparseTensorFieldNumber or Protocol.AttributeProto.SparseTensorsFieldNumber:
                    ReadSparseTensor(attribute.Message());
                    break;
                case Protocol.AttributeProto.GFieldNumber or Protocol.AttributeProto.GraphsFieldNumber:
                    ReadGraph(attribute.Message(), depth + 1);
                    break;
            }
        }
    }

    private void ReadSparseTensor(ReadOnlySpan<byte> content)
    {
        var sparse = new WireReader(content);
        while (sparse.Next())
        {
            if (sparse.Field is Protocol.SparseTensorProto.ValuesFieldNumber or Protocol.SparseTensorProto.IndicesFieldNumber)
                ReadTensor(sparse.Message());
        }
    }

    private string ReadTensor(ReadOnlySpan<byte> content)
    {
        var dims = new List<long>();
        var external = new Dictionary<string, string>(StringComparer.Ordinal);
        var (name, type, rawLength, isExternal) = ("", OnnxElement.Undefined, -1L, false);
        var tensor = new WireReader(content);
        while (tensor.Next())
        {
            switch (tensor.Field)
            {
                case Protocol.TensorProto.DimsFieldNumber:
                    tensor.Int64s(dims);
                    break;
                case Protocol.TensorProto.DataTypeFieldNumber:
                    type = (OnnxElement)tensor.Int64();
                    break;
                case Protocol.TensorProto.NameFieldNumber:
                    name = tensor.Text();
                    break;
                case Protocol.TensorProto.RawDataFieldNumber:
                    rawLength = tensor.Message().Length;
                    break;
                case Protocol.TensorProto.DataLocationFieldNumber:
                    isExternal = tensor.Int64() == (long)Protocol.TensorProto.Types.DataLocation.External;
                    break;
                case Protocol.TensorProto.ExternalDataFieldNumber:
                    var (key, value) = ReadEntry(tensor.Message());
                    external[key] = value;
                    break;
            }
        }

        var count = Count(dims, name);
        if (count > long.MaxValue - _parameterCount) throw new InvalidDataException("its tensors are impossibly large");
        _parameterCount += count;
        var bytes = SizeOf(type) is { } size ? checked(count * size) : (long?)null;
        if (isExternal) RequireExternal(name, external, bytes);
        else if (rawLength >= 0 && bytes is { } expected && rawLength != expected)
            throw new InvalidDataException($"tensor '{name}' [{string.Join(", ", dims)}] holds {rawLength} bytes rather than {expected}");
        return name;
    }

    private static long Count(List<long> dims, string name)
    {
        var count = 1L;
        foreach (var dim in dims)
        {
            // 2^56 values is beyond any file, and 16 bytes each still fit a long.
            if (dim < 0 || (dim > 0 && count > (1L << 56) / dim))
                throw new InvalidDataException($"tensor '{name}' has the impossible shape [{string.Join(", ", dims)}]");
            count *= dim;
        }

        return count;
    }

    private void RequireExternal(string tensor, Dictionary<string, string> entries, long? bytes)
    {
        var location = entries.GetValueOrDefault("location", "");
        if (location.Length == 0) throw new InvalidDataException($"tensor '{tensor}' is external but names no file");
        var full = location.Contains('\0') ? "" : Path.GetFullPath(Path.Combine(_folder, location));
        if (Path.IsPathRooted(location) || location.Contains('\\') || !full.StartsWith(_folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Tensor '{tensor}' of '{path}' takes its weights from '{location}', which is outside the model's folder.",
                "Save the model again with its weights beside it.");
        var file = new FileInfo(full);
        if (!file.Exists)
            throw new FuseMixException(
                FailureKind.NotFound,
                $"Tensor '{tensor}' of '{path}' takes its weights from '{location}', which is not there.",
                "Copy all files of the model, not only the .onnx one.");
        if (LeavesFolder(full))
            throw new FuseMixException(
                FailureKind.Invalid,
                $"Tensor '{tensor}' of '{path}' takes its weights from '{location}', a link that leads out of the model's folder.",
                "Put the file itself beside the model.");
        var offset = Entry(tensor, entries, "offset") ?? 0;
        var length = Entry(tensor, entries, "length") ?? bytes ?? 0;
        if (bytes is { } expected && length != expected)
            throw new InvalidDataException($"tensor '{tensor}' needs {expected} bytes, its external data give {length}");
        if (offset > file.Length || length > file.Length - offset)
            throw new InvalidDataException(
                $"tensor '{tensor}' needs bytes {offset} to {offset + length} of '{location}', which has {file.Length}");
        _externalFiles.Add(Path.GetRelativePath(_folder, full).Replace(Path.DirectorySeparatorChar, '/'));
    }

    private bool LeavesFolder(string full)
    {
        for (var part = full; part.Length > _folder.Length; part = Path.GetDirectoryName(part)!)
        {
            FileSystemInfo info = Directory.Exists(part) ? new DirectoryInfo(part) : new FileInfo(part);
            if (info.ResolveLinkTarget(returnFinalTarget: true) is { } target
                && !target.FullName.StartsWith(_folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                return true;
        }

        return false;
    }

    private static long? Entry(string tensor, Dictionary<string, string> entries, string key)
    {
        if (!entries.TryGetValue(key, out var text)) return null;
        return long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new InvalidDataException($"tensor '{tensor}' has the {key} '{text}'");
    }

    private static OnnxTensor ReadValue(ReadOnlySpan<byte> content)
    {
        var (name, type, shape) = ("", OnnxElement.Undefined, (IReadOnlyList<OnnxDimension>?)null);
        var value = new WireReader(content);
        while (value.Next())
        {
            if (value.Field == Protocol.ValueInfoProto.NameFieldNumber) name = value.Text();
            else if (value.Field == Protocol.ValueInfoProto.TypeFieldNumber) (type, shape) = ReadType(value.Message());
        }

        return new OnnxTensor(name, type, shape);
    }

    private static (OnnxElement Type, IReadOnlyList<OnnxDimension>? Shape) ReadType(ReadOnlySpan<byte> content)
    {
        var (element, shape) = (OnnxElement.Undefined, (IReadOnlyList<OnnxDimension>?)null);
        var type = new WireReader(content);
        while (type.Next())
        {
            if (type.Field != Protocol.TypeProto.TensorTypeFieldNumber) continue;
            var tensor = new WireReader(type.Message());
            while (tensor.Next())
            {
                if (tensor.Field == Protocol.TypeProto.Types.Tensor.ElemTypeFieldNumber) element = (OnnxElement)tensor.Int64();
                else if (tensor.Field == Protocol.TypeProto.Types.Tensor.ShapeFieldNumber) shape = ReadShape(tensor.Message());
            }
        }

        return (element, shape);
    }

    private static List<OnnxDimension> ReadShape(ReadOnlySpan<byte> content)
    {
        var dimensions = new List<OnnxDimension>();
        var shape = new WireReader(content);
        while (shape.Next())
        {
            if (shape.Field != Protocol.TensorShapeProto.DimFieldNumber) continue;
            var dimension = default(OnnxDimension);
            var dim = new WireReader(shape.Message());
            while (dim.Next())
            {
                if (dim.Field == Protocol.TensorShapeProto.Types.Dimension.DimValueFieldNumber) dimension = dim.Int64();
                else if (dim.Field == Protocol.TensorShapeProto.Types.Dimension.DimParamFieldNumber) dimension = dim.Text();
            }

            // Some exporters write -1 for a size that is not fixed.
            dimensions.Add(dimension.Size < 0 ? default : dimension);
        }

        return dimensions;
    }

    // Texts have no fixed size; a type newer than this list is for the runtime to judge.
    private static int? SizeOf(OnnxElement type) => type switch
    {
        OnnxElement.UInt8 or OnnxElement.Int8 or OnnxElement.Bool => 1,
        OnnxElement.UInt16 or OnnxElement.Int16 or OnnxElement.Float16 or OnnxElement.BFloat16 => 2,
        OnnxElement.Float or OnnxElement.Int32 or OnnxElement.UInt32 => 4,
        OnnxElement.Int64 or OnnxElement.UInt64 or OnnxElement.Double or OnnxElement.Complex64 => 8,
        OnnxElement.Complex128 => 16,
        _ => null,
    };

    private FuseMixException Corrupt(string why, Exception? inner = null) =>
        new(FailureKind.Corrupt, $"'{path}' is not a whole ONNX model: {why}.", "Fetch or export the file again.", inner);
}
