using NetVips;

namespace FuseMix.Encoders.Images;

/// <summary>libvips, as NetVips and its native packages bring it, set up once for files that anybody may have sent.</summary>
internal static class Vips
{
    private const Enums.LogLevelFlags BelowError =
        Enums.LogLevelFlags.Critical | Enums.LogLevelFlags.Warning | Enums.LogLevelFlags.Message | Enums.LogLevelFlags.Info | Enums.LogLevelFlags.Debug;

    private static readonly Lazy<string?> Started = new(Start);

    /// <summary>Which libvips it is, e.g. "8.18.7".</summary>
    public static string Version
    {
        get
        {
            Require();
            return string.Join('.', Enumerable.Range(0, 3).Select(part => NetVips.NetVips.Version(part)));
        }
    }

    /// <summary>Starts libvips once; fails where it does not load.</summary>
    public static void Require()
    {
        if (Started.Value is not { } why) return;
        throw new FuseMixException(
            FailureKind.Unavailable,
            $"Images cannot be decoded: {why}.",
            "It comes with this program, for Linux with glibc on x64 and arm64: build the program again, or copy it again whole.",
            ModuleInitializer.Exception);
    }

    /// <summary>What libvips said of a failure. It has one place for that per process, so threads may read each other's.</summary>
    public static string Words(VipsException failure)
    {
        // The first line is NetVips' own and names the call.
        var lines = failure.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1).Distinct();
        var words = string.Join("; ", lines.Take(3));
        return words.Length == 0 ? "no reason given" : words;
    }

    private static string? Start()
    {
        if (!ModuleInitializer.VipsInitialized) return "the library libvips (libvips.so.42) does not load";
        if (!NetVips.NetVips.AtLeastLibvips(8, 13)) return "the libvips of this system, older than 8.13, was loaded in place of ours";
        // Warnings about odd metadata would otherwise go to stderr once per picture.
        Log.SetLogHandler("VIPS", BelowError, (_, _, _) => { });
        NetVips.NetVips.Concurrency = 1;
        Cache.Max = 0;
        Cache.MaxMem = 0;
        Cache.MaxFiles = 0;
        // Only the loaders that we sniff for may run, whatever a file says about itself.
        Operation.Block("VipsForeignLoad", true);
        foreach (var loader in new[] { "VipsForeignLoadPng", "VipsForeignLoadJpeg", "VipsForeignLoadWebp", "VipsForeignLoadNsgif" })
            Operation.Block(loader, false);
        return null;
    }
}
