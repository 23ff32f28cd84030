using System.Runtime.ExceptionServices;

namespace FuseMix.Training.Threading;

/// <summary>A fixed set of threads that run the parts of one short loop after another, many thousand times a second.</summary>
/// <remarks>
/// The thread pool would cost more than the work: a training step has some sixty loops of 20 to 2,000 µs. Parts are claimed, not
/// assigned, and a worker that the operating system has put aside is not waited for unless it holds a part: on a machine
/// shared with others, the step takes as long as the work, not as long as the unluckiest thread. Where there is a core for each thread,
/// each worker stays on one (Linux), the first being left to the caller. One caller at a time.
/// </remarks>
internal sealed class ThreadTeam : IDisposable
{
    private const long Open = 1L << 31;
    private const int SpinsBeforeSleep = 4000;

    private readonly Thread[] _workers;
    private readonly object _gate = new();
    private Action<int> _body = static _ => { };
    private int _count;
    private int _next;
    private int _sleeping;
    private long _state;
    private volatile bool _stopping;
    private ExceptionDispatchInfo? _failure;

    public ThreadTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _workers = new Thread[threads - 1];
        var cores = threads > 1 ? CoreAffinity.Allowed() : [];
        for (var i = 0; i < _workers.Length; i++)
        {
            int? core = threads <= cores.Length ? cores[i + 1] : null;
            _workers[i] = new Thread(() =>
            {
                if (core is { } own) CoreAffinity.Pin(own);
                Serve();
            })
            {
                IsBackground = true,
                Name = $"training {i + 1}",
            };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that share the work, the caller's among them.</summary>
    public int Threads { get; }

    /// <summary>Workers that have given up spinning and wait to be woken.</summary>
    internal int Sleeping => Volatile.Read(ref _sleeping);

    /// <summary>Runs <paramref name="body"/> for 0..count-1 in any order and on any thread, and returns when all are done.</summary>
    /// <exception cref="Exception">The first failure of a part; parts not yet begun are then left out.</exception>
    public void For(int count, Action<int> body)
    {
        if (count <= 1 || _workers.Length == 0)
        {
            for (var i = 0; i < count; i++) body(i);
            return;
        }

        _body = body;
        _count = count;
        _next = 0;
        _failure = null;

        // High half: number of the loop; bit 31: it may be joined; low bits: workers inside.
        var generation = (_state >> 32) + 1;
        Interlocked.Exchange(ref _state, (generation << 32) | Open);
        if (Volatile.Read(ref _sleeping) > 0)
        {
            lock (_gate) Monitor.PulseAll(_gate);
        }

        Claim();
        Interlocked.Add(ref _state, -Open);
        var spin = new SpinWait();
        while ((Volatile.Read(ref _state) & (Open - 1)) != 0) spin.SpinOnce(sleep1Threshold: -1);
        _failure?.Throw();
    }

    public void Dispose()
    {
        _stopping = true;
        lock (_gate) Monitor.PulseAll(_gate);
        foreach (var worker in _workers) worker.Join();
    }

    private void Claim()
    {
        try
        {
            int part;
            while ((part = Interlocked.Increment(ref _next) - 1) < _count) _body(part);
        }
        catch (Exception failure)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            Volatile.Write(ref _next, _count);
        }
    }

    private void Serve()
    {
        long served = 0;
        var spins = 0;
        while (!_stopping)
        {
            var state = Volatile.Read(ref _state);
            if (IsNew(state, served))
            {
                if (Interlocked.CompareExchange(ref _state, state + 1, state) == state)
                {
                    served = state >> 32;
                    Claim();
                    Interlocked.Decrement(ref _state);
                    spins = 0;
                }

                continue;
            }

            if (++spins < SpinsBeforeSleep)
            {
                Thread.SpinWait(8);
                continue;
            }

            lock (_gate)
            {
                Interlocked.Increment(ref _sleeping);
                while (!_stopping && !IsNew(Interlocked.Read(ref _state), served)) Monitor.Wait(_gate);
                Interlocked.Decrement(ref _sleeping);
            }

            spins = 0;
        }
    }

    private static bool IsNew(long state, long served) => (state & Open) != 0 && state >> 32 != served;
}
