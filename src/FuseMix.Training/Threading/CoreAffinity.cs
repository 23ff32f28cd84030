using System.Runtime.InteropServices;

namespace FuseMix.Training.Threading;

/// <summary>Which cores a thread may run on, where the operating system is Linux; elsewhere threads stay where they are put.</summary>
internal static unsafe partial class CoreAffinity
{
    /// <summary>Sixty-four cores each; more than any machine has.</summary>
    private const int Words = 64;

    /// <summary>The cores that the calling thread may run on, in order; empty where that is not known.</summary>
    public static int[] Allowed()
    {
        var mask = stackalloc ulong[Words];
        new Span<ulong>(mask, Words).Clear();
        if (!OperatingSystem.IsLinux() || GetAffinity(0, Words * sizeof(ulong), mask) < 0) return [];
        var cores = new List<int>();
        for (var core = 0; core < Words * 64; core++)
        {
            if ((mask[core / 64] & (1UL << (core % 64))) != 0) cores.Add(core);
        }

        return [.. cores];
    }

    /// <summary>Keeps the calling thread on one core.</summary>
    /// <returns>Whether it is; a sandbox may forbid it.</returns>
    public static bool Pin(int core)
    {
        var mask = stackalloc ulong[Words];
        new Span<ulong>(mask, Words).Clear();
        mask[core / 64] = 1UL << (core % 64);
        return OperatingSystem.IsLinux() && SetAffinity(0, Words * sizeof(ulong), mask) == 0;
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int thread, nint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nint bytes, ulong* mask);
}
