using System.Text.Json;
using FuseMix.Cli.Output;

namespace FuseMix.Cli.CommandLine;

/// <summary>Says why a command failed: one red sentence and the way out; with <c>--json</c> also as a document on standard output.</summary>
internal static class FailureReport
{
    /// <returns>The exit code of a command that ended so.</returns>
    public static int Write(Terminal terminal, CliEnvironment environment, Exception error, CancellationToken stop = default)
    {
        error = Unwrap(error);
        if (error is IOException or UnauthorizedAccessException)
            error = new FuseMixException(FailureKind.Unavailable, error.Message, "Check the path, its permissions and the free space, then run the same command again.", error);
        if (error is StoppedException || (error is OperationCanceledException && stop.IsCancellationRequested))
        {
            var (said, resume) = error is StoppedException stopped
                ? (stopped.Message, stopped.Resume)
                : ("Stopped.", "The same command goes on where it stopped.");
            environment.Error.WriteLine($"{terminal.Error.Yellow(said)} {resume}");
            Document(new ErrorDocument(new ErrorBody("stopped", said, resume)));
            return ExitCode.Stopped;
        }

        var (kind, message, remedy) = Describe(error, terminal.Verbose);
        environment.Error.WriteLine(remedy is null ? terminal.Error.Red(message) : $"{terminal.Error.Red(message)} {remedy}");
        if (terminal.Verbose) environment.Error.WriteLine(terminal.Error.Dim(error.ToString()));
        Document(new ErrorDocument(new ErrorBody(kind, message, remedy)));
        return error is FuseMixException { Kind: FailureKind.Invalid } ? ExitCode.Usage : ExitCode.Failure;

        void Document(ErrorDocument document)
        {
            try
            {
                if (terminal.Json) environment.Out.WriteLine(JsonSerializer.Serialize(document, CliJson.Relaxed.ErrorDocument));
            }
            catch (FuseMixException)
            {
                // Standard error and the exit code have told the failure already; that this is not told twice is none of its own.
            }
        }
    }

    private static (string Kind, string Message, string? Remedy) Describe(Exception error, bool verbose) => error switch
    {
        FuseMixException known => (JsonNamingPolicy.CamelCase.ConvertName(known.Kind.ToString()), known.Message, known.Remedy),
        TimeoutException => ("unavailable", "The cluster did not answer in time.", "What it was doing may still finish; './fusemix status' tells. The same command is safe to repeat."),
        _ => ("internal", $"This should not have happened: {FirstLine(error.Message)}", verbose ? null : "Run the command again with --verbose to see where, and please report it."),
    };

    /// <summary>What people can act on is often wrapped by whoever called it.</summary>
    private static Exception Unwrap(Exception error)
    {
        for (Exception? e = error; e is not null; e = e.InnerException)
        {
            if (e is FuseMixException or StoppedException) return e;
        }

        return error is AggregateException { InnerExceptions: [var only] } ? Unwrap(only) : error;
    }

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd();
}
