using Microsoft.Extensions.Logging;

namespace FuseMix.Testing.Clusters;

/// <summary>The log lines of all nodes, for tests that wait for something that only the log tells.</summary>
internal sealed class LogBook : ILoggerProvider
{
    private readonly Lock _gate = new();
    private readonly List<(int Id, string Text)> _lines = [];
    private readonly List<(int Id, TaskCompletionSource<string> Seen)> _waiting = [];

    /// <summary>The first line with this event id, now or later.</summary>
    public Task<string> WaitFor(int eventId)
    {
        lock (_gate)
        {
            if (_lines.Find(line => line.Id == eventId) is { Text: { } text }) return Task.FromResult(text);
            var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((eventId, seen));
            return seen.Task.WaitAsync(Patience.Long);
        }
    }

    public string[] Lines(int eventId)
    {
        lock (_gate) return [.. _lines.Where(line => line.Id == eventId).Select(line => line.Text)];
    }

    public ILogger CreateLogger(string categoryName) => new Writer(this);

    public void Dispose()
    {
        // The book outlives the nodes that write into it.
    }

    private void Add(int id, string text)
    {
        lock (_gate)
        {
            _lines.Add((id, text));
            foreach (var waiting in _waiting.Where(w => w.Id == id)) waiting.Seen.TrySetResult(text);
        }
    }

    private sealed class Writer(LogBook book) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            book.Add(eventId.Id, formatter(state, exception));
    }
}
