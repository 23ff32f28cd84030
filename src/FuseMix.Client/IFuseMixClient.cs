using FuseMix.Contracts.Catalog;
using FuseMix.Contracts.Cluster;
using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Contracts.Training;

namespace FuseMix.Client;

/// <summary>All that an app does with a cluster, wherever the cluster is.</summary>
/// <remarks>
/// <para>Thread-safe. Every failure is a <see cref="FuseMixException"/> whose kind and remedy are the cluster's own, or
/// <see cref="FailureKind.Unavailable"/> where nobody answered; a cancelled call throws <see cref="OperationCanceledException"/>.</para>
/// <para>Jobs run in the cluster: a call that starts one returns at once, and the job goes on whatever becomes of the client. Each is named
/// by what it is about, so that everything that starts or ends one is safe to repeat. Watching ends with the status in which the job is
/// over, and goes on by itself when the node that was watched dies.</para>
/// </remarks>
public interface IFuseMixClient
{
    /// <summary>The nodes, as the answering one sees them.</summary>
    Task<ClusterStatus> Cluster(CancellationToken cancellationToken = default);

    /// <summary>Encoder packs, by name.</summary>
    Task<EncoderSummary[]> Encoders(CancellationToken cancellationToken = default);

    /// <summary>Datasets, by name.</summary>
    Task<DatasetSummary[]> Datasets(CancellationToken cancellationToken = default);

    /// <summary>One dataset, with what its import found worth telling.</summary>
    /// <exception cref="FuseMixException">There is none of that name, or it is damaged.</exception>
    Task<DatasetDetails> Dataset(string name, CancellationToken cancellationToken = default);

    /// <summary>Latent sets, by dataset and encoder.</summary>
    Task<LatentSetSummary[]> LatentSets(CancellationToken cancellationToken = default);

    /// <summary>Fusion models, by name.</summary>
    Task<ModelSummary[]> Models(CancellationToken cancellationToken = default);

    /// <summary>Collections in which a generation is live, by name.</summary>
    Task<CollectionStatus[]> Collections(CancellationToken cancellationToken = default);

    /// <summary>Searches one collection with one or more queries.</summary>
    /// <exception cref="FuseMixException">Unknown collection or item; a query without terms, or that cannot be decoded; K out of
    /// range.</exception>
    Task<SearchResponse> Search(SearchRequest request, CancellationToken cancellationToken = default);

    /// <summary>The content of an item of a collection: its picture, sound or text, as it was when its dataset was imported.</summary>
    /// <exception cref="FuseMixException">Unknown collection or item, or its file is missing or has changed.</exception>
    Task<ItemContent> Content(string collection, string itemId, CancellationToken cancellationToken = default);

    /// <summary>Starts, or goes on with, an extraction, and returns at once.</summary>
    /// <exception cref="FuseMixException">Unknown dataset or encoder, or the dataset has nothing of the encoder's modality.</exception>
    Task<ExtractionStatus> StartExtraction(ExtractionRequest request, CancellationToken cancellationToken = default);

    /// <summary>Where an extraction stands; <see cref="Contracts.JobState.Unknown"/> where it was never started.</summary>
    /// <exception cref="FuseMixException">It was never started, and there is no such dataset or encoder.</exception>
    Task<ExtractionStatus> Extraction(string dataset, string encoder, CancellationToken cancellationToken = default);

    /// <summary>Every extraction, the one begun last first.</summary>
    Task<ExtractionStatus[]> Extractions(CancellationToken cancellationToken = default);

    /// <summary>The status of an extraction now and whenever it changes, ending with the one in which it is over.</summary>
    /// <exception cref="FuseMixException">It was never started, and there is no such dataset or encoder.</exception>
    IAsyncEnumerable<ExtractionStatus> WatchExtraction(string dataset, string encoder, CancellationToken cancellationToken = default);

    /// <summary>Stops an extraction; what is committed stays, and starting it again goes on from there.</summary>
    /// <exception cref="FuseMixException">It was never started, and there is no such dataset or encoder.</exception>
    Task<ExtractionStatus> CancelExtraction(string dataset, string encoder, CancellationToken cancellationToken = default);

    /// <summary>Puts a training in the trainer's queue and returns at once. A job of this id that is cancelled or failed goes on from its
    /// last checkpoint.</summary>
    /// <exception cref="FuseMixException">Unknown dataset, encoder or recipe key; the id stands for another request. What only the data
    /// tell, missing latents for example, fails the job instead.</exception>
    Task<TrainingStatus> SubmitTraining(TrainingRequest request, CancellationToken cancellationToken = default);

    /// <summary>Where a training stands.</summary>
    /// <exception cref="FuseMixException">No job has this id.</exception>
    Task<TrainingStatus> Training(string jobId, CancellationToken cancellationToken = default);

    /// <summary>Trainings, a page at a time: those that wait, the one submitted last first; the one that runs; and those that are over, the
    /// one that ended last first. The cluster remembers only so many of those.</summary>
    /// <param name="limit">Most trainings of the page, 1 to 1,000.</param>
    /// <param name="continuation">Where to go on: <see cref="TrainingPage.Next"/> of the page before; null at the beginning.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The limit is out of range, or the continuation is not one of a page.</exception>
    Task<TrainingPage> Trainings(int limit = 100, string? continuation = null, CancellationToken cancellationToken = default);

    /// <summary>The status of a training now and as it goes on, ending with the one in which it is over. A slow reader skips
    /// steps.</summary>
    /// <exception cref="FuseMixException">No job has this id.</exception>
    IAsyncEnumerable<TrainingStatus> WatchTraining(string jobId, CancellationToken cancellationToken = default);

    /// <summary>Stops a training after the step in hand, with a checkpoint.</summary>
    /// <exception cref="FuseMixException">No job has this id.</exception>
    Task<TrainingStatus> CancelTraining(string jobId, CancellationToken cancellationToken = default);

    /// <summary>Recall of a fusion model on one split of a dataset whose latents are stored. May take minutes, and stops when it is
    /// cancelled.</summary>
    /// <exception cref="FuseMixException">Unknown model, dataset or split; latents missing; or too many wait already.</exception>
    Task<EvaluationReport> Evaluate(EvaluationRequest request, CancellationToken cancellationToken = default);

    /// <summary>Fits the yardstick, linear CCA, to the latents of a fusion model's encoders. May take minutes, and stops when it is
    /// cancelled.</summary>
    /// <param name="model">Name of the fusion model whose encoders to take.</param>
    /// <param name="dataset">Name of the dataset whose training pairs to take.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Name of the linear model, which is measured like any other.</returns>
    /// <exception cref="FuseMixException">Unknown model or dataset; latents missing; or too many wait already.</exception>
    Task<string> FitBaseline(string model, string dataset, CancellationToken cancellationToken = default);

    /// <summary>Begins to build a generation of a collection, which goes live when it is whole, and returns at once.</summary>
    /// <exception cref="FuseMixException">Unknown model or dataset; latents missing; another build is running; or another model's or
    /// dataset's generation is live and <see cref="CollectionBuild.Replace"/> is not set.</exception>
    Task<BuildStatus> StartBuild(string collection, CollectionBuild request, CancellationToken cancellationToken = default);

    /// <summary>How far the build of a collection is that runs, or how the last one ended.</summary>
    /// <exception cref="FuseMixException">There is no such collection, and none was ever begun.</exception>
    Task<BuildStatus> Build(string collection, CancellationToken cancellationToken = default);

    /// <summary>The status of a build now and whenever it changes, ending with the one in which it is over.</summary>
    /// <exception cref="FuseMixException">There is no such collection, and none was ever begun.</exception>
    IAsyncEnumerable<BuildStatus> WatchBuild(string collection, CancellationToken cancellationToken = default);

    /// <summary>Stops the build that runs, if any; what it wrote is removed and the live generation stays.</summary>
    /// <exception cref="FuseMixException">There is no such collection, and none was ever begun.</exception>
    Task<BuildStatus> CancelBuild(string collection, CancellationToken cancellationToken = default);

    /// <summary>What a collection holds.</summary>
    /// <exception cref="FuseMixException">There is no such collection.</exception>
    Task<CollectionStatus> Collection(string name, CancellationToken cancellationToken = default);

    /// <summary>Makes a generation the live one; safe to repeat. To roll back, name the generation before the live one.</summary>
    /// <exception cref="FuseMixException">There is no such collection or generation.</exception>
    Task<CollectionStatus> GoLive(string collection, string generation, CancellationToken cancellationToken = default);

    /// <summary>Removes a collection with all its generations, and ends a build that runs; safe to repeat.</summary>
    Task Drop(string collection, CancellationToken cancellationToken = default);

    /// <summary>Installs an encoder pack, which is tried out first; safe to repeat.</summary>
    /// <param name="name">The name that its <c>encoder.json</c> gives it.</param>
    /// <param name="folder">The folder on this machine with <c>encoder.json</c>.</param>
    /// <param name="replace">Whether a pack of that name with another content is replaced; latents of the old one stay, under its
    /// fingerprint.</param>
    /// <param name="progress">Told how far the upload is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The pack is not valid, has another name, or the name is taken by another content.</exception>
    Task<EncoderSummary> PutEncoder(
        string name,
        string folder,
        bool replace = false,
        IProgress<UploadProgress>? progress = null,
        CancellationToken cancellationToken = default);

    /// <summary>Removes an encoder pack; latents and models that were made with it stay.</summary>
    /// <param name="name">The encoder.</param>
    /// <param name="force">Whether it goes though a collection searches with it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">There is none of that name; or a collection searches with it, which is named
    /// (conflict).</exception>
    Task RemoveEncoder(string name, bool force = false, CancellationToken cancellationToken = default);

    /// <summary>Imports a dataset from this machine in place of any of that name; safe to repeat.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="source">Where it is on this machine.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">The source is missing, malformed or too large, or nothing in it could be imported.</exception>
    Task<DatasetSummary> PutDataset(
        string name, DatasetSource source, IProgress<UploadProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Imports a folder of pictures and sounds that lies in the <c>imports</c> folder of the cluster's home already; safe to
    /// repeat.</summary>
    /// <param name="name">What to call the dataset.</param>
    /// <param name="folder">Name of the folder in <c>imports</c>; no path.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">There is no such folder, or nothing in it could be imported.</exception>
    Task<DatasetSummary> RegisterDataset(string name, string folder, CancellationToken cancellationToken = default);

    /// <summary>Forgets a dataset; latents and models that were made of it stay. Files that were uploaded for it are deleted.</summary>
    /// <param name="name">The dataset.</param>
    /// <param name="force">Whether it goes though a collection shows its items.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FuseMixException">There is none of that name; or a collection shows its items, which is named
    /// (conflict).</exception>
    Task RemoveDataset(string name, bool force = false, CancellationToken cancellationToken = default);
}
