using System.Runtime.InteropServices;

namespace FuseMix.Training.TorchSharp;

/// <summary>Tells what libtorch's exceptions mean: it has but one type for all of them.</summary>
internal static class DeviceFailure
{
    private static readonly string[] Losses = ["CUDA error", "CUDA driver error", "cuDNN error", "CUBLAS_STATUS", "device-side assert"];

    /// <summary>Whether memory of the device ran out, which a smaller micro-batch may help.</summary>
    public static bool IsOutOfMemory(Exception exception) =>
        exception is ExternalException
        && (Says(exception, "out of memory") || Says(exception, "CUBLAS_STATUS_ALLOC_FAILED") || Says(exception, "can't allocate memory"));

    /// <summary>Whether the device does nothing more in this process.</summary>
    public static bool IsLoss(Exception exception) =>
        exception is ExternalException && !IsOutOfMemory(exception) && Array.Exists(Losses, words => Says(exception, words));

    /// <summary>What it says, without the stack of native frames that follows.</summary>
    public static string FirstLine(Exception exception) => exception.Message.Split('\n', 2)[0].Trim();

    private static bool Says(Exception exception, string words) => exception.Message.Contains(words, StringComparison.OrdinalIgnoreCase);
}
