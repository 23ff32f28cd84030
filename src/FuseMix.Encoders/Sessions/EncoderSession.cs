using System.Runtime.ExceptionServices;
using FuseMix.Encoders.Inputs;
using FuseMix.Encoders.Packs;
using Microsoft.ML.OnnxRuntime;

namespace FuseMix.Encoders.Sessions;

/// <summary>An encoder pack opened in ONNX Runtime.</summary>
/// <remarks>
/// On a CPU a call of an image model takes one picture: more gain nothing, and the threads decode and resize beside one another instead.
/// Texts are sorted by length and called in small groups padded to their own longest; a text's latent may therefore differ
/// in the last bits with the texts around it. On a GPU calls are larger. Thread-safe: callers share the threads.
/// </remarks>
public sealed class EncoderSession : IEncoder
{
    private const int TextsPerCall = 32;
    private const int ImagesPerCudaCall = 32;

    private readonly InferenceSession _model;
    private readonly RunOptions _runOptions = new();
    private readonly IPreprocessing _preprocessing;
    private readonly ModelOutput _output;
    private readonly string[] _inputNames;
    private readonly string[] _outputNames;
    private readonly SemaphoreSlim _gate;
    private readonly Action<string>? _deviceLost;
    private readonly TaskScheduler _scheduler;
    private readonly int _workers;
    private readonly int _itemsPerCall;
    private readonly int _fixedRows;
    private readonly int _fixedLength;
    private int _disposed;

    static EncoderSession() => OnnxRuntimeTelemetry.TurnOff();

    private EncoderSession(
        EncoderPack pack, InferenceSession model, IPreprocessing preprocessing, EncoderDevice device, int workers, EncoderSessionOptions options)
    {
        (Pack, _model, _preprocessing, Device, _workers) = (pack, model, preprocessing, device, workers);
        (_deviceLost, _scheduler) = (options.DeviceLost, options.Scheduler ?? TaskScheduler.Default);
        (_fixedRows, _fixedLength) = ModelSignature.Check(pack, model, preprocessing);
        _output = new ModelOutput(pack.Definition);
        _inputNames = [.. preprocessing.Tensors.Select(tensor => tensor.Name)];
        _outputNames = [pack.Definition.Latent.Tensor];
        _gate = new SemaphoreSlim(workers);
        _itemsPerCall = _fixedRows > 0 ? _fixedRows
            : pack.Definition.Text is not null ? TextsPerCall
            : device == EncoderDevice.Cuda ? ImagesPerCudaCall
            : 1;
    }

    /// <summary>The pack that was opened.</summary>
    public EncoderPack Pack { get; }

    /// <inheritdoc/>
    public string Name => Pack.Name;

    /// <inheritdoc/>
    public Modality Modality => Pack.Definition.Modality;

    /// <inheritdoc/>
    public int Dimension => Pack.Definition.Latent.Dimension;

    /// <inheritdoc/>
    public Fingerprint Fingerprint => Pack.Fingerprint;

    /// <summary>What the model runs on: the CPU or CUDA.</summary>
    public EncoderDevice Device { get; }

    internal (EncoderInput First, EncoderInput Second) Probes => _preprocessing.Probes;

    internal IReadOnlyList<string> Signature => ModelSignature.Describe(_model);

    /// <summary>Opens a pack's model and checks that its tensors are those that the pack names.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="options">How to open it; by default all cores, on a GPU where there is one.</param>
    /// <exception cref="FuseMixException">
    /// Corrupt: the model is no ONNX file, or its tensors are not as the pack says. Unavailable: CUDA was asked for and is not there, or ONNX
    /// Runtime itself does not load.
    /// </exception>
    public static EncoderSession Open(EncoderPack pack, EncoderSessionOptions? options = null)
    {
        options ??= new EncoderSessionOptions();
        var preprocessing = IPreprocessing.Open(pack, options.MaxPixels);
        var threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        var (model, device) = OpenModel(pack, options, threads);
        try
        {
            var workers = options.Aim == EncoderAim.Throughput ? threads : 1;
            return new EncoderSession(pack, model, preprocessing, device, workers, options);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public EncodedBatch EncodeBatch(IReadOnlyList<EncoderInput> items, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        var batch = new Batch(items.Count, Dimension);
        if (items.Count > 0)
        {
            Parallel(items.Count, i => Prepare(batch, items, i), cancellation);
            var order = Enumerable.Range(0, items.Count).Where(i => batch.Errors[i] is null).ToArray();
            Array.Sort(order, (a, b) => batch.Prepared[a].Length != batch.Prepared[b].Length
                ? batch.Prepared[a].Length.CompareTo(batch.Prepared[b].Length)
                : a.CompareTo(b));
            var perCall = Math.Clamp((order.Length + _workers - 1) / _workers, 1, _itemsPerCall);
            var calls = order.Chunk(perCall).ToArray();
            // The longest calls first, so that no thread is left alone with one at the end.
            Array.Reverse(calls);
            Parallel(calls.Length, i => Call(batch, calls[i], cancellation), cancellation);
        }

        return new EncodedBatch(batch.Latents, Dimension, batch.Errors);
    }

    /// <summary>Waits for calls in flight, then frees the model.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        for (var i = 0; i < _workers; i++) _gate.Wait();
        _model.Dispose();
        _runOptions.Dispose();
        _gate.Release(_workers);
    }

    private void Prepare(Batch batch, IReadOnlyList<EncoderInput> items, int item)
    {
        try
        {
            batch.Prepared[item] = _preprocessing.Prepare(items[item]);
        }
        catch (FuseMixException e) when (e.Kind != FailureKind.Unavailable)
        {
            batch.Errors[item] = e.Advice;
        }
    }

    private void Call(Batch batch, int[] items, CancellationToken cancellation)
    {
        _gate.Wait(cancellation);
        try
        {
            // A caller that came in before the session was disposed may get its turn only after.
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            CallModel(batch, items);
        }
        finally
        {
            _gate.Release();
        }
    }

    private void CallModel(Batch batch, int[] items)
    {
        var length = _fixedLength > 0 ? _fixedLength : items.Max(item => batch.Prepared[item].Length);
        var filled = new List<int>(items.Length);
        using var call = _preprocessing.Begin(_fixedRows > 0 ? _fixedRows : items.Length, length);
        foreach (var item in items)
        {
            try
            {
                call.Fill(filled.Count, batch.Prepared[item]);
                filled.Add(item);
            }
            catch (FuseMixException e) when (e.Kind != FailureKind.Unavailable)
            {
                batch.Errors[item] = e.Advice;
            }
        }

        if (filled.Count == 0) return;
        var inputs = call.ToTensors();
        try
        {
            using var outputs = _model.Run(_runOptions, _inputNames, inputs, _outputNames);
            _output.Read(outputs[0], filled, batch, length);
        }
        catch (OnnxRuntimeException e) when (Device == EncoderDevice.Cuda && CudaFailure.IsLoss(e.Message))
        {
            // No fault of the items: they must not be recorded as such, and all that follow would fail alike.
            _deviceLost?.Invoke(FirstLine(e));
            throw new FuseMixException(
                FailureKind.Unavailable, $"The GPU under the encoder '{Name}' has failed: {FirstLine(e)}", "Start this node again; if it fails again, look at the GPU.", e);
        }
        catch (OnnxRuntimeException e) when (items.Length == 1)
        {
            batch.Errors[items[0]] = $"The model of '{Name}' fails on it: {FirstLine(e)}";
        }
        catch (OnnxRuntimeException)
        {
            // One item may have spoilt it for all; alone, only that one fails.
            foreach (var item in filled) CallModel(batch, [item]);
        }
        finally
        {
            foreach (var input in inputs) input.Dispose();
        }
    }

    private void Parallel(int count, Action<int> work, CancellationToken cancellation)
    {
        if (_workers == 1 || count == 1)
        {
            for (var i = 0; i < count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                work(i);
            }

            return;
        }

        try
        {
            // One at a time from a shared counter: the ranges that Parallel.For hands out would leave a thread alone with several at the end.
            var next = -1;
            System.Threading.Tasks.Parallel.For(
                0,
                Math.Min(_workers, count),
                new ParallelOptions { MaxDegreeOfParallelism = _workers, CancellationToken = cancellation, TaskScheduler = _scheduler },
                (_, loop) =>
                {
                    for (int i; !loop.ShouldExitCurrentIteration && (i = Interlocked.Increment(ref next)) < count;)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        work(i);
                    }
                });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    /// <summary>Whether encoders can run on CUDA here: this build has the provider, and the libraries and a GPU that it needs are there.</summary>
    public static bool IsCudaHere()
    {
#if GPU
        try
        {
            using var settings = new SessionOptions();
            settings.AppendExecutionProvider_CUDA(0);
            return true;
        }
        catch (Exception e) when (e is OnnxRuntimeException or DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            return false;
        }
#else
        return false;
#endif
    }

    private static (InferenceSession Model, EncoderDevice Device) OpenModel(EncoderPack pack, EncoderSessionOptions options, int threads)
    {
        try
        {
            var cudaBuilt = options.Device != EncoderDevice.Cpu && OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider");
            if (options.Device == EncoderDevice.Cuda && !cudaBuilt) throw NoCuda("this build of ONNX Runtime has no CUDA provider");
            if (cudaBuilt)
            {
                try
                {
                    return (Open(cuda: true), EncoderDevice.Cuda);
                }
                catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException)
                {
                    if (options.Device == EncoderDevice.Cuda) throw NoCuda(FirstLine(e));
                }
            }

            return (Open(cuda: false), EncoderDevice.Cpu);
        }
        catch (OnnxRuntimeException e)
        {
            throw new FuseMixException(
                FailureKind.Corrupt,
                $"The model {pack.ModelPath} of the encoder '{pack.Name}' cannot be opened: {FirstLine(e)}",
                IsTooNew(e.Message)
                    ? "Export it again for an older version of ONNX: its opset or IR version is newer than this ONNX Runtime knows."
                    : "Check that it is a whole ONNX file, with its external data beside it.",
                e);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            throw new FuseMixException(
                FailureKind.Unavailable,
                $"ONNX Runtime does not load: {FirstLine(e.InnerException ?? e)}",
                "Build the project again; its native library belongs beside the program.",
                e);
        }

        InferenceSession Open(bool cuda)
        {
            using var settings = new SessionOptions
            {
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
                ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
                InterOpNumThreads = 1,
                IntraOpNumThreads = options.Aim == EncoderAim.Latency ? threads : 1,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
            };
            // Idle threads of one session would otherwise spin on the cores that another one needs.
            settings.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            if (cuda) settings.AppendExecutionProvider_CUDA(0);
            return new InferenceSession(pack.ModelPath, settings);
        }

        FuseMixException NoCuda(string why) => new(
            FailureKind.Unavailable,
            $"The encoder '{pack.Name}' cannot run on CUDA: {why}.",
            "Leave the device on auto or cpu, or install the GPU build of ONNX Runtime and the CUDA libraries it names.");
    }

    private static bool IsTooNew(string message) =>
        message.Contains("opset", StringComparison.OrdinalIgnoreCase) || message.Contains("IR version", StringComparison.OrdinalIgnoreCase);

    internal static string FirstLine(Exception e) => e.Message.Split('\n')[0].Trim();

    /// <summary>What is known so far about the items of one batch.</summary>
    internal sealed class Batch(int count, int dimension)
    {
        public PreparedItem[] Prepared { get; } = new PreparedItem[count];

        public string?[] Errors { get; } = new string?[count];

        public float[] Latents { get; } = new float[(long)count * dimension];

        public Span<float> Latent(int item) => Latents.AsSpan(item * dimension, dimension);
    }
}
