namespace FuseMix.Core.Randomness;

/// <summary>The counter-based generator Philox4x32-10 (Salmon et al., SC 2011): each number is a pure function of key and
/// counter.</summary>
/// <remarks>Training draws everything from it, so that a run resumed at step n draws what an unbroken one would have drawn.</remarks>
public static class Philox
{
    /// <summary>The multiplier of words 0 and 1.</summary>
    public const uint Multiplier0 = 0xD2511F53;

    /// <summary>The multiplier of words 2 and 3.</summary>
    public const uint Multiplier1 = 0xCD9E8D57;

    /// <summary>What the low key word grows by each round.</summary>
    public const uint Weyl0 = 0x9E3779B9;

    /// <summary>What the high key word grows by each round.</summary>
    public const uint Weyl1 = 0xBB67AE85;

    /// <summary>Number of rounds.</summary>
    public const int Rounds = 10;

    /// <summary>The block of four words at a counter.</summary>
    /// <param name="seed">The key: low word first.</param>
    /// <param name="stream">Counter words 2 (low half) and 3 (high half): what the numbers are for.</param>
    /// <param name="counter">Counter words 0 (low half) and 1 (high half): the block within the stream.</param>
    public static (uint W0, uint W1, uint W2, uint W3) Block(ulong seed, ulong stream, ulong counter)
    {
        uint c0 = (uint)counter, c1 = (uint)(counter >> 32), c2 = (uint)stream, c3 = (uint)(stream >> 32);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (var round = 0; round < Rounds; round++)
        {
            var p0 = (ulong)Multiplier0 * c0;
            var p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }
}
