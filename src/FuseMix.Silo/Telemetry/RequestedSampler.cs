using OpenTelemetry.Trace;

namespace FuseMix.Silo.Telemetry;

/// <summary>Leaves out traces that begin with a grain's call of another: those are what grains do by themselves, such as renewing leases,
/// all the time. Everything else is recorded.</summary>
internal sealed class RequestedSampler : Sampler
{
    /// <summary>For a span without a parent; others follow theirs.</summary>
    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        new(IsGrainCall(samplingParameters.Name) ? SamplingDecision.Drop : SamplingDecision.RecordAndSample);

    /// <summary>Orleans names its spans by interface and method: <c>IJobListGrain/Wake</c>. No other span has a slash when it
    /// starts.</summary>
    private static bool IsGrainCall(string name) => name.Contains('/', StringComparison.Ordinal);
}
