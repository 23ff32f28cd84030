namespace FuseMix.Hosting.Configuration;

/// <summary>All that is wrong with a configuration, so that it can be mended at once.</summary>
public sealed class ConfigurationProblems
{
    private readonly List<string> _problems = [];

    /// <summary>Notes a problem.</summary>
    /// <param name="key">The full key, e.g. "FuseMix:Http:Port".</param>
    /// <param name="problem">What is wrong and what is allowed, e.g. "is 70000; it must be 0 to 65,535".</param>
    public void Add(string key, string problem) => _problems.Add($"{key} {problem}{(problem[^1] is '?' ? "" : ".")}");

    /// <exception cref="FuseMixException">There was a problem; the message has each on a line of its own.</exception>
    public void ThrowIfAny()
    {
        if (_problems.Count == 0) return;
        var what = _problems.Count == 1 ? _problems[0] : $"{_problems.Count} things are wrong:\n  {string.Join("\n  ", _problems)}";
        throw new FuseMixException(FailureKind.Invalid, $"The configuration cannot be used. {what}");
    }
}
