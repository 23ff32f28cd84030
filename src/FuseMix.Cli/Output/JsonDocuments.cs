namespace FuseMix.Cli.Output;

/// <summary>What a failed command prints with <c>--json</c>.</summary>
internal sealed record ErrorDocument(ErrorBody Error);

/// <param name="Kind">invalid, notFound, conflict, corrupt, unavailable, stopped or internal.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Remedy">The way out; null where none can be advised.</param>
internal sealed record ErrorBody(string Kind, string Message, string? Remedy);
