using FuseMix.Encoders.Packs;
using FuseMix.Retrieval.Generations;
using FuseMix.Training.Models;
using Microsoft.Extensions.Logging;

namespace FuseMix.Grains.Home;

/// <summary>Deletes the fusion models and encoder packs that no name means any more and that nothing was made with that is still
/// there.</summary>
/// <remarks>A generation needs its model and that model's encoders; a model, by a name or by a generation, needs its encoders.</remarks>
public sealed partial class UnusedContents(
    CollectionStore collections, FusionModelStore models, EncoderPackStore packs, TimeProvider clock, ILogger<UnusedContents> logger)
{
    /// <summary>Looks once. It comes after the work that left something unused behind, which is done whether or not this
    /// succeeds.</summary>
    /// <param name="removedEncoder">An encoder that a user removed just now: what of it is unused goes at once.</param>
    public void Collect(string? removedEncoder = null)
    {
        try
        {
            var now = clock.GetUtcNow();
            var pins = collections.Pins();
            foreach (var folder in models.CollectGarbage(pins.Models, now)) LogDeleted(folder);
            foreach (var folder in packs.CollectGarbage(pins.Encoders.Union(models.Encoders()).ToHashSet(), now, removedEncoder))
                LogDeleted(folder);
        }
        catch (Exception failure) when (failure is FuseMixException or IOException or UnauthorizedAccessException)
        {
            // Where it cannot be read what is needed, everything may be.
            LogNotCollected(failure);
        }
    }

    [LoggerMessage(6101, LogLevel.Information, "'{Folder}' was not used any more and is deleted")]
    private partial void LogDeleted(string folder);

    [LoggerMessage(6102, LogLevel.Warning, "Fusion models and encoders that are not used any more are left where they are")]
    private partial void LogNotCollected(Exception failure);
}
