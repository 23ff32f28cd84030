using FuseMix.Cli.Output;

namespace FuseMix.Cli.Doctor;

/// <summary>How bad a finding is.</summary>
internal enum Verdict
{
    Ok,

    /// <summary>It works, but not as well as it could.</summary>
    Warning,

    /// <summary>Something will fail.</summary>
    Problem,
}

/// <summary>One line of the doctor.</summary>
/// <param name="Area">The heading under which it stands.</param>
/// <param name="Name">What was looked at.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Found">What was found.</param>
/// <param name="Remedy">What to do about it; null where nothing needs doing.</param>
internal sealed record Finding(string Area, string Name, Verdict Verdict, string Found, string? Remedy = null)
{
    /// <summary>The first of several troubles, and how many others there are.</summary>
    public static string First(IReadOnlyList<FuseMixException> troubles) =>
        troubles.Count == 1 ? troubles[0].Message : $"{troubles[0].Message} And {Phrases.Count(troubles.Count - 1, "more trouble")}.";
}

/// <summary>All that the doctor found.</summary>
/// <param name="Healthy">Whether there is no problem; warnings are fine.</param>
/// <param name="Findings">In the order in which they are shown.</param>
internal sealed record DoctorReport(bool Healthy, Finding[] Findings);
