using System.Diagnostics;
using System.Runtime.InteropServices;
using FuseMix.Cli.Output;
using FuseMix.Encoders.Sessions;
using FuseMix.Storage;

namespace FuseMix.Cli.Doctor;

/// <summary>Processor, memory, GPU and disk.</summary>
internal static class MachineChecks
{
    public const string Area = "Machine";

    private const long GigaByte = 1_000_000_000;

    /// <summary>The instruction sets that matter here, and how the kernel names them.</summary>
    private static readonly (string Name, string[] Flags)[] InstructionSets =
    [
        ("AVX2", ["avx2"]),
        ("AVX-512", ["avx512f"]),
        ("VNNI", ["avx512_vnni", "avx_vnni"]),
        ("BF16", ["avx512_bf16"]),
        ("AMX", ["amx_bf16"]),
    ];

    public static IEnumerable<Finding> Run(FuseMixHome home)
    {
        yield return new Finding(
            Area,
            "system",
            Verdict.Ok,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}");
        yield return Processor(ReadOrEmpty("/proc/cpuinfo"), System.Environment.ProcessorCount);
        yield return Memory(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        yield return Gpu(AskNvidia(), EncoderSession.IsCudaHere());
        yield return Disk(home);
    }

    public static Finding Processor(string cpuInfo, int cores)
    {
        var lines = cpuInfo.Split('\n');
        var model = Value(lines, "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();
        var flags = (Value(lines, "flags") ?? "").Split(' ').ToHashSet();
        var sets = InstructionSets.Where(s => s.Flags.Any(flags.Contains)).Select(s => s.Name).ToArray();
        var found =
            $"{Phrases.Count(cores, "core")}, {model}, {(sets.Length > 0 ? string.Join(", ", sets) : "no vector extensions known")}";
        return cpuInfo.Length == 0 || flags.Contains("avx2")
            ? new Finding(Area, "processor", Verdict.Ok, found)
            : new Finding(
                Area,
                "processor",
                Verdict.Warning,
                found,
                "Without AVX2 training and extraction are several times slower; another machine helps.");
    }

    public static Finding Memory(long bytes) => bytes switch
    {
        < GigaByte => new Finding(
            Area, "memory", Verdict.Problem, Phrases.Bytes(bytes), "The demo needs about 1.5 GB; give this machine or container more."),
        < 2 * GigaByte => new Finding(Area, "memory", Verdict.Warning, Phrases.Bytes(bytes), "Enough for the demo, not for much more."),
        _ => new Finding(Area, "memory", Verdict.Ok, Phrases.Bytes(bytes)),
    };

    /// <param name="answer">Lines of nvidia-smi; null where there is no such program or it failed.</param>
    /// <param name="usable">Whether encoders run on it.</param>
    public static Finding Gpu(string? answer, bool usable)
    {
        var gpus = (answer ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (gpus.Length == 0) return new Finding(Area, "GPU", Verdict.Ok, "none seen; everything runs on the processor");
        var found = string.Join("; ", gpus);
        return usable
            ? new Finding(Area, "GPU", Verdict.Ok, found)
            : new Finding(
                Area,
                "GPU",
                Verdict.Warning,
                $"{found}; encoders do not run on it",
                "'FUSEMIX_GPU=1 ./fusemix doctor' builds anew with ONNX Runtime's CUDA provider, which needs CUDA 13 and cuDNN 9 "
                    + "installed.");
    }

    private static Finding Disk(FuseMixHome home)
    {
        var folder = new DirectoryInfo(home.Root);
        while (folder is { Exists: false, Parent: not null }) folder = folder.Parent;
        return Disk(home.Root, new DriveInfo(folder.FullName).AvailableFreeSpace);
    }

    public static Finding Disk(string home, long free) => free switch
    {
        < GigaByte / 2 => new Finding(
            Area,
            "disk",
            Verdict.Problem,
            $"{Phrases.Bytes(free)} free at {home}",
            "The demo needs about 500 MB: free some space, or choose another folder with --home or FUSEMIX_HOME."),
        < 2 * GigaByte => new Finding(
            Area, "disk", Verdict.Warning, $"{Phrases.Bytes(free)} free at {home}", "Enough for the demo, not for larger datasets."),
        _ => new Finding(Area, "disk", Verdict.Ok, $"{Phrases.Bytes(free)} free at {home}"),
    };

    private static string? Value(string[] lines, string key) => lines
        .Where(l => l.StartsWith(key, StringComparison.Ordinal) && l.Contains(':', StringComparison.Ordinal))
        .Select(l => l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim())
        .FirstOrDefault();

    private static string ReadOrEmpty(string path) => File.Exists(path) ? File.ReadAllText(path) : "";

    private static string? AskNvidia()
    {
        var start = new ProcessStartInfo("nvidia-smi", ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var answer = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
            {
                process.Kill();
                return null;
            }

            return process.ExitCode == 0 ? answer.GetAwaiter().GetResult() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // No such program: no NVIDIA driver.
            return null;
        }
    }
}
