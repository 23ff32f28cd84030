using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace FuseMix.Cli.Benchmarks;

/// <summary>The PyTorch trainer of benchmarks/peers in a process of its own, told what to do over its standard input.</summary>
internal sealed class TorchPeer : IDisposable
{
    private const string Resource = "fusemix_torch.py";

    private readonly Process _process;
    private readonly string _folder;

    private TorchPeer(Process process, string folder, JsonNode hello) =>
        (_process, _folder, Version, HasFastBlas) =
            (process, folder, hello["torch"]!.GetValue<string>(), hello["fastBlas"]!.GetValue<bool>());

    /// <summary>PyTorch's version.</summary>
    public string Version { get; }

    /// <summary>Whether its fp32 products are those of OpenBLAS, MKL or BLIS rather than of the reference BLAS.</summary>
    public bool HasFastBlas { get; }

    /// <summary>Starts it; null, with the reason, where that is not possible.</summary>
    /// <param name="python">The interpreter that has PyTorch.</param>
    /// <param name="folder">An empty folder for what the two exchange.</param>
    /// <param name="threads">Threads that PyTorch may use.</param>
    public static (TorchPeer? Peer, string? Missing) Start(string python, string folder, int threads)
    {
        using var source = typeof(TorchPeer).Assembly.GetManifestResourceStream(Resource);
        if (source is null) return (null, "this build came without the peer's script");
        var script = Path.Combine(folder, Resource);
        using (var file = File.Create(script)) source.CopyTo(file);
        var start = new ProcessStartInfo(python)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])[script, "bench", folder, threads.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);

        // Debian's OpenBLAS takes new processors for old ones; without this the peer would run at a third of its speed.
        start.Environment["OPENBLAS_CORETYPE"] = "SkylakeX";
        try
        {
            var process = Process.Start(start)!;
            string? last = null;
            process.ErrorDataReceived += (_, line) => last = string.IsNullOrWhiteSpace(line.Data) ? last : line.Data;
            process.BeginErrorReadLine();
            if (process.StandardOutput.ReadLine() is { } answer)
                return (new TorchPeer(process, folder, JsonNode.Parse(answer)!), null);
            process.WaitForExit();
            process.Dispose();
            return (null, $"{python} has no PyTorch ({last ?? "it ended without a word"})");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, $"there is no {python}");
        }
    }

    /// <summary>Makes the model of a workload.</summary>
    public void Open(StepWorkload workload)
    {
        workload.Write(_folder);
        Ask("open", new JsonObject
        {
            ["left"] = workload.Left,
            ["right"] = workload.Right,
            ["depth"] = workload.Depth,
            ["shared"] = StepWorkload.Shared,
            ["batch"] = workload.Batch,
        });
    }

    /// <summary>Goes back to the initial weights and the first batch.</summary>
    public void Reset() => Ask("reset", []);

    /// <summary>Does steps; their seconds, and the loss of each.</summary>
    public (double Seconds, double[] Losses) Run(int steps, string precision, double dropout, bool cheap)
    {
        var answer = Ask("run", new JsonObject { ["steps"] = steps, ["precision"] = precision, ["dropout"] = dropout, ["cheap"] = cheap });
        return (answer["seconds"]!.GetValue<double>(), [.. answer["losses"]!.AsArray().Select(l => l!.GetValue<double>())]);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000)) _process.Kill();
        _process.Dispose();
    }

    private JsonNode Ask(string what, JsonObject given)
    {
        _process.StandardInput.WriteLine(new JsonObject { [what] = given }.ToJsonString());
        _process.StandardInput.Flush();
        var answer = _process.StandardOutput.ReadLine() ?? throw new FuseMixException(
            FailureKind.Unavailable, "The PyTorch peer ended early.");
        return JsonNode.Parse(answer)!;
    }
}
