using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace FuseMix.Training.TorchSharp.Tests;

/// <summary>Lets TorchSharp's native library load where libstdc++ is that of GCC 12, e.g. on Debian 12.</summary>
/// <remarks>
/// It names the version GLIBCXX_3.4.32 for the symbol ios_base_library_init alone, which every file that includes iostream names and
/// nothing calls. In the copy beside these tests the need for that version is marked weak, so that the loader does not insist.
/// </remarks>
internal static class OlderStandardLibrary
{
    private const uint VersionNeeds = 0x6ffffffe;
    private const string Version = "GLIBCXX_3.4.32";
    private const byte Weak = 2;

    [ModuleInitializer]
    internal static void Mend()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "runtimes/linux-x64/native/libLibTorchSharp.so");
        if (!File.Exists(path) || NativeLibrary.TryLoad(path, out _)) return;
        var file = File.ReadAllBytes(path);
        var sections = (int)Long(0x28);
        for (var section = 0; section < Short(0x3c); section++)
        {
            var header = sections + (64 * section);
            if (Int(header + 4) == VersionNeeds) Mark((int)Long(header + 24), (int)Long(sections + (64 * (int)Int(header + 40)) + 24));
        }

        // By way of a rename: whoever has the old file open keeps it.
        File.WriteAllBytes(path + ".new", file);
        File.Move(path + ".new", path, overwrite: true);

        void Mark(int need, int names)
        {
            for (int next = 1; next != 0; need += next)
            {
                var entry = need + (int)Int(need + 8);
                for (int i = 0; i < Short(need + 2); i++, entry += (int)Int(entry + 12))
                {
                    var name = file.AsSpan(names + (int)Int(entry + 8));
                    if (Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]) == Version) file[entry + 4] |= Weak;
                }

                next = (int)Int(need + 12);
            }
        }

        ushort Short(int at) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at));
        uint Int(int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));
        ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
    }
}
