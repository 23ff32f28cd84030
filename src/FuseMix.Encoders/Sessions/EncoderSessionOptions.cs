using FuseMix.Encoders.Images;

namespace FuseMix.Encoders.Sessions;

/// <summary>What a model runs on.</summary>
public enum EncoderDevice
{
    /// <summary>A GPU where ONNX Runtime's CUDA provider and a GPU are there, else the CPU.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>The first CUDA GPU; an error where there is none.</summary>
    Cuda,
}

/// <summary>What the threads of a session are for.</summary>
public enum EncoderAim
{
    /// <summary>Most items per second: every thread encodes items of its own. For extraction.</summary>
    Throughput,

    /// <summary>Soonest answer to a small batch: all threads work on one call of the model. For queries.</summary>
    Latency,
}

/// <summary>How an encoder is opened.</summary>
public sealed record EncoderSessionOptions
{
    /// <summary>The most threads that the session keeps busy, however many callers it has; 0 means one per core.</summary>
    public int Threads { get; init; }

    /// <summary>What the model runs on.</summary>
    public EncoderDevice Device { get; init; } = EncoderDevice.Auto;

    /// <summary>What the threads are for.</summary>
    public EncoderAim Aim { get; init; } = EncoderAim.Throughput;

    /// <summary>Whose threads the session uses beside its caller's; null for those of the thread pool.</summary>
    public TaskScheduler? Scheduler { get; init; }

    /// <summary>Told why the device failed, after which nothing runs on it in this process.</summary>
    public Action<string>? DeviceLost { get; init; }

    /// <summary>The most width × height of a picture that is decoded.</summary>
    public long MaxPixels { get; init; } = ImageDecoder.DefaultMaxPixels;
}
