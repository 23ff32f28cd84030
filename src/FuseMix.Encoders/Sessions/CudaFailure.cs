using System.Text.RegularExpressions;

namespace FuseMix.Encoders.Sessions;

/// <summary>Tells failures after which CUDA does nothing more in this process from those of one call.</summary>
internal static partial class CudaFailure
{
    /// <summary>Whether ONNX Runtime's message tells of such a failure. CUDA's code 2 is memory that ran out, which the next call may
    /// have.</summary>
    public static bool IsLoss(string message) =>
        Failure().Match(message) is { Success: true } failure
            && !(failure.Groups["library"].Value == "CUDA" && failure.Groups["code"].Value == "2");

    [GeneratedRegex(@"\b(?<library>CUDA|CUDNN|CUBLAS) failure (?<code>\d+)\b")]
    private static partial Regex Failure();
}
