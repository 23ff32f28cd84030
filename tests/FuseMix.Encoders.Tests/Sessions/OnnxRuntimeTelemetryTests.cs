using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FuseMix.Encoders.Sessions;

namespace FuseMix.Encoders.Tests.Sessions;

public sealed partial class OnnxRuntimeTelemetryTests
{
    [Fact]
    public void The_native_library_of_whoever_opens_an_encoder_finds_it_turned_off()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The C library is another one.");
        RuntimeHelpers.RunClassConstructor(typeof(EncoderSession).TypeHandle);
        Assert.Equal("1", Marshal.PtrToStringUTF8(Variable(OnnxRuntimeTelemetry.Variable)));
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Variable(string name);
}
