namespace FuseMix.Training.Adapters;

/// <summary>What random numbers of a run are for; part of the Philox stream, so changing a value changes every run.</summary>
internal static class StreamPurpose
{
    public const byte InitialWeights = 1;
    public const byte Shuffle = 2;
    public const byte SecondShuffle = 3;
    public const byte Partner = 4;
    public const byte Lambda = 5;
    public const byte Dropout = 6;
    public const byte Noise = 7;
    public const byte Quantization = 8;
}
