namespace FuseMix.Testing;

/// <summary>Damaged variants of a file for fuzz tests: the same seed gives the same variants, so that a failure can be run again.</summary>
public static class Mutations
{
    private static readonly byte[] Telling =
        [0x00, 0x01, 0x7F, 0x80, 0xFF, 0x20, (byte)'"', (byte)'{', (byte)'}', (byte)'0', (byte)'9', (byte)'-'];

    /// <summary>
    /// <paramref name="count"/> variants of <paramref name="content"/>, each with 1 to 4 damages: flipped bits, telling bytes (0, 255,
    /// quotes, …), lying little-endian lengths, cuts, truncation, appended or doubled pieces, swapped pieces, zeroed pieces.
    /// Half of the damages fall into the first 512 bytes, where headers are. A variant may by chance equal the original.
    /// </summary>
    public static IEnumerable<byte[]> Of(byte[] content, int seed, int count)
    {
        for (var i = 0; i < count; i++) yield return One(content, unchecked((seed * 1_000_003) + i));
    }

    /// <summary>One damaged variant; the same seed gives the same one.</summary>
    public static byte[] One(byte[] content, int seed)
    {
        var random = new Random(seed);
        var bytes = content.ToList();
        for (var damages = random.Next(1, 5); damages > 0; damages--) Damage(bytes, random);
        return [.. bytes];
    }

    private static void Damage(List<byte> bytes, Random random)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }

        var reach = random.Next(2) == 0 ? Math.Min(512, bytes.Count) : bytes.Count;
        var at = random.Next(reach);
        var length = random.Next(1, 1 + Math.Min(bytes.Count - at, random.Next(2) == 0 ? 8 : 4096));
        switch (random.Next(10))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes[at] = Telling[random.Next(Telling.Length)];
                break;
            case 3:
                var value = random.Next(5) switch
                {
                    0 => 0,
                    1 => -1L,
                    2 => long.MaxValue,
                    3 => int.MaxValue,
                    _ => random.NextInt64(1L << random.Next(1, 63)),
                };
                for (var i = 0; i < (random.Next(2) == 0 ? 4 : 8) && at + i < bytes.Count; i++) bytes[at + i] = (byte)(value >> (8 * i));
                break;
            case 4:
                bytes.RemoveRange(at, length);
                break;
            case 5:
                var keep = random.Next(bytes.Count);
                bytes.RemoveRange(keep, bytes.Count - keep);
                break;
            case 6:
                for (var i = random.Next(1, 64); i > 0; i--) bytes.Add((byte)random.Next(256));
                break;
            case 7:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 8:
                var other = random.Next(bytes.Count - length + 1);
                for (var i = 0; i < length; i++) (bytes[at + i], bytes[other + i]) = (bytes[other + i], bytes[at + i]);
                break;
            default:
                for (var i = 0; i < length; i++) bytes[at + i] = 0;
                break;
        }
    }
}
