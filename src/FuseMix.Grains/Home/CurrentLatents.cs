using FuseMix.Data.Datasets;
using FuseMix.Data.Latents;
using FuseMix.Training;
using FuseMix.Training.Models;

namespace FuseMix.Grains.Home;

/// <summary>Stored latents of the dataset as it stands, by one encoder or by several side by side.</summary>
/// <remarks>Only items that every encoder has a latent of have a row.</remarks>
internal sealed class CurrentLatents : ILatentMatrix, IDisposable
{
    private readonly List<LatentReader> _readers = [];
    private readonly ILatentMatrix _rows;
    private readonly Dictionary<string, int>? _places;

    private CurrentLatents(LatentStore latents, Dataset dataset, ModelSource source)
    {
        try
        {
            foreach (var part in source.Parts) _readers.Add(Open(latents, dataset, part.Encoder, part.Fingerprint));
            if (_readers is [var only])
            {
                (_rows, Ids) = (only, only.Ids);
                return;
            }

            string[] shared = [.. _readers[0].Ids.Where(id => _readers.TrueForAll(reader => reader.TryGetRow(id, out _)))];
            Ids = shared;
            _places = shared.Select((id, place) => (id, place)).ToDictionary(item => item.id, item => item.place, StringComparer.Ordinal);
            _rows = new ConcatenatedLatents([.. _readers.Select(reader => new ChosenRows(reader, shared))]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public int Count => _rows.Count;

    /// <inheritdoc/>
    public int Dimension => _rows.Dimension;

    /// <summary>The item of every row.</summary>
    public IReadOnlyList<string> Ids { get; }

    /// <summary>The latents of a dataset by the encoders of one modality.</summary>
    /// <exception cref="FuseMixException">
    /// There are none by one of them, which is named; they are not complete or damaged; or the dataset has changed since.
    /// </exception>
    public static CurrentLatents Open(LatentStore latents, Dataset dataset, ModelSource source) => new(latents, dataset, source);

    /// <summary>The row of an item.</summary>
    /// <returns>False where it has no latent.</returns>
    public bool TryGetRow(string id, out int row) => _places?.TryGetValue(id, out row) ?? _readers[0].TryGetRow(id, out row);

    /// <inheritdoc/>
    public void Gather(ReadOnlySpan<int> rows, Span<float> destination) => _rows.Gather(rows, destination);

    public void Dispose()
    {
        foreach (var reader in _readers) reader.Dispose();
    }

    private static LatentReader Open(LatentStore latents, Dataset dataset, string encoder, Fingerprint fingerprint)
    {
        if (latents.Status(dataset.Name, encoder, fingerprint) is null
            && latents.List().Where(set => set.Dataset == dataset.Name && set.Encoder == encoder)
                .Select(set => set.EncoderFingerprint.Short).ToArray() is { Length: > 0 } others)
        {
            throw new FuseMixException(
                FailureKind.NotFound,
                $"Dataset '{dataset.Name}' has no latents of encoder '{encoder}' ({fingerprint.Short}), only of others of that name "
                    + $"({string.Join(", ", others)}).",
                $"An encoder that was replaced is another one: extract and train with '{encoder}' as it is now; or install the earlier "
                    + "pack again "
                + $"('fusemix encoders add FOLDER --replace') and run 'fusemix extract {dataset.Name} {encoder}'.");
        }

        var reader = latents.OpenRead(dataset.Name, encoder, fingerprint);
        if (reader.Status.DatasetFingerprint == dataset.Fingerprint) return reader;

        // Items that were added would be missing without a word, and items that were replaced would keep their old latents.
        reader.Dispose();
        throw new FuseMixException(
            FailureKind.Unavailable,
            $"The latents of dataset '{dataset.Name}' by encoder '{encoder}' are of an earlier version of the dataset.",
            $"Run 'fusemix extract {dataset.Name} {encoder}', which extracts only what has changed.");
    }

    /// <summary>The rows of some items, in their order.</summary>
    private sealed class ChosenRows : ILatentMatrix
    {
        private readonly LatentReader _reader;
        private readonly int[] _rows;

        public ChosenRows(LatentReader reader, string[] ids)
        {
            _reader = reader;
            _rows =
            [
                .. ids.Select(
                    id => reader.TryGetRow(id, out var row) ? row : throw new ArgumentException($"'{id}' has no row.", nameof(ids)))
            ];
        }

        public int Count => _rows.Length;

        public int Dimension => _reader.Dimension;

        public void Gather(ReadOnlySpan<int> rows, Span<float> destination)
        {
            for (var i = 0; i < rows.Length; i++) _reader.Gather(_rows.AsSpan(rows[i], 1), destination[(i * Dimension)..]);
        }
    }
}
