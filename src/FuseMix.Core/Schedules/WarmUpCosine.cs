namespace FuseMix.Core.Schedules;

/// <summary>The learning rate of the paper's recipe (supplement B): linear warm-up over the first epoch, then a cosine.</summary>
/// <remarks>As in the authors' code, the warm-up moves with each step and the cosine with each epoch, down to the warm-up's
/// start.</remarks>
/// <param name="Peak">The highest rate, reached at the end of the first epoch.</param>
/// <param name="Floor">Where the warm-up starts and the cosine tends to.</param>
/// <param name="StepsPerEpoch">At least 1.</param>
/// <param name="Epochs">At least 1.</param>
public sealed record WarmUpCosine(double Peak, double Floor, int StepsPerEpoch, int Epochs)
{
    /// <summary>The rate of a step, counted from 0 over the whole run.</summary>
    public double At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var epoch = step / StepsPerEpoch;
        if (epoch == 0) return Math.Min(Peak, Floor + ((Peak - Floor) * step / Math.Max(StepsPerEpoch - 1, 1)));
        return Floor + ((Peak - Floor) * 0.5 * (1 + Math.Cos(Math.PI * epoch / Epochs)));
    }
}
