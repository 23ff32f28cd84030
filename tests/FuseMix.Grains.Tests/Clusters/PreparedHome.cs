using FuseMix.Contracts;
using FuseMix.Contracts.Training;
using FuseMix.Data.Datasets;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

[assembly: AssemblyFixture(typeof(PreparedHome))]

namespace FuseMix.Grains.Tests.Clusters;

/// <summary>A home with stored latents and two trained models, made once by the grains themselves; tests take copies, or ask what runs on
/// one.</summary>
public sealed class PreparedHome : IAsyncLifetime
{
    public const string Model = "first-model";
    public const string OtherModel = "other-model";

    /// <summary>A dataset of which nothing is extracted, in <see cref="Asked"/>.</summary>
    public const string Untouched = "untouched";

    /// <summary>A dataset all of which is in the training split, in <see cref="Asked"/>.</summary>
    public const string TrainedOnly = "trained-only";

    private TestHome _home = null!;
    private TestHome _asked = null!;

    /// <summary>A cluster on a copy with two more datasets, for tests that only ask: what they ask for is refused or changes
    /// nothing.</summary>
    internal TestCluster Asked { get; private set; } = null!;

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

        _asked = Copy();
        _asked.SaveDataset(_asked.Items(), _asked.Pairs(), Untouched);
        _asked.SaveDataset([.. _asked.Items().Where(item => item.Split == Split.Train)], [.. _asked.Pairs().Take(16)], TrainedOnly);
        Asked = await TestCluster.StartAsync(_asked);
        foreach (var encoder in TestHome.Encoders.Values) await Asked.Extract(encoder, TrainedOnly);
    }

    public async ValueTask DisposeAsync()
    {
        await Asked.DisposeAsync();
        _asked.Dispose();
        _home.Dispose();
    }

    internal TestHome Copy() => TestHome.CopyOf(_home);
}
