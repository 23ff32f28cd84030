using FuseMix.Client.Grains;
using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Http;
using FuseMix.Silo.Describing;
using FuseMix.Silo.Security;
using FuseMix.Silo.Uploads;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace FuseMix.Silo.Api;

/// <summary>Datasets.</summary>
internal static class DatasetsApi
{
    /// <summary>The format that is taken where none is named.</summary>
    private static readonly string Usual = DatasetFormatWords.Of(DatasetFormat.Folder);

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.About("Datasets");
        api.Get("/datasets", List, new ApiRoute("listDatasets", Scope.Read, "List datasets")
        {
            Query = Paging.Parameters,
            Answers = [Answer.Json<Page<DatasetSummary>>("Datasets, by name; a damaged one with what is wrong in 'error'.")],
        });
        api.Get("/datasets/{dataset}", One, new ApiRoute("getDataset", Scope.Read, "One dataset")
        {
            Answers = [Answer.Json<DatasetDetails>("The dataset, with what its import found worth telling.")],
            Problems = [StatusCodes.Status404NotFound],
        });
        api.Put("/datasets/{dataset}", Import, new ApiRoute("putDataset", Scope.Write, "Import a dataset")
        {
            Description = "In place of any of that name: whoever reads meanwhile sees the old one or the new one. What cannot be taken "
                + "is recorded, never dropped in "
                + "silence. What is the same as before keeps its latents.",
            Query =
            [
                new(
                    "format",
                    "How the tar is made up: 'folder' has pictures and sounds with captions in text files of the same name; 'jsonl' and "
                        + "'csv' have one such "
                    + "table at the root, and the files that it names.") { Words = DatasetFormatWords.All, Preset = Usual },
                new("licence", "The terms under which the data may be used.") { Preset = "not stated", Example = "CC0-1.0" },
                new("about", "One or two sentences about them."),
            ],
            Body = new Body(typeof(Stream), TarUpload.MediaType, "A tar of plain files and folders: tar -C FOLDER -cf data.tar ."),
            Answers =
            [
                Answer.Json<DatasetSummary>("It is imported; its address is in Location.", StatusCodes.Status201Created),
                Answer.Json<DatasetSummary>("It has taken the place of one of the same name."),
            ],
            Problems = [StatusCodes.Status409Conflict, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType],
            Limit = RequestLimits.Upload,
        });
        api.Post(
            "/datasets/{dataset}/register", Register, new ApiRoute("registerDataset", Scope.Write, "Import a folder that is there already")
            {
                Description = "Of the home folder's 'imports', where whoever runs the cluster puts what is too large to send. The files "
                + "stay where they are.",
                Body = Body.Json<RegisterBody>("Which folder.", """{ "folder": "holiday-pictures" }"""),
                Answers = [Answer.Json<DatasetSummary>("It is imported.")],
                Problems = [StatusCodes.Status404NotFound, StatusCodes.Status413PayloadTooLarge, StatusCodes.Status415UnsupportedMediaType],
                Limit = RequestLimits.Upload,
            });
        api.Delete("/datasets/{dataset}", Remove, new ApiRoute("removeDataset", Scope.Admin, "Forget a dataset")
        {
            Description = "Files that were uploaded for it go, files that were registered stay; latents and models that were made of it "
                + "stay. One whose items a "
                + "collection shows is a conflict, which names the collection, unless 'force' is true. Removing one that is gone is not "
                    + "found.",
            Query =
            [
                new("force", "Whether it goes though a collection shows its items, which are not shown any more then.")
                {
                    IsFlag = true,
                    Preset = "false",
                },
            ],
            Answers = [Answer.Nothing("It is gone.")],
            Problems = [StatusCodes.Status404NotFound, StatusCodes.Status409Conflict],
        });
    }

    private static async Task<IResult> List(HttpRequest request, GrainCalls calls)
    {
        var page = Paging.Of(request);
        return Results.Json(page.ByKey(await calls.Datasets(), dataset => dataset.Name), ApiJson.Answers.PageDatasetSummary);
    }

    private static async Task<IResult> One(string dataset, GrainCalls calls) =>
        Results.Json(await calls.Dataset(dataset), ApiJson.Answers.DatasetDetails);

    private static async Task<IResult> Import(
        string dataset, HttpRequest request, GrainCalls calls, Uploaded uploaded, CancellationToken cancellationToken)
    {
        _ = ResourceName.Require(dataset, "dataset");
        var parameters = QueryParameters.Of(request);
        var format = DatasetFormatWords.Parse(parameters.Word("format", DatasetFormatWords.All) ?? Usual);
        var known = (await calls.Datasets()).Any(other => other.Name == dataset);
        var imported = await uploaded.Take(
            request,
            (upload, omissions) => uploaded.Enter(
                upload,
                dataset,
                folder => calls.PutDataset(
                    dataset,
                    SourceIn(folder, format) with
                    {
                        Licence = parameters.Text("licence") ?? "not stated",
                        About = parameters.Text("about") ?? "Came over the network.",
                        IsForeign = true,
                        Omissions = omissions,
                    },
                    null,
                    cancellationToken),
                cancellationToken),
            cancellationToken);
        if (known) return Results.Json(imported, ApiJson.Answers.DatasetSummary);
        request.HttpContext.Response.Headers.Location = request.Path.ToUriComponent();
        return Results.Json(imported, ApiJson.Answers.DatasetSummary, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> Register(string dataset, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        _ = ResourceName.Require(dataset, "dataset");
        var body = await RequestBody.ReadJson(request, ApiJson.Default.RegisterBody, cancellationToken);
        return Results.Json(await calls.RegisterDataset(dataset, body.RequireFolder(), cancellationToken), ApiJson.Answers.DatasetSummary);
    }

    private static async Task<IResult> Remove(string dataset, HttpRequest request, GrainCalls calls, CancellationToken cancellationToken)
    {
        await calls.RemoveDataset(dataset, QueryParameters.Of(request).Flag("force"), cancellationToken);
        return Results.NoContent();
    }

    private static DatasetSource SourceIn(string folder, DatasetFormat format)
    {
        if (format == DatasetFormat.Folder) return new DatasetSource(format, folder);
        var word = DatasetFormatWords.Of(format);
        string[] tables =
        [
            .. Directory.GetFiles(folder)
                .Where(
                    file => Path.GetExtension(file).Equals($".{word}", StringComparison.OrdinalIgnoreCase) && !Path.GetFileName(file)
                        .StartsWith('.')),
        ];
        return tables is [var table]
            ? new DatasetSource(format, table)
            : throw new FuseMixException(
                FailureKind.Invalid,
                $"The tar has {(tables.Length == 0 ? "no file" : $"{tables.Length} files")} '*.{word}' at its root; it must have one, "
                    + "the table.",
                $"Put the table beside the files that it names: tar -C FOLDER -cf data.tar . (format={word})");
    }
}
