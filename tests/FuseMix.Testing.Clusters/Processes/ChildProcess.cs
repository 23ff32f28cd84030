using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FuseMix.Testing.Clusters;

/// <summary>A program that a test runs, with what it prints. It is gone when the test is, however that ends.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Process _guard;
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Seen)> _waiting = [];

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        // Reads until this process ends, or says so.
        _guard = Process.Start(new ProcessStartInfo("sh", ["-c", $"read _; kill -9 {process.Id} 2>/dev/null"]) { RedirectStandardInput = true })!;
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The exit code, once there is one; 128 + the signal that ended it.</summary>
    public Task<int> Exited => Exit();

    /// <summary>Everything printed so far.</summary>
    public string Printed
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    public static ChildProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };

        // What the machine or the test run is set to is not what a test wants to say.
        foreach (var key in start.Environment.Keys.Where(key => key.StartsWith("FUSEMIX", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(key);
        foreach (var (key, value) in environment ?? new Dictionary<string, string>()) start.Environment[key] = value;
        return new ChildProcess(Process.Start(start)!);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, string Printed)> Run(string program, params string[] arguments)
    {
        await using var child = Start(program, arguments);
        var code = await child.Exited;
        return (code, child.Printed);
    }

    /// <summary>The first line, printed already or to come, that is wanted.</summary>
    public async Task<string> Line(Func<string, bool> wanted)
    {
        var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lines)
        {
            if (_lines.Find(line => wanted(line)) is { } line) return line;
            _waiting.Add((wanted, seen));
        }

        var first = await Task.WhenAny(seen.Task, _process.WaitForExitAsync(), Task.Delay(Patience.Long));
        return first == seen.Task ? await seen.Task : throw new InvalidOperationException(
            $"It never printed what was wanted, but:\n{Printed}");
    }

    public void Kill() => Signal(9);

    public void Terminate() => Signal(15);

    public void Interrupt() => Signal(2);

    public void Freeze() => Signal(19);

    public void Thaw() => Signal(18);

    public async ValueTask DisposeAsync()
    {
        _guard.StandardInput.Close();
        await _process.WaitForExitAsync();
        await _guard.WaitForExitAsync();
        _process.Dispose();
        _guard.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);

    private void Signal(int number)
    {
        if (SendSignal(_process.Id, number) != 0)
            throw new InvalidOperationException($"Signal {number} cannot be sent: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private async Task<int> Exit()
    {
        using var patience = new CancellationTokenSource(Patience.Long);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"It does not end. It printed:\n{Printed}");
        }

        return _process.ExitCode;
    }

    private void Add(string? line)
    {
        if (line is null) return;
        lock (_lines)
        {
            _lines.Add(line);
            foreach (var (_, seen) in _waiting.Where(waiting => waiting.Wanted(line))) seen.TrySetResult(line);
        }
    }
}
