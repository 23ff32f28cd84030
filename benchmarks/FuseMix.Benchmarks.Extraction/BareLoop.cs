using FuseMix.Encoders.Inputs;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using Microsoft.ML.OnnxRuntime;

namespace FuseMix.Benchmarks.Extraction;

/// <summary>What anybody writes first: ready tensors, one session, Run in a loop. Images go one by one, texts 32 at a time as they
/// come.</summary>
internal sealed class BareLoop : IDisposable
{
    private const int TextsPerCall = 32;

    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly int _workers;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly int _dimension;
    private readonly int _count;
    private readonly List<(int First, ModelCall Call, OrtValue[] Tensors)> _calls = [];

    public BareLoop(EncoderPack pack, EncoderInput[] items, int sessionsThreads, int workers)
    {
        OnnxRuntimeTelemetry.TurnOff();
        using var settings = new SessionOptions { IntraOpNumThreads = sessionsThreads, InterOpNumThreads = 1 };
        _session = new InferenceSession(pack.ModelPath, settings);
        var preprocessing = IPreprocessing.Open(pack, long.MaxValue);
        (_workers, _count, _dimension) = (workers, items.Length, pack.Definition.Latent.Dimension);
        _inputs = [.. preprocessing.Tensors.Select(tensor => tensor.Name)];
        _outputs = [pack.Definition.Latent.Tensor];
        var perCall = pack.Definition.Modality == Modality.Text ? TextsPerCall : 1;
        for (var first = 0; first < items.Length; first += perCall)
        {
            var prepared = items.Skip(first).Take(perCall).Select(preprocessing.Prepare).ToArray();
            var call = preprocessing.Begin(prepared.Length, prepared.Max(item => item.Length));
            for (var row = 0; row < prepared.Length; row++) call.Fill(row, prepared[row]);
            _calls.Add((first, call, call.ToTensors()));
        }
    }

    /// <summary>All items once.</summary>
    /// <returns>[items × dimension], as the model gives them.</returns>
    public float[] Run()
    {
        var latents = new float[_count * _dimension];
        Parallel.ForEach(_calls, new ParallelOptions { MaxDegreeOfParallelism = _workers }, call =>
        {
            using var outputs = _session.Run(_options, _inputs, call.Tensors, _outputs);
            outputs[0].GetTensorDataAsSpan<float>().CopyTo(latents.AsSpan(call.First * _dimension));
        });
        return latents;
    }

    public void Dispose()
    {
        foreach (var (_, call, tensors) in _calls)
        {
            foreach (var tensor in tensors) tensor.Dispose();
            call.Dispose();
        }

        _options.Dispose();
        _session.Dispose();
    }
}
