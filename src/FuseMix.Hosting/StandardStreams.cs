using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace FuseMix.Hosting;

/// <summary>Standard output and standard error of a program, either of which may be closed, or a file on a disk that is full.</summary>
public static class StandardStreams
{
    /// <summary>Standard output: a result that cannot be written there is a failure that names it.</summary>
    /// <param name="output">Where it goes.</param>
    public static TextWriter Results(TextWriter output) => new Guarded(output, error => throw new FuseMixException(
        FailureKind.Unavailable,
        $"The result cannot be written to standard output: {error.GetBaseException().Message}",
        "Give it somewhere to go, then run the same command again.",
        error));

    /// <summary>Standard error: what cannot be said there ends no work, and there is nobody left to tell.</summary>
    /// <param name="error">Where it goes.</param>
    public static TextWriter Remarks(TextWriter error) => new Guarded(error, static _ => { });

    private sealed class Guarded(TextWriter inner, Action<Exception> failed) : TextWriter
    {
        public override Encoding Encoding => inner.Encoding;

        [AllowNull]
        public override string NewLine
        {
            get => inner.NewLine;
            set => inner.NewLine = value;
        }

        public override void Write(char value) => Try(() => inner.Write(value));

        public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

        public override void Write(string? value) => Try(() => inner.Write(value));

        public override void WriteLine() => Try(inner.WriteLine);

        public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

        public override void Flush() => Try(inner.Flush);

        private void Try(Action write)
        {
            try
            {
                write();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                // A descriptor that is closed is refused as if it were a path.
                failed(error);
            }
        }
    }
}
