using Orleans;

namespace FuseMix.Contracts;

/// <summary>Where a job stands.</summary>
[GenerateSerializer, Alias("fusemix.JobState")]
public enum JobState
{
    /// <summary>Never started.</summary>
    Unknown,

    /// <summary>Accepted and waiting for its turn.</summary>
    Queued,

    /// <summary>Being worked on.</summary>
    Running,

    /// <summary>Done; asking for it again does nothing.</summary>
    Completed,

    /// <summary>Stopped on request; asking for it again goes on where it stopped.</summary>
    Cancelled,

    /// <summary>Stopped by a failure that <c>Error</c> names; asking for it again goes on from the last checkpoint.</summary>
    Failed,
}

/// <summary>What can be asked of any <see cref="JobState"/>.</summary>
public static class JobStates
{
    /// <summary>Whether nothing more will happen unless somebody asks.</summary>
    public static bool IsOver(this JobState state) => state is JobState.Completed or JobState.Cancelled or JobState.Failed;
}
