namespace Orleans.Runtime;

/// <summary>Runs everything of one activation, one turn at a time; what a turn awaits goes on as a later turn.</summary>
internal sealed class ActivationScheduler(Activation activation) : TaskScheduler
{
    /// <summary>Turns that may run before other activations get the thread.</summary>
    private const int TurnsInARow = 64;

    private readonly Queue<Task> _turns = [];
    private bool _isQueued;
    private bool _isDead;

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Runs it as a turn; nothing of the caller's flow of execution comes along, as it would not from another machine.</summary>
    public void Post(Action turn)
    {
        using (SuppressFlow()) _ = Task.Factory.StartNew(turn, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this);
    }

    /// <inheritdoc cref="Post(Action)" />
    public Task Post(Func<Task> work)
    {
        using (SuppressFlow())
            return Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, this).Unwrap();
    }

    /// <summary>The node died: no turn runs any more, not even one that is half done.</summary>
    public void Kill()
    {
        lock (_turns)
        {
            _isDead = true;
            _turns.Clear();
        }
    }

    protected override void QueueTask(Task task)
    {
        lock (_turns)
        {
            if (_isDead) return;
            _turns.Enqueue(task);
            if (_isQueued) return;
            _isQueued = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static scheduler => scheduler.Run(), this, preferLocal: false);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) =>
        !taskWasPreviouslyQueued && ReferenceEquals(RuntimeContext.Activation, activation) && TryExecuteTask(task);

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_turns) return [.. _turns];
    }

    private static AsyncFlowControl? SuppressFlow() => ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();

    private void Run()
    {
        RuntimeContext.Activation = activation;
        try
        {
            for (var n = 0; n < TurnsInARow; n++)
            {
                Task? turn;
                lock (_turns)
                {
                    if (!_turns.TryDequeue(out turn))
                    {
                        _isQueued = false;
                        return;
                    }
                }

                TryExecuteTask(turn);
            }
        }
        finally
        {
            RuntimeContext.Activation = null;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static scheduler => scheduler.Run(), this, preferLocal: false);
    }
}
