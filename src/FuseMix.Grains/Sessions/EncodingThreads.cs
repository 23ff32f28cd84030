using FuseMix.Grains.Cluster;

namespace FuseMix.Grains.Sessions;

/// <summary>The threads on which a node encodes datasets, as many as its options say: those of the thread pool must stay free for calls,
/// whatever
/// number of shards is under work.</summary>
internal sealed class EncodingThreads(NodeOptions options) : TaskScheduler, IDisposable
{
    [ThreadStatic]
    private static EncodingThreads? _owner;

    private readonly Queue<Task> _queue = [];
    private bool _started, _ended;

    /// <inheritdoc/>
    public override int MaximumConcurrencyLevel => options.Threads;

    /// <summary>Ends the threads once all is done that was asked for.</summary>
    public void Dispose()
    {
        lock (_queue)
        {
            _ended = true;
            Monitor.PulseAll(_queue);
        }
    }

    /// <inheritdoc/>
    protected override void QueueTask(Task task)
    {
        lock (_queue)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            _queue.Enqueue(task);
            Monitor.Pulse(_queue);
            if (_started) return;
            _started = true;
            for (var number = 1; number <= options.Threads; number++)
                new Thread(Work) { IsBackground = true, Name = $"encoding {number}" }.Start();
        }
    }

    /// <inheritdoc/>
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => _owner == this && TryExecuteTask(task);

    /// <inheritdoc/>
    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_queue) return [.. _queue];
    }

    private void Work()
    {
        _owner = this;
        while (Next() is { } task) TryExecuteTask(task);
    }

    private Task? Next()
    {
        lock (_queue)
        {
            while (_queue.Count == 0 && !_ended) Monitor.Wait(_queue);
            return _queue.TryDequeue(out var task) ? task : null;
        }
    }
}
