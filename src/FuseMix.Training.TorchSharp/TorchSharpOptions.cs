namespace FuseMix.Training.TorchSharp;

/// <summary>How libtorch multiplies the matrices of the adapters; weights, moments and everything else are fp32.</summary>
public enum TorchPrecision
{
    /// <summary>In fp32.</summary>
    Fp32,

    /// <summary>In fp32, which a GPU with tensor cores may round to 10 bits of mantissa (TF32) before it multiplies; on a CPU the same as
    /// fp32.</summary>
    Tf32,

    /// <summary>In bf16, with sums in fp32.</summary>
    Bf16,
}

/// <summary>Which device trains, and how.</summary>
public sealed record TorchSharpOptions
{
    /// <summary>"cpu", "cuda" (the first one) or "cuda:N".</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>In what the adapters' products are computed where the recipe does not say it.</summary>
    public TorchPrecision Precision { get; init; } = TorchPrecision.Fp32;

    /// <summary>
    /// Rows of a batch whose activations are held at a time, 1 or more; rounded up to a multiple of 256. A larger batch passes the adapters
    /// twice, which gives the same gradients. Halved where the device runs out of memory.
    /// </summary>
    public int MicroBatch { get; init; } = 8192;

    /// <summary>Threads of the CPU; 0 for one per core.</summary>
    public int Threads { get; init; }

    /// <summary>Told once the device does nothing more in this process: what it or its driver said.</summary>
    public Action<string>? DeviceLost { get; init; }

    /// <summary>Told when a micro-batch did not fit and its half is tried: a sentence for a log.</summary>
    public Action<string>? Reduced { get; init; }
}
