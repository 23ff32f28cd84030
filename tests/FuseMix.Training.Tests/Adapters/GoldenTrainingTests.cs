using FuseMix.Testing.Training;
using FuseMix.Training.Adapters;
using FuseMix.Training.Matrices;
using FuseMix.Training.Threading;

namespace FuseMix.Training.Tests.Adapters;

public sealed unsafe class GoldenTrainingTests
{
    public static TheoryData<string> Kernels()
    {
        var data = new TheoryData<string> { "wide", "narrow" };
        if (OneDnnMatrixMultiply.TryLoad() is not null) data.Add("oneDNN");
        return data;
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Gradients_losses_and_final_weights_are_those_of_the_reference(string kernel)
    {
        using var team = new ThreadTeam(2);
        GoldenSteps.Hold(
            layout => new FusionNetwork(layout, new TemperatureRange(0.07, 0.001, 0.5), 0, 1, team, Kernel(kernel)),
            network => network.Gradients.Span.ToArray(),
            (network, modality) =>
            {
                var adapter = network.Layout.Adapters[network.Layout.IndexOf(modality)];
                return new Span<float>(network.Embeddings(modality), network.Layout.Capacity(modality) * adapter.Shape.Output).ToArray();
            });
    }

    internal static IMatrixMultiply Kernel(string name) => name switch
    {
        "wide" => new PackedMatrixMultiply(wide: true),
        "narrow" => new PackedMatrixMultiply(wide: false),
        _ => OneDnnMatrixMultiply.TryLoad()!,
    };
}
