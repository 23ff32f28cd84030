using System.ComponentModel.DataAnnotations;

namespace FuseMix.Hosting.Configuration;

/// <summary>How a node leaves when it is told to (SIGTERM, Ctrl-C).</summary>
public sealed class ShutdownOptions
{
    /// <summary>How long a node that says it is not ready goes on serving, for load balancers to notice.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan Drain { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long leaving may take in all, <see cref="Drain"/> included: requests end, training writes a checkpoint, shards
    /// move.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(1);

    internal void Validate(ConfigurationProblems problems)
    {
        if (Drain >= Timeout)
            problems.Add("FuseMix:Shutdown:Drain", $"is {Drain}; it must be less than FuseMix:Shutdown:Timeout, {Timeout}");
    }
}
