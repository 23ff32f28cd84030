using System.Runtime.InteropServices;

namespace FuseMix.Cli.CommandLine;

/// <summary>Ctrl-C and SIGTERM: the first asks the command to stop cleanly, the second ends the process at once.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly TextWriter _error;
    private readonly Action<int> _exit;
    private int _count;

    public Interrupts(TextWriter error, Action<int> exit)
    {
        (_error, _exit) = (error, exit);
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Interrupt();
            }));
        }
    }

    public CancellationToken Token => _stop.Token;

    /// <summary>What a signal does.</summary>
    public void Interrupt()
    {
        if (Interlocked.Increment(ref _count) > 1)
        {
            _exit(ExitCode.Stopped);
            return;
        }

        _error.WriteLine();
        _error.WriteLine("Stopping; what is finished is kept. Ctrl-C once more ends it at once.");
        // Cancelling runs callbacks, which must not hold up the thread that delivers the next signal.
        _ = _stop.CancelAsync();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }
}
