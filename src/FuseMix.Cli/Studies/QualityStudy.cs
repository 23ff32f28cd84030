using FuseMix.Cli.Extraction;
using FuseMix.Cli.Session;
using FuseMix.Cli.Training;
using FuseMix.Data.Datasets;

namespace FuseMix.Cli.Studies;

/// <summary>As many pairs of the same items, with captions of different worth: Figure 3, quality.</summary>
internal static class QualityStudy
{
    public const string About = "As many pairs with poorer captions: cut short, or with words of others (Fig. 3)";
    private const double Share = 0.5;

    /// <summary>Makes the datasets of poorer captions, and their latents, where they are not there yet.</summary>
    /// <exception cref="FuseMixException">The dataset has no captions, or none to cut short; or there is a dataset of such a name that is
    /// not of this study.</exception>
    public static async Task<Study> Of(CliRun run, string dataset)
    {
        var encoders = await TrainPlan.ChooseEncoders(run, dataset, EncoderOptions.Given(run));
        var store = new DatasetStore(run.Home);
        var whole = await Task.Run(() => store.Load(dataset), run.Stop);
        var brief = CaptionQuality.FirstSentences(whole, $"{dataset}-first-sentences");
        var spoilt = CaptionQuality.ReplacedWords(whole, $"{dataset}-replaced-words", Share);
        foreach (var poorer in (Dataset[])[brief, spoilt])
        {
            var there = store.Exists(poorer.Name) ? store.Describe(poorer.Name) : null;
            if (there is not null && there.About != poorer.About)
            {
                throw new FuseMixException(
                    FailureKind.Conflict, $"There is a dataset '{poorer.Name}' that this study has not made.",
                    $"'./fusemix datasets remove {poorer.Name}' makes room; its files stay.");
            }

            if (there?.Fingerprint != poorer.Fingerprint) store.Save(poorer);
            foreach (var encoder in encoders.Values.SelectMany(EncoderNames.Parse)) await ExtractionWork.Run(run, poorer.Name, encoder);
        }

        return new Study("quality", About, [
            .. from asked in ((string Captions, string Dataset)[])[("whole captions", dataset), ("first sentences", brief.Name)]
               from learnt in ((string Captions, string Dataset)[])
              [
                  ("whole captions", dataset), ("first sentences", brief.Name), ("half of the words replaced", spoilt.Name),
              ]
               select new StudyVariant($"learnt {learnt.Captions}, asked {asked.Captions}", [])
               {
                   TrainedOn = learnt.Dataset,
                   MeasuredOn = asked.Dataset,
               },
        ]);
    }
}
