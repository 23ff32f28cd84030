using System.Diagnostics;
using FuseMix.Silo.Telemetry;
using OpenTelemetry.Trace;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed class RequestedSamplerTests
{
    [Theory]
    [InlineData("IJobListGrain/Wake", ActivityKind.Client, SamplingDecision.Drop)]
    [InlineData("IExtractionJobGrain/Renew", ActivityKind.Server, SamplingDecision.Drop)]
    [InlineData("Microsoft.AspNetCore.Hosting.HttpRequestIn", ActivityKind.Server, SamplingDecision.RecordAndSample)]
    [InlineData("extract shard", ActivityKind.Internal, SamplingDecision.RecordAndSample)]
    public void A_trace_begins_with_a_request_or_with_work_of_ours(string name, ActivityKind kind, SamplingDecision expected)
    {
        var parameters = new SamplingParameters(default, ActivityTraceId.CreateRandom(), name, kind);
        Assert.Equal(expected, new RequestedSampler().ShouldSample(in parameters).Decision);
    }
}
