using System.Runtime.InteropServices;

namespace FuseMix.Encoders.Sessions;

/// <summary>Keeps ONNX Runtime from reporting its use to its maker, which 1.31 does from Linux too unless it is told not to.</summary>
/// <remarks>It looks for <c>ORT_DISABLE_TELEMETRY</c> when it starts, by the C library, which .NET's own variables do not reach.</remarks>
public static partial class OnnxRuntimeTelemetry
{
    /// <summary>The variable that ONNX Runtime reads.</summary>
    public const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>Turns it off for this process. To be called before anything else of ONNX Runtime; again does no harm.</summary>
    public static void TurnOff()
    {
        if (OperatingSystem.IsWindows()) Environment.SetEnvironmentVariable(Variable, "1");
        else if (SetVariable(Variable, "1", overwrite: 1) != 0)
            throw new InvalidOperationException($"The variable {Variable} cannot be set.");
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
