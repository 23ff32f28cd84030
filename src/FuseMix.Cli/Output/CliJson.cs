using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Cli.Benchmarks;
using FuseMix.Cli.Demo;
using FuseMix.Cli.Doctor;
using FuseMix.Cli.Encoders;
using FuseMix.Cli.Models;
using FuseMix.Cli.Packages;
using FuseMix.Cli.Serve;
using FuseMix.Cli.Status;
using FuseMix.Cli.Studies;
using FuseMix.Cli.Training;
using FuseMix.Contracts;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Output;

/// <summary>The documents that commands print with <c>--json</c>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    Converters =
    [
        typeof(WordConverter<Modality>), typeof(WordConverter<JobState>), typeof(WordConverter<Verdict>), typeof(SecondsConverter),
        typeof(FiniteConverter),
    ])]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(Serving))]
[JsonSerializable(typeof(ExtractionStatus[]))]
[JsonSerializable(typeof(BuildStatus))]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(CollectionStatus))]
[JsonSerializable(typeof(CollectionStatus[]))]
[JsonSerializable(typeof(SearchResponse))]
[JsonSerializable(typeof(DatasetSummary))]
[JsonSerializable(typeof(DatasetSummary[]))]
[JsonSerializable(typeof(DatasetDetails))]
[JsonSerializable(typeof(FetchedPackage[]))]
[JsonSerializable(typeof(EncoderEntry))]
[JsonSerializable(typeof(EncoderEntry[]))]
[JsonSerializable(typeof(EncoderCheck[]))]
[JsonSerializable(typeof(RemovedEncoder))]
[JsonSerializable(typeof(TrainingOutcome))]
[JsonSerializable(typeof(ModelSummary[]))]
[JsonSerializable(typeof(ModelDetails))]
[JsonSerializable(typeof(ModelExport))]
[JsonSerializable(typeof(StudyReport))]
[JsonSerializable(typeof(DemoReport))]
[JsonSerializable(typeof(TrainingBenchReport))]
[JsonSerializable(typeof(ProductBenchReport))]
internal sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>The context to use: it leaves letters of every script as they are, since nobody puts these documents into HTML.</summary>
    public static CliJson Relaxed =>
        field ??= new CliJson(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
