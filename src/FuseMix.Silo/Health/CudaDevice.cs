using System.Runtime.InteropServices;

namespace FuseMix.Silo.Health;

/// <summary>Asks the GPU through NVIDIA's management library, which comes with the driver and knows when a device has fallen off the
/// bus.</summary>
internal static partial class CudaDevice
{
    private const string Library = "libnvidia-ml.so.1";

    /// <summary>Asks the first device.</summary>
    /// <exception cref="InvalidOperationException">There is none, or it does not answer.</exception>
    public static void Ask()
    {
        try
        {
            Require(Initialise(), "NVIDIA's driver does not start");
            try
            {
                Require(HandleByIndex(0, out var device), "there is no device");
                Require(MemoryInfo(device, out _), "the device does not answer");
            }
            finally
            {
                _ = Shutdown();
            }
        }
        catch (Exception missing) when (missing is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new InvalidOperationException("NVIDIA's driver is not installed here, or too old.", missing);
        }
    }

    private static void Require(int result, string trouble)
    {
        if (result != 0) throw new InvalidOperationException($"{trouble} (NVML: {Marshal.PtrToStringUTF8(ErrorString(result))}).");
    }

    [LibraryImport(Library, EntryPoint = "nvmlInit_v2")]
    private static partial int Initialise();

    [LibraryImport(Library, EntryPoint = "nvmlShutdown")]
    private static partial int Shutdown();

    [LibraryImport(Library, EntryPoint = "nvmlDeviceGetHandleByIndex_v2")]
    private static partial int HandleByIndex(uint index, out nint device);

    [LibraryImport(Library, EntryPoint = "nvmlDeviceGetMemoryInfo")]
    private static partial int MemoryInfo(nint device, out Memory memory);

    [LibraryImport(Library, EntryPoint = "nvmlErrorString")]
    private static partial nint ErrorString(int result);

    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total;
        public ulong Free;
        public ulong Used;
    }
}
