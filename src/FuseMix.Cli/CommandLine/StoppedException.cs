namespace FuseMix.Cli.CommandLine;

/// <summary>The user stopped the command; what was finished is kept.</summary>
/// <param name="message">What was kept, in one sentence.</param>
/// <param name="resume">How to go on.</param>
internal sealed class StoppedException(string message, string resume) : Exception(message)
{
    public string Resume { get; } = resume;
}
