namespace FuseMix.Storage;

/// <summary>The durable steps at which tests stop the world; without a test attached, a null check.</summary>
internal static class Faults
{
    private static readonly AsyncLocal<Action<string>?> Hook = new();

    /// <summary>Called at each step of the current flow of control, with the step's name; null for nobody.</summary>
    public static Action<string>? OnStep
    {
        get => Hook.Value;
        set => Hook.Value = value;
    }

    public static void Reach(string step) => Hook.Value?.Invoke(step);
}

/// <summary>Stands for a process that ended at this very step: nothing may clean up behind it.</summary>
internal sealed class SimulatedCrash(string step) : Exception($"The process ended at '{step}'.");
