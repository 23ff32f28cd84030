using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using FuseMix.Training.Models;

namespace FuseMix.Training;

/// <summary>The latents of one modality.</summary>
/// <param name="Encoder">Name of the encoder pack that made them.</param>
/// <param name="EncoderFingerprint">Its fingerprint; a model accepts latents of this encoder only.</param>
/// <param name="Latents">Read row by row as needed; need not be in memory. Reads may come from any thread, one at a time.</param>
public sealed record LatentSource(string Encoder, string EncoderFingerprint, ILatentMatrix Latents)
{
    private ModelSource? _source;

    /// <summary>Latents of an encoder, or of several side by side.</summary>
    /// <param name="source">Which.</param>
    /// <param name="latents">Their latents, with as many values each.</param>
    public LatentSource(ModelSource source, ILatentMatrix latents)
        : this(source.Encoder, source.Fingerprint.Hex, latents) => _source = source;

    /// <summary>What a model that was trained on these latents takes.</summary>
    public ModelSource Source => _source ?? new ModelSource(Encoder, new Fingerprint(EncoderFingerprint), Latents.Dimension);
}

/// <summary>Which rows belong together.</summary>
/// <param name="Left">Row of the left modality, per pair; a row may occur in several pairs (an image with several captions).</param>
/// <param name="Right">Row of the right modality, per pair.</param>
/// <param name="Groups">
/// The meaning of each pair: in validation all rows of one meaning are right answers to one another; in training they need be no negatives
/// (<see cref="Recipe.TrainingRecipe.Negatives"/>). Null: each left row is a meaning of its own.
/// </param>
public sealed record PairRows(int[] Left, int[] Right, int[]? Groups = null)
{
    /// <summary>Number of pairs.</summary>
    public int Count => Left.Length;

    /// <summary>Pairs in groups: those that share a left row or what the right item holds are of one group, and so is who shares with them.</summary>
    /// <param name="left">Row of the left modality, per pair.</param>
    /// <param name="right">Row of the right modality, per pair.</param>
    /// <param name="contents">What the right item of each pair holds, e.g. its checksum.</param>
    /// <returns>Groups numbered from 0 in the order of their first pairs.</returns>
    public static PairRows Grouped(int[] left, int[] right, IReadOnlyList<string> contents)
    {
        var parents = Enumerable.Range(0, left.Length).ToArray();
        var firstOfLeft = new Dictionary<int, int>();
        var firstOfContent = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < left.Length; i++)
        {
            if (!firstOfLeft.TryAdd(left[i], i)) Join(firstOfLeft[left[i]], i);
            if (!firstOfContent.TryAdd(contents[i], i)) Join(firstOfContent[contents[i]], i);
        }

        var numbers = new Dictionary<int, int>();
        var groups = new int[left.Length];
        for (var i = 0; i < groups.Length; i++)
        {
            var root = Root(i);
            numbers.TryAdd(root, numbers.Count);
            groups[i] = numbers[root];
        }

        return new PairRows(left, right, groups);

        void Join(int a, int b)
        {
            var (one, other) = (Root(a), Root(b));
            parents[Math.Max(one, other)] = Math.Min(one, other);
        }

        int Root(int pair)
        {
            while (parents[pair] != pair) pair = parents[pair] = parents[parents[pair]];
            return pair;
        }
    }
}

/// <summary>Pairs between two modalities.</summary>
/// <param name="Left">The modality that the forward direction starts from.</param>
/// <param name="Right">Another one.</param>
/// <param name="Train">Pairs to learn from.</param>
/// <param name="Validation">Pairs to pick the best epoch by, of groups that no training pair belongs to; null for none.</param>
public sealed record PairList(Modality Left, Modality Right, PairRows Train, PairRows? Validation = null);

/// <summary>What a fusion model is trained on: latents of two modalities or more, and lists of pairs between them.</summary>
/// <param name="Latents">One source per modality.</param>
/// <param name="Pairs">At least one list; each contributes its own loss, the adapter of a modality is shared by all.</param>
public sealed record TrainingData(IReadOnlyDictionary<Modality, LatentSource> Latents, IReadOnlyList<PairList> Pairs)
{
    private const int SampledRows = 64;

    /// <summary>Checks that lists and latents fit together.</summary>
    /// <exception cref="FuseMixException">The first fault.</exception>
    public void Validate()
    {
        if (Pairs.Count == 0) throw new FuseMixException(FailureKind.Invalid, "There is no list of pairs to train on.");
        foreach (var list in Pairs)
        {
            if (list.Left == list.Right)
                throw new FuseMixException(FailureKind.Invalid, $"A list pairs {Name(list.Left)} with itself; a fusion model joins different modalities.");
            foreach (var modality in (Modality[])[list.Left, list.Right])
            {
                if (!Latents.ContainsKey(modality))
                {
                    throw new FuseMixException(
                        FailureKind.Invalid, $"There are pairs with {Name(modality)}, but no {Name(modality)} latents.", "Extract them first.");
                }
            }

            Check(list, list.Train, "training");
            if (list.Validation is not null) Check(list, list.Validation, "validation");
        }

        foreach (var modality in Latents.Keys)
        {
            if (!Pairs.Any(p => p.Left == modality || p.Right == modality))
                throw new FuseMixException(FailureKind.Invalid, $"There are {Name(modality)} latents, but no pairs with {Name(modality)}.");
        }
    }

    /// <summary>The same for the same data: encoders, pairs, sizes, and the values of a sample of rows.</summary>
    /// <remarks>A sample, so that resuming does not read every latent; the latent store has a checksum for each shard.</remarks>
    public Fingerprint Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (modality, source) in Latents.OrderBy(l => l.Key))
        {
            var (count, dimension) = (source.Latents.Count, source.Latents.Dimension);
            Text(string.Create(CultureInfo.InvariantCulture, $"{modality}|{source.Encoder}|{source.EncoderFingerprint}|{count}|{dimension}"));
            var rows = Enumerable.Range(0, Math.Min(count, SampledRows)).Select(i => (int)((long)i * count / Math.Min(count, SampledRows))).ToArray();
            var values = new float[rows.Length * dimension];
            source.Latents.Gather(rows, values);
            hash.AppendData(MemoryMarshal.AsBytes<float>(values));
        }

        foreach (var list in Pairs)
        {
            Text($"{list.Left}|{list.Right}");
            foreach (var part in (PairRows?[])[list.Train, list.Validation])
            {
                Ints(part?.Left);
                Ints(part?.Right);
                Ints(part?.Groups);
            }
        }

        return new Fingerprint(Convert.ToHexStringLower(hash.GetHashAndReset()));

        void Text(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text));

        void Ints(int[]? values)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, values?.Length ?? -1);
            hash.AppendData(length);
            if (values is not null) hash.AppendData(MemoryMarshal.AsBytes<int>(values));
        }
    }

    internal static string Name(Modality modality) => modality.Word();

    private void Check(PairList list, PairRows rows, string what)
    {
        if (rows.Left.Length != rows.Right.Length || (rows.Groups is not null && rows.Groups.Length != rows.Left.Length))
        {
            throw new FuseMixException(
                FailureKind.Invalid,
                $"The {what} pairs have {rows.Left.Length} left rows, {rows.Right.Length} right rows and {rows.Groups?.Length ?? rows.Left.Length} groups.");
        }

        if (rows.Count == 0) throw new FuseMixException(FailureKind.Invalid, $"There are no {what} pairs between {Name(list.Left)} and {Name(list.Right)}.");
        CheckRange(rows.Left, list.Left);
        CheckRange(rows.Right, list.Right);

        void CheckRange(int[] side, Modality modality)
        {
            var count = Latents[modality].Latents.Count;
            foreach (var row in side)
            {
                if (row < 0 || row >= count)
                {
                    throw new FuseMixException(
                        FailureKind.Invalid, $"A {what} pair names {Name(modality)} row {row}; there are {count} {Name(modality)} latents.");
                }
            }
        }
    }
}
