using FuseMix.Core.Randomness;
using FuseMix.Training;

namespace FuseMix.Testing.Training;

/// <summary>Latents of two or three modalities that are different noisy, nonlinear views of the same hidden causes.</summary>
internal static class PlantedData
{
    public const int ImageDimension = 20;
    public const int TextDimension = 14;
    public const int AudioDimension = 9;
    private const int Causes = 6;

    public static TrainingData Create(int train = 160, int validation = 40, bool audio = false, float offset = 0)
    {
        var count = train + validation;
        var random = new RandomStream(41, 0);
        var causes = new double[count * Causes];
        for (var i = 0; i < causes.Length; i++) causes[i] = random.NextNormal();
        var sources = new Dictionary<Modality, LatentSource>
        {
            [Modality.Image] = Source("pictures", 1, ImageDimension),
            [Modality.Text] = Source("words", 2, TextDimension),
        };
        var lists = new List<PairList> { Pairs(Modality.Image, Modality.Text) };
        if (audio)
        {
            sources[Modality.Audio] = Source("sounds", 3, AudioDimension);
            lists.Add(Pairs(Modality.Audio, Modality.Text));
        }

        return new TrainingData(sources, lists);

        LatentSource Source(string name, int view, int dimension) =>
            new(name, new string((char)('0' + view), 64), new LatentMatrix(View(view, dimension), dimension));

        PairList Pairs(Modality left, Modality right)
        {
            int[] first = [.. Enumerable.Range(0, train)], rest = [.. Enumerable.Range(train, validation)];
            return new PairList(left, right, new PairRows(first, first), validation == 0 ? null : new PairRows(rest, rest));
        }

        float[] View(int view, int dimension)
        {
            var own = new RandomStream(43, (ulong)view);
            var mixture = new double[dimension * Causes];
            for (var i = 0; i < mixture.Length; i++) mixture[i] = own.NextNormal();
            var values = new float[count * dimension];
            for (var r = 0; r < count; r++)
            {
                for (var j = 0; j < dimension; j++)
                {
                    var sum = 0.0;
                    for (var c = 0; c < Causes; c++) sum += causes[(r * Causes) + c] * mixture[(j * Causes) + c];
                    values[(r * dimension) + j] = (float)(Math.Tanh(sum / 2) + (0.05 * own.NextNormal()) + offset);
                }
            }

            return values;
        }
    }
}
