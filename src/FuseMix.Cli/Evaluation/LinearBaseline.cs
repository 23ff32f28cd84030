using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;

namespace FuseMix.Cli.Evaluation;

/// <summary>The linear yardstick beside a fusion model: CCA on the same encoders and the same training pairs.</summary>
internal static class LinearBaseline
{
    public const string Method = "linear CCA";

    /// <summary>Fits the yardstick, once for the same data and encoders.</summary>
    /// <param name="run">The run.</param>
    /// <param name="model">The model beside which it is shown.</param>
    /// <param name="dataset">The dataset whose training pairs it is fitted on.</param>
    /// <returns>Name of the linear model, which is measured like any other.</returns>
    /// <exception cref="FuseMixException">Unknown names, or latents are missing.</exception>
    public static async Task<string> Make(CliRun run, string model, string dataset)
    {
        using var progress = run.Terminal.Progress("Fitting linear CCA", new ProgressUnit("pairs"));
        progress.Report(new ProgressReading(0, 0) { Detail = "solving" });
        return await run.ClientToWork().FitBaseline(model, dataset, run.Stop);
    }
}
