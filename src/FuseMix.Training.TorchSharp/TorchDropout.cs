using FuseMix.Core.Randomness;
using FuseMix.Training.Adapters;
using TorchSharp;

namespace FuseMix.Training.TorchSharp;

/// <summary>Dropout masks that libtorch draws: the same again for a seed, step, list, modality, block and row on the same kind of
/// device.</summary>
internal sealed class TorchDropout : IDisposable
{
    /// <summary>CUDA's generator is one for the whole process: whoever seeds it draws before another does.</summary>
    private static readonly Lock Drawing = new();

    private readonly double _probability;
    private readonly ulong _seed;
    private readonly torch.Device _device;
    private readonly torch.Generator? _generator;

    public TorchDropout(double probability, ulong seed, torch.Device device)
    {
        (_probability, _seed, _device) = (probability, seed, device);
        if (Applies && device.type == DeviceType.CPU) _generator = new torch.Generator(0, device);
    }

    public bool Applies => _probability > 0;

    /// <summary>The factor of each hidden value, 0 or 1/(1 - p): [rows × width].</summary>
    /// <param name="part">List and modality.</param>
    /// <param name="block">Block of the adapter.</param>
    /// <param name="step">From 0.</param>
    /// <param name="start">First row, a multiple of <see cref="TorchNetwork.MaskRows"/>.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="width">Hidden width.</param>
    public torch.Tensor Mask(int part, int block, long step, int start, int rows, int width)
    {
        List<torch.Tensor> chunks = [];
        for (var from = start; from < start + rows; from += TorchNetwork.MaskRows)
        {
            var random = new RandomStream(
                _seed, RandomStream.Id(StreamPurpose.Dropout, part + block, step), (ulong)(from / TorchNetwork.MaskRows) << 20);
            var seed = ((long)random.NextUInt32() << 31) ^ random.NextUInt32();
            long[] size = [Math.Min(TorchNetwork.MaskRows, start + rows - from), width];
            lock (Drawing)
            {
                if (_generator is null) torch.cuda.manual_seed_all(seed);
                else _generator.manual_seed(seed);
                chunks.Add(
                    _generator is null ? torch.rand(size, device: _device) : torch.rand(size, device: _device, generator: _generator));
            }
        }

        var drawn = chunks.Count == 1 ? chunks[0] : torch.cat(chunks, 0);
        return drawn.ge((float)_probability).to(torch.ScalarType.Float32).mul_((float)(1 / (1 - _probability)));
    }

    public void Dispose() => _generator?.Dispose();
}
