using FuseMix.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace FuseMix.Encoders.Import.Tests;

/// <summary>Runs a graph of one picture in ONNX Runtime.</summary>
internal static class OnnxRun
{
    public static float[] Run(OnnxGraph graph, string input, float[] values, params long[] shape)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(graph.ToBytes(), options);
        using var value = OrtValue.CreateTensorValueFromMemory(values, shape);
        using var run = new RunOptions();
        using var results = session.Run(run, new Dictionary<string, OrtValue> { [input] = value }, session.OutputNames);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
