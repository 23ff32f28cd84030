using System.Runtime.InteropServices;
using FuseMix.Training.Adapters;
using FuseMix.Training.Kernels;
using TorchSharp;

namespace FuseMix.Training.TorchSharp;

/// <summary>The network on a device of libtorch.</summary>
/// <remarks>
/// Parameters, gradients, moments and averages are a flat tensor each, laid out as the <see cref="NetworkLayout"/> says; autograd works on
/// views of them, and adds to the gradients in place. Activations exist for one micro-batch, logits for one block of rows
/// (<see cref="TorchLoss"/>): a batch that is larger than a micro-batch passes the adapters without a graph first, and again, micro-batch
/// by micro-batch, once the gradients of all its embeddings are known (Gao et al. 2021). Nothing of a step outlives it on the device.
/// </remarks>
internal sealed unsafe class TorchNetwork : IFusionNetwork
{
    /// <summary>Rows whose dropout is drawn at once, so that masks do not depend on the micro-batch.</summary>
    public const int MaskRows = 256;

    private readonly torch.Device _device;
    private readonly TorchSharpOptions _options;
    private readonly TemperatureRange _temperature;
    private readonly TorchDropout _dropout;
    private readonly TorchLoss _loss;
    private readonly torch.Tensor _parameters, _gradients, _means, _squares, _decays;
    private readonly torch.Tensor? _averages;
    private readonly torch.Tensor[][] _views;
    private readonly torch.Tensor[] _inputs;
    private int _microBatch;
    private bool _touched;

    public TorchNetwork(
        NetworkLayout layout,
        TemperatureRange temperature,
        double dropout,
        ulong seed,
        torch.Device device,
        TorchSharpOptions options,
        long mostLogits)
    {
        (Layout, _temperature, _device, _options) = (layout, temperature, device, options);
        _dropout = new TorchDropout(dropout, seed, device);
        _microBatch = (int)Math.Min(1 << 30, ((long)options.MicroBatch + MaskRows - 1) / MaskRows * MaskRows);
        _loss = new TorchLoss(layout.Loss, device, mostLogits);
        State = new NetworkState(layout);
        if (device.type == DeviceType.CUDA) torch.backends.cuda.matmul.allow_tf32 = options.Precision == TorchPrecision.Tf32;
        using var nothing = torch.no_grad();
        (_parameters, _gradients, _means, _squares, _decays) = Guard(() => (Flat(), Flat(), Flat(), Flat(), Flat()));
        if (layout.Averages) _averages = Guard(Flat);
        _inputs = [.. layout.Adapters.Select(a => Kept(torch.zeros(layout.Capacity(a.Modality), a.Shape.Input, device: torch.CPU)))];
        _views = [.. layout.Adapters.Select(a => a.Shape.Parameters.Select(p => View(a, p)).ToArray())];
    }

    /// <inheritdoc/>
    public NetworkLayout Layout { get; }

    /// <inheritdoc/>
    public NetworkState State { get; }

    /// <summary>Called before each forward pass with its rows.</summary>
    public Action<int>? BeforeForward { get; init; }

    /// <summary>Rows of a forward pass now.</summary>
    public int MicroBatch => _microBatch;

    /// <inheritdoc/>
    public float Temperature => Guard(() => Scalar(Layout.TemperatureOffset));

    /// <inheritdoc/>
    public float* Input(Modality modality) =>
        (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(_inputs[Layout.IndexOf(modality)].bytes));

    /// <summary>The gradients of the step in hand, laid out as the parameters.</summary>
    public float[] Gradients()
    {
        using var scope = torch.NewDisposeScope();
        return MemoryMarshal.Cast<byte, float>(_gradients.cpu().bytes).ToArray();
    }

    /// <inheritdoc/>
    public void Begin() => Guard(() =>
    {
        using var scope = torch.NewDisposeScope();
        using var nothing = torch.no_grad();
        _parameters.narrow(0, Layout.TemperatureOffset, 1).clamp_((float)_temperature.Least, (float)_temperature.Most);
        _gradients.zero_();
        _touched = false;
        return 0;
    });

    /// <inheritdoc/>
    /// <exception cref="FuseMixException">The device is lost, or not even the smallest micro-batch fits into its memory.</exception>
    public double Accumulate(int list, StepBatch batch) => Guard(() =>
    {
        using var scope = torch.NewDisposeScope();

        // What earlier lists have added to the gradients stands, whatever becomes of this one's first attempt.
        var before = _touched ? _gradients.clone() : null;
        while (true)
        {
            try
            {
                var loss = Attempt(list, batch);
                _touched = true;
                return loss;
            }
            catch (ExternalException e) when (DeviceFailure.IsOutOfMemory(e))
            {
                Reduce(batch.Rows, e);
                using var nothing = torch.no_grad();
                if (before is null) _gradients.zero_();
                else _gradients.copy_(before);
            }
        }
    });

    /// <inheritdoc/>
    public void Update(AdamW adamW) => Guard(() =>
    {
        using var scope = torch.NewDisposeScope();
        using var nothing = torch.no_grad();
        var step = adamW.Rate / (1 - Math.Pow(adamW.Beta1, adamW.Update));
        var rootScale = 1 / Math.Sqrt(1 - Math.Pow(adamW.Beta2, adamW.Update));
        _means.mul_((float)adamW.Beta1).add_(_gradients, (float)(1 - adamW.Beta1));
        _squares.mul_((float)adamW.Beta2).addcmul_(_gradients, _gradients, (float)(1 - adamW.Beta2));
        _parameters.mul_((_decays * (float)(-adamW.Rate * adamW.Decay)).add_(1f));
        var root = _squares.sqrt().mul_((float)rootScale).add_((float)adamW.Epsilon);
        _parameters.addcdiv_(_means, root, (float)-step);
        return 0;
    });

    /// <inheritdoc/>
    public void Average(float keep) => Guard(() =>
    {
        using var scope = torch.NewDisposeScope();
        using var nothing = torch.no_grad();
        _averages!.mul_(keep).add_(_parameters, 1 - keep);
        return 0;
    });

    /// <inheritdoc/>
    public void Pull() => Guard(() =>
    {
        using var scope = torch.NewDisposeScope();
        foreach (var (tensor, buffer) in Mirrors()) MemoryMarshal.Cast<byte, float>(tensor.cpu().bytes).CopyTo(buffer.Span);
        return 0;
    });

    /// <inheritdoc/>
    public void Push() => Guard(() =>
    {
        using var scope = torch.NewDisposeScope();
        using var nothing = torch.no_grad();
        var host = torch.empty(Layout.Length, dtype: torch.ScalarType.Float32, device: torch.CPU);
        foreach (var (tensor, buffer) in Mirrors())
        {
            buffer.Span.CopyTo(MemoryMarshal.Cast<byte, float>(host.bytes));
            tensor.copy_(host);
        }

        return 0;
    });

    public void Dispose()
    {
        foreach (var view in _views.SelectMany(v => v)) view.Dispose();
        foreach (var tensor in (torch.Tensor[])[_parameters, _gradients, _means, _squares, _decays, .. _inputs]) tensor.Dispose();
        _averages?.Dispose();
        _dropout.Dispose();
        State.Dispose();
    }

    private static torch.Tensor Kept(torch.Tensor tensor) => tensor.DetachFromDisposeScope();

    private torch.Tensor Flat() => Kept(torch.zeros(Layout.Length, dtype: torch.ScalarType.Float32, device: _device));

    private (torch.Tensor Device, AlignedBuffer Host)[] Mirrors()
    {
        (torch.Tensor, AlignedBuffer)[] mirrors = [(_parameters, State.Parameters), (_means, State.Means), (_squares, State.Squares)];
        return _averages is null ? mirrors : [.. mirrors, (_averages, State.Averages!)];
    }

    /// <summary>A parameter that autograd knows, in the place that the layout gives it, and its gradient likewise.</summary>
    private torch.Tensor View(NetworkAdapter adapter, Parameter parameter)
    {
        using var scope = torch.NewDisposeScope();
        long[] shape = [.. parameter.Dimensions.Select(d => (long)d)];
        var start = adapter.Offset + parameter.Offset;
        if (parameter.IsMatrix) _decays.narrow(0, start, parameter.Length).fill_(1f);
        var view = _parameters.narrow(0, start, parameter.Length).view(shape).detach().requires_grad_(true);
        view.grad = _gradients.narrow(0, start, parameter.Length).view(shape);
        return Kept(view);
    }

    private float Scalar(long offset)
    {
        using var scope = torch.NewDisposeScope();
        return _parameters.narrow(0, offset, 1).cpu().item<float>();
    }

    private double Attempt(int list, StepBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var pairs = Layout.Pairs[list];
        int[] sides = [Layout.IndexOf(pairs.Left), Layout.IndexOf(pairs.Right)];
        var whole = batch.Rows <= _microBatch;
        var embeddings = new torch.Tensor[2];
        for (var side = 0; side < 2; side++)
        {
            if (whole)
            {
                embeddings[side] = Embed(list, sides[side], 0, batch.Rows, batch.Step);
                continue;
            }

            using var nothing = torch.no_grad();
            List<torch.Tensor> parts = [];
            for (var start = 0; start < batch.Rows; start += _microBatch)
                parts.Add(Embed(list, sides[side], start, Math.Min(_microBatch, batch.Rows - start), batch.Step));
            embeddings[side] = torch.cat(parts, 0);
            foreach (var part in parts) part.Dispose();
        }

        var bias = Layout.Loss == ContrastiveLoss.Sigmoid ? Scalar(Layout.BiasOffset) : 0;
        torch.Tensor[] gradients;
        LossResult result;
        using (torch.no_grad())
        {
            (result, gradients) = _loss.Compute(
                embeddings[0].detach(), embeddings[1].detach(), Scalar(Layout.TemperatureOffset), bias, batch.Negatives);
            _gradients.narrow(0, Layout.TemperatureOffset, 1).add_((float)result.Temperature);
            if (Layout.Loss == ContrastiveLoss.Sigmoid) _gradients.narrow(0, Layout.BiasOffset, 1).add_((float)result.Bias);
        }

        // A loss that is no number ends the run, and what it would add to the gradients with it.
        if (!double.IsFinite(result.Loss)) return result.Loss;
        for (var side = 0; side < 2; side++)
        {
            if (Layout.Adapters[sides[side]].Shape.Kind == AdapterKind.Identity) continue;
            for (var start = 0; start < batch.Rows; start += whole ? batch.Rows : _microBatch)
            {
                using var pass = torch.NewDisposeScope();
                var rows = whole ? batch.Rows : Math.Min(_microBatch, batch.Rows - start);
                var embedded = whole ? embeddings[side] : Embed(list, sides[side], start, rows, batch.Step);

                // Its derivative with respect to the embeddings is the loss's.
                (embedded * gradients[side].narrow(0, start, rows)).sum().backward();
            }
        }

        return result.Loss;
    }

    /// <summary>Unit rows of a part of a batch, [rows × output].</summary>
    private torch.Tensor Embed(int list, int adapter, int start, int rows, long step)
    {
        BeforeForward?.Invoke(rows);
        using var scope = torch.NewDisposeScope();
        var (modality, shape, _) = Layout.Adapters[adapter];
        var p = _views[adapter];
        long[] width = [shape.Input];
        var x = _inputs[adapter].narrow(0, start, rows).to(_device);
        if (shape.Kind == AdapterKind.Mlp)
        {
            for (var block = 0; block < shape.Depth; block++)
            {
                var first = block * AdapterShape.PerBlock;
                var hidden = torch.nn.functional.layer_norm(x, width, p[first], p[first + 1], 1e-5);
                hidden = torch.nn.functional.gelu(Product(hidden, p[first + 2], p[first + 3]));
                if (_dropout.Applies) hidden = hidden * _dropout.Mask(
                    ((list * 4) + (int)modality) * AdapterShape.MaxDepth, block, step, start, rows, shape.Hidden);
                x = x + Product(hidden, p[first + 4], p[first + 5]);
            }

            x = Product(torch.nn.functional.layer_norm(x, width, p[^4], p[^3], 1e-5), p[^2], p[^1]);
        }

        return (x / x.norm(1, true, 2f).clamp_min(1e-12f)).MoveToOuterDisposeScope();
    }

    private torch.Tensor Product(torch.Tensor x, torch.Tensor weight, torch.Tensor bias)
    {
        if (_options.Precision != TorchPrecision.Bf16) return torch.nn.functional.linear(x, weight, bias);
        const torch.ScalarType Narrow = torch.ScalarType.BFloat16;
        return torch.nn.functional.linear(x.to(Narrow), weight.to(Narrow), null!).to(torch.ScalarType.Float32) + bias;
    }

    private void Reduce(int rows, ExternalException failure)
    {
        var now = Math.Min(_microBatch, (rows + MaskRows - 1) / MaskRows * MaskRows);
        if (now <= MaskRows)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The memory of {_options.Device} does not hold a step of {rows} pairs, not even {MaskRows} at a time: "
                    + $"{DeviceFailure.FirstLine(failure)}",
                "Lower 'batchSize', 'depth' or 'expansion' in the recipe, or free memory of the device.",
                failure);
        }

        _microBatch = now / 2 / MaskRows * MaskRows;
        _loss.Halve();
        _options.Reduced?.Invoke($"{_options.Device} ran out of memory with {now} rows at a time; going on with {_microBatch}.");
    }

    private T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ExternalException e) when (DeviceFailure.IsLoss(e))
        {
            var said = DeviceFailure.FirstLine(e);
            _options.DeviceLost?.Invoke(said);
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The device '{_options.Device}' has failed in training: {said}",
                "Start this node again, the run goes on from its last checkpoint; if it fails again, look at the GPU.",
                e);
        }
        catch (ExternalException e) when (DeviceFailure.IsOutOfMemory(e))
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"The memory of {_options.Device} does not hold the network: {DeviceFailure.FirstLine(e)}",
                "Lower 'depth', 'expansion' or 'sharedDimension' in the recipe, or free memory of the device.",
                e);
        }
    }
}
