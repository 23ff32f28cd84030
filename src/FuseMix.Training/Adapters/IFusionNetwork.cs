using FuseMix.Training.Kernels;

namespace FuseMix.Training.Adapters;

/// <summary>The adapters of all modalities and τ, as one device computes and updates them.</summary>
/// <remarks>
/// A step is <see cref="Begin"/>, then for each list of pairs its batch in both <see cref="Input"/>s and <see cref="Accumulate"/>, then
/// <see cref="Update"/>. What a run consists of beside that (batches, schedules, validation, checkpoints) is the same on every device.
/// </remarks>
internal unsafe interface IFusionNetwork : IDisposable
{
    /// <summary>What it consists of.</summary>
    NetworkLayout Layout { get; }

    /// <summary>Weights, moments and averages in the host's memory; those of the device as of the last <see cref="Pull"/>.</summary>
    NetworkState State { get; }

    /// <summary>τ of the device.</summary>
    float Temperature { get; }

    /// <summary>Where a batch of a modality goes, [batch × adapter input], in the host's memory.</summary>
    float* Input(Modality modality);

    /// <summary>Begins a step: τ is brought into its bounds, gradients count as empty.</summary>
    void Begin();

    /// <summary>Forward and backward pass of one list of pairs.</summary>
    /// <returns>The loss.</returns>
    double Accumulate(int list, StepBatch batch);

    /// <summary>One AdamW update of everything.</summary>
    void Update(AdamW adamW);

    /// <summary>Moves the averages towards the parameters: average ← keep·average + (1 - keep)·parameter. For a layout that has
    /// them.</summary>
    void Average(float keep);

    /// <summary>Brings <see cref="State"/> up to the device's.</summary>
    void Pull();

    /// <summary>Gives the device what <see cref="State"/> holds.</summary>
    void Push();
}

/// <summary>Everything that training changes, each laid out as the <see cref="NetworkLayout"/> says.</summary>
internal sealed class NetworkState(NetworkLayout layout) : IDisposable
{
    /// <summary>Weights of every adapter, then what the loss learns.</summary>
    public AlignedBuffer Parameters { get; } = new(layout.Length);

    /// <summary>AdamW's first moments.</summary>
    public AlignedBuffer Means { get; } = new(layout.Length);

    /// <summary>AdamW's second moments.</summary>
    public AlignedBuffer Squares { get; } = new(layout.Length);

    /// <summary>Moving averages of the parameters; null where the layout has none.</summary>
    public AlignedBuffer? Averages { get; } = layout.Averages ? new(layout.Length) : null;

    /// <summary>Each with its name in a checkpoint.</summary>
    public IEnumerable<(string Name, AlignedBuffer Buffer)> Buffers
    {
        get
        {
            (string, AlignedBuffer)[] buffers = [("parameters", Parameters), ("means", Means), ("squares", Squares)];
            return Averages is null ? buffers : [.. buffers, ("averages", Averages)];
        }
    }

    public void Dispose()
    {
        foreach (var (_, buffer) in Buffers) buffer.Dispose();
    }
}
