using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

[assembly: AssemblyFixture(typeof(PreparedHome))]

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>A home with stored latents and two trained models, made once by the grains themselves; tests take copies.</summary>
public sealed class PreparedHome : IAsyncLifetime
{
    public const string Model = "first-model";
    public const string OtherModel = "other-model";

    private TestHome _home = null!;

    internal static TrainingRequest Request(string jobId, string model = Model, ulong seed = 1, int steps = 40, string recipe = "") =>
        TestHome.Training(jobId, model, seed, steps, recipe);

    public async ValueTask InitializeAsync()
    {
        _home = TestHome.Create();
        await using var cluster = await TestCluster.StartAsync(_home);
        foreach (var encoder in (string[])[TestHome.ImageEncoder, TestHome.TextEncoder])
        {
            var status = await cluster.Extract(encoder);
            if (status.State != JobState.Completed) throw new InvalidOperationException($"The latents could not be prepared: {status}");
        }

        foreach (var (model, seed) in ((string, ulong)[])[(Model, 1), (OtherModel, 2)])
        {
            var status = await cluster.Train(Request($"make-{model}", model, seed));
            if (status.State != JobState.Completed) throw new InvalidOperationException($"The models could not be prepared: {status}");
        }
    }

    public ValueTask DisposeAsync()
    {
        _home.Dispose();
        return ValueTask.CompletedTask;
    }

    internal TestHome Copy() => TestHome.CopyOf(_home);
}
