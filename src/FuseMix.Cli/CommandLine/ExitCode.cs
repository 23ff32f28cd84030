namespace FuseMix.Cli.CommandLine;

/// <summary>What the process answers to the shell.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    public const int Failure = 1;

    /// <summary>The request is wrong, as it would be again: the command line, or what it names.</summary>
    public const int Usage = 2;

    /// <summary>128 + SIGINT, as shells expect.</summary>
    public const int Stopped = 130;
}
