using FuseMix.Data.Datasets;
using FuseMix.Grains.Cluster;
using FuseMix.Hosting.Configuration;
using FuseMix.Silo;
using FuseMix.Silo.Configuration;
using FuseMix.Silo.Security;
using FuseMix.Storage;
using Microsoft.AspNetCore.Builder;

namespace FuseMix.Cli.Tests.EndToEnd;

/// <summary>The commands of a user with their own encoders and pictures, one after the other, on a real cluster.</summary>
public abstract class WholeWayTests : IAsyncLifetime
{
    private const string Recipe = "steps=300";

    private protected TinyWorld World { get; } = new();

    /// <summary>What a command line says besides to reach the cluster.</summary>
    private protected virtual string[] Where => [];

    private protected virtual Dictionary<string, string> Variables => [];

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual ValueTask DisposeAsync()
    {
        World.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task From_packs_and_pictures_to_searches_and_back()
    {
        Assert.Contains("✓ fields: image, 12 dimensions", await Ok("encoders", "add", World.ImagePack), StringComparison.Ordinal);
        Assert.Contains("✓ words: text, 8 dimensions", await Ok("encoders", "add", World.TextPack), StringComparison.Ordinal);
        Assert.Contains("installed, ", await Ok("encoders", "list"), StringComparison.Ordinal);
        Assert.Contains("✓ mine: 96 images", await Ok("datasets", "import", "--folder", World.Pictures, "--name", "mine"), StringComparison.Ordinal);
        Assert.Contains("already imported, recognised by fingerprint", await Ok("datasets", "import", "--folder", World.Pictures, "--name", "mine"), StringComparison.Ordinal);
        Assert.Contains("96 images, 8 texts", await Ok("datasets", "list"), StringComparison.Ordinal);
        Assert.Contains("image – text", await Ok("datasets", "show", "mine"), StringComparison.Ordinal);

        var extracted = await Ok("extract", "mine");
        Assert.Contains("✓ mine × fields: 96 latents", extracted, StringComparison.Ordinal);
        Assert.Contains("✓ mine × words: 8 latents", extracted, StringComparison.Ordinal);
        Assert.Contains("96 latents already there", await Ok("extract", "mine", "fields"), StringComparison.Ordinal);

        string[] train = ["train", "mine", "--model", "mine-v1", "--set", Recipe, "--set", "batchSize=16", "--set", "sharedDimension=16", "--set", "dropout=0.1"];
        Assert.Contains("✓ mine-v1: 300 steps", await Ok(train), StringComparison.Ordinal);
        Assert.Contains("already trained, recognised as job mine-v1-", await Ok(train), StringComparison.Ordinal);

        var report = (await Run("eval", "mine-v1", "--split", "train", "--json")).Json;
        Assert.InRange(report.GetProperty("mean").GetDouble(), 80, 100);

        Assert.Contains("96 images and 8 texts", await Ok("collections", "build", "mine", "--model", "mine-v1"), StringComparison.Ordinal);
        Assert.Contains("already there", await Ok("collections", "build", "mine", "--model", "mine-v1"), StringComparison.Ordinal);

        // Only what was trained on is sure to be found.
        var learnt = new DatasetStore(new FuseMixHome(ClusterHome)).Load("mine").ItemsOf(Modality.Text).First(item => item.Split == Split.Train).Text!;
        var hits = (await Run("search", "mine", learnt, "-k", "3", "--json")).Json.GetProperty("results")[0].EnumerateArray().ToArray();
        Assert.Equal(3, hits.Length);
        Assert.All(hits, hit => Assert.StartsWith($"{learnt}-", hit.GetProperty("id").GetString(), StringComparison.Ordinal));

        var picture = Path.Combine(World.Pictures, $"{learnt}-03.png");
        var captions = (await Run("search", "mine", "--image", picture, "--target", "text", "-k", "1", "--json")).Json.GetProperty("results")[0];
        Assert.Equal(learnt, captions[0].GetProperty("metadata").GetProperty("caption").GetString());
        Assert.Contains($"{learnt}-", await Ok("search", "mine", "--item", $"{learnt}-01.png", "-k", "1"), StringComparison.Ordinal);

        Assert.Contains("mine-v1: fields + words, 300 steps", await Ok("status"), StringComparison.Ordinal);
        Assert.Contains("job mine-v1-", await Ok("models", "show", "mine-v1"), StringComparison.Ordinal);
        Assert.Contains("mine-v1", await Ok("models", "list"), StringComparison.Ordinal);
        Assert.Contains("96 images and 8 texts", await Ok("collections", "show", "mine"), StringComparison.Ordinal);
        await LookAtFiles();

        Assert.Contains("Dropped mine", await Ok("collections", "drop", "mine"), StringComparison.Ordinal);
        Assert.Contains("There is no collection named 'mine'", (await Run("search", "mine", "moon")).Error, StringComparison.Ordinal);
        Assert.Contains("Forgot mine", await Ok("datasets", "remove", "mine"), StringComparison.Ordinal);
        Assert.Contains("Removed fields", await Ok("encoders", "remove", "fields"), StringComparison.Ordinal);
        Assert.True(File.Exists(picture));
    }

    [Fact]
    public async Task Tables_are_imported_with_what_they_name()
    {
        await File.WriteAllTextAsync(Path.Combine(World.Pictures, "pairs.csv"), "image,text\nmoon-01.png,the moon\nboat-01.png,a boat\nno.png,nothing\n");
        await File.WriteAllTextAsync(Path.Combine(World.Pictures, "pairs.jsonl"), """{ "image": "moon-01.png", "text": ["the moon", "moon"] }""");
        var csv = await Ok("datasets", "import", "--csv", Path.Combine(World.Pictures, "pairs.csv"), "--name", "table", "--licence", "mine");
        Assert.Contains("✓ table: 2 images, 2 texts", csv, StringComparison.Ordinal);
        Assert.Contains("1 source could not be imported", csv, StringComparison.Ordinal);
        Assert.Contains("Licence: mine.", await Ok("datasets", "show", "table"), StringComparison.Ordinal);
        Assert.Contains("✓ lines: 1 image, 2 texts", await Ok("datasets", "import", "--jsonl", Path.Combine(World.Pictures, "pairs.jsonl"), "--name", "lines"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_that_are_found_are_drawn()
    {
        await Prepare();
        await Ok("train", "mine", "--model", "m", "--set", "steps=20", "--set", "batchSize=16", "--set", "sharedDimension=16");
        await Ok("collections", "build", "mine", "--model", "m");
        var tester = Tester(outIsTerminal: true);
        tester.Variables["COLORTERM"] = "truecolor";
        var result = await tester.Run(["search", "mine", "moon", "-k", "3", .. Where]);
        Assert.Equal(0, result.Code);
        Assert.Equal(8, result.Out.Split('\n').Count(line => line.Contains('▀', StringComparison.Ordinal)));
        Assert.DoesNotContain("(no picture)", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_generation_can_be_rolled_back()
    {
        await Prepare();
        var first = await Build("--seed", "0");
        var second = await Build("--seed", "1");
        Assert.NotEqual(first, second);
        var back = (await Run("collections", "rollback", "mine", "--json")).Json;
        Assert.Equal(first, back.GetProperty("generation").GetString());

        async Task<string?> Build(params string[] options)
        {
            var trained = (await Run(["train", "mine", "--set", "steps=20", "--set", "batchSize=16", "--set", "sharedDimension=16", "--json", .. options])).Json;
            var model = trained.GetProperty("status").GetProperty("model").GetString()!;
            return (await Run("collections", "build", "mine", "--model", model, "--json")).Json.GetProperty("generation").GetString();
        }
    }

    [Fact]
    public async Task A_study_trains_every_method_on_every_seed_and_goes_on_where_it_stopped()
    {
        await Prepare();
        string[] study = ["study", "augmentation", "--dataset", "mine", "--seeds", "2", "--split", "train", "--set", "steps=10", "--set", "batchSize=16", "--set", "sharedDimension=16"];
        var result = await Run([.. study, "--json"]);
        var methods = result.Json.GetProperty("methods").EnumerateArray().ToArray();
        Assert.Equal(["FuseMix", "FuseMix and noise 0.02", "no augmentation", "Gaussian noise 0.01", "random quantization, 16 bins", "linear CCA"], methods.Select(m => m.GetProperty("name").GetString()));
        Assert.Equal([2, 2, 2, 2, 2, 1], methods.Select(m => m.GetProperty("runs").GetArrayLength()));
        Assert.Equal(11, methods.SelectMany(m => m.GetProperty("models").EnumerateArray().Select(e => e.GetString())).Distinct().Count());
        var table = await File.ReadAllTextAsync(Path.Combine(World.Home, "studies", "augmentation-mine-train.md"));
        Assert.Contains("| FuseMix ", table, StringComparison.Ordinal);
        Assert.Contains(
            "`./fusemix study augmentation --dataset mine --seeds 2 --split train --set steps=10 --set batchSize=16 --set sharedDimension=16`", table, StringComparison.Ordinal);

        var again = await Run(study);
        Assert.Equal(10, again.Error.Split("(already trained)").Length - 1);
        Assert.Equal(table, await File.ReadAllTextAsync(Path.Combine(World.Home, "studies", "augmentation-mine-train.md")));
    }

    [Fact]
    public async Task A_study_on_folds_measures_each_by_what_learnt_from_the_others()
    {
        await Prepare();
        string[] study =
        [
            "study", "recipe", "--dataset", "mine", "--seeds", "1", "--folds", "2", "--set", "batchSize=8", "--set", "sharedDimension=16",
            "--method", "short: steps=5", "--method", "longer: steps=10",
        ];
        var report = (await Run([.. study, "--json"])).Json;
        Assert.Equal(2, report.GetProperty("folds").GetInt32());
        var methods = report.GetProperty("methods").EnumerateArray().ToArray();
        Assert.All(methods, method => Assert.Equal(["1/2", "2/2"], method.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("fold").GetString())));
        Assert.Equal(4, methods.SelectMany(method => method.GetProperty("models").EnumerateArray()).Select(model => model.GetString()).Distinct().Count());
        var table = await File.ReadAllTextAsync(Path.Combine(World.Home, "studies", "recipe-mine-2-folds.md"));
        Assert.Contains("ahead of the first", table, StringComparison.Ordinal);
        Assert.Contains("--seeds 1 --folds 2 --set batchSize=8", table, StringComparison.Ordinal);

        var again = await Run(study);
        Assert.Equal(4, again.Error.Split("(already trained)").Length - 1);
        Assert.Contains("seed 0, fold 2/2, longer", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_training_that_was_stopped_goes_on_and_ends_at_the_same_loss()
    {
        await Prepare();
        string[] train = ["train", "mine", "--set", "steps=6000", "--set", "batchSize=16", "--set", "sharedDimension=16"];
        var whole = (await Run([.. train, "--model", "whole", "--json"])).Json;

        using var stop = new CancellationTokenSource();
        var stopped = await Watch(stop.Cancel, stop.Token, [.. train, "--model", "parts"]);
        Assert.Equal(130, stopped.Code);
        Assert.Matches(@"Stopped after step [1-9][\d,]* of 6,000, with a checkpoint\. The same command goes on from there\.", stopped.Error);

        var rest = (await Run([.. train, "--model", "parts", "--json"])).Json;
        Assert.False(rest.GetProperty("reused").GetBoolean());
        Assert.InRange(rest.GetProperty("status").GetProperty("resumedFrom").GetInt32(), 1, 5_999);
        Assert.Equal(whole.GetProperty("status").GetProperty("loss").GetDouble(), rest.GetProperty("status").GetProperty("loss").GetDouble());
    }

    [Fact]
    public async Task An_encoder_that_lies_is_refused_with_the_reason()
    {
        var definition = Path.Combine(World.ImagePack, "encoder.json");
        await File.WriteAllTextAsync(definition, (await File.ReadAllTextAsync(definition)).Replace("\"dimension\": 12", "\"dimension\": 13", StringComparison.Ordinal));
        var result = await Run("encoders", "add", World.ImagePack);
        Assert.Equal(1, result.Code);
        Assert.Contains("13", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("installed", (await Run("encoders", "list")).Out.Split("can be imported")[0], StringComparison.Ordinal);
    }

    private protected async Task Prepare()
    {
        await Ok("encoders", "add", World.ImagePack);
        await Ok("encoders", "add", World.TextPack);
        await Ok("datasets", "import", "--folder", World.Pictures, "--name", "mine");
        await Ok("extract", "mine");
    }

    private protected async Task<string> Ok(params string[] args)
    {
        var result = await Run(args);
        Assert.True(result.Code == 0, $"{string.Join(' ', args)} ended with {result.Code}: {result.Error}");
        return result.Out;
    }

    private protected Task<CliResult> Run(params string[] args) => Tester().Run([.. args, .. Where]);

    /// <summary>Runs a command that trains.</summary>
    /// <param name="trains">Called once it says that steps are done.</param>
    /// <param name="stop">Ctrl-C.</param>
    /// <param name="args">The command line.</param>
    private protected Task<CliResult> Watch(Action trains, CancellationToken stop, params string[] args) => new CliTester
    {
        Home = World.Home,
        Stop = stop,
        RealCluster = true,
        Clock = new HastyClock(),
        Variables = Variables,
        Listener = line =>
        {
            if (line.Contains("loss", StringComparison.Ordinal)) trains();
        },
    }.Run([.. args, .. Where]);

    /// <summary>Where the cluster keeps its files.</summary>
    private protected virtual string ClusterHome => World.Home;

    /// <summary>What only a machine with the files of the cluster can do.</summary>
    private protected virtual Task LookAtFiles() => Task.CompletedTask;

    private CliTester Tester(bool outIsTerminal = false) => new() { Home = World.Home, RealCluster = true, Width = 160, OutIsTerminal = outIsTerminal, Variables = Variables };
}

/// <summary>On a cluster in this process.</summary>
[Trait("Category", "Slow")]
public sealed class HereTests : WholeWayTests
{
    private protected override async Task LookAtFiles()
    {
        Assert.Contains("✓ fields: 12 dimensions", await Ok("encoders", "verify"), StringComparison.Ordinal);
        await Ok("models", "export", "mine-v1", "--to", World["exported"]);
        Assert.Equal(2, Directory.GetFiles(World["exported"], "*.onnx").Length);
    }

    [Fact]
    public async Task The_study_of_quality_makes_datasets_of_poorer_captions_and_measures_all_on_the_same_items()
    {
        foreach (var caption in Directory.GetFiles(World.Pictures, "*.txt"))
            await File.WriteAllTextAsync(caption, $"{(await File.ReadAllTextAsync(caption)).Trim()}. tree, {Path.GetFileName(caption)[..3]}\n");
        await Prepare();
        string[] study = ["study", "quality", "--dataset", "mine", "--seeds", "1", "--split", "train", "--set", "steps=10", "--set", "batchSize=16", "--set", "sharedDimension=16"];
        var methods = (await Run([.. study, "--json"])).Json.GetProperty("methods").EnumerateArray().ToArray();
        Assert.Equal(6, methods.Length);
        Assert.Equal(3, methods.Select(method => method.GetProperty("models")[0].GetString()).Distinct().Count());
        Assert.Equal(
            ["mine", "mine", "mine", "mine-first-sentences", "mine-first-sentences", "mine-first-sentences"],
            methods.Select(method => method.GetProperty("runs")[0].GetProperty("dataset").GetString()));
        Assert.Contains("Of 100 words, 50 are replaced", await Ok("datasets", "show", "mine-replaced-words"), StringComparison.Ordinal);

        var again = await Run(study);
        Assert.Equal(6, again.Error.Split("(already trained)").Length - 1);

        await Ok("datasets", "import", "--folder", World.Pictures, "--name", "mine-first-sentences");
        Assert.Contains("that this study has not made", (await Run(study)).Error, StringComparison.Ordinal);
        Assert.Contains("tree", await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(World.Home, "datasets", "mine-first-sentences"), "items-*.jsonl").Single()), StringComparison.Ordinal);
    }
}

/// <summary>On a cluster elsewhere, which is reached by its HTTP API alone.</summary>
[Trait("Category", "Slow")]
public sealed class ElsewhereTests : WholeWayTests
{
    private readonly string _key = ApiKey.Create();
    private WebApplication _app = null!;

    private protected override string ClusterHome => World["cluster"];

    private protected override string[] Where => ["--cluster", _app.Urls.Single()];

    private protected override Dictionary<string, string> Variables => new() { ["FUSEMIX_API_KEY"] = _key };

    public override async ValueTask InitializeAsync()
    {
        _app = SiloHost.Build(new SiloConfiguration
        {
            Home = World["cluster"],
            Node = new NodeOptions { Threads = 1 },
            Cluster = new ClusteringOptions { SiloPort = 0, GatewayPort = 0 },
            Http = new HttpOptions { Port = 0, ApiKeys = [new ApiKeyOptions { Name = "cli", Sha256 = ApiKey.Sha256Of(_key), Scopes = ["admin"] }] },
            Shutdown = new ShutdownOptions { Drain = TimeSpan.Zero },
        });
        await _app.StartAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();

        // What the commands did lies with the cluster; only studies are written down here.
        Assert.Equal([], Directory.EnumerateDirectories(World.Home).Select(Path.GetFileName).Except(["studies"]));
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_joins_a_training_may_leave_it_and_anybody_can_cancel_it()
    {
        await Prepare();
        string[] train = ["train", "mine", "--model", "long", "--set", "steps=2000000", "--set", "batchSize=16", "--set", "sharedDimension=16"];
        var trains = new TaskCompletionSource();
        var first = Watch(() => trains.TrySetResult(), default, train);
        Assert.Same(trains.Task, await Task.WhenAny(trains.Task, first));

        using var stop = new CancellationTokenSource();
        var second = await Watch(stop.Cancel, stop.Token, train);
        Assert.Equal(130, second.Code);
        Assert.Matches("Stopped watching; the training, which ran before this command, goes on. './fusemix cancel train long-[0-9a-f]{12}' stops it.", second.Error);
        Assert.Equal("running", (await Run("status", "--json")).Json.GetProperty("trainings")[0].GetProperty("state").GetString());

        Assert.Matches("✓ long-[0-9a-f]{12}: stopped after step", await Ok("cancel", "train", "long"));
        Assert.Contains("The same command goes on from there.", (await first).Error, StringComparison.Ordinal);
        Assert.Contains("No training named", (await Run("cancel", "train", "long")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_missing_wrong_or_too_weak_is_said_so()
    {
        var result = await new CliTester { Home = World.Home, RealCluster = true }.Run(["status", .. Where]);
        Assert.Equal(2, result.Code);
        Assert.Contains("key", result.Error, StringComparison.Ordinal);
        result = await new CliTester { Home = World.Home, RealCluster = true }.Run(["status", "--api-key", "fmx_wrong", .. Where]);
        Assert.Contains("not one that this node knows", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("fmx_wrong", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_is_not_there_is_named()
    {
        // Port 9 is for discarding, which nobody does any more.
        var result = await new CliTester { Home = World.Home, RealCluster = true }.Run("status", "--cluster", "http://127.0.0.1:9", "--json");
        Assert.Equal(1, result.Code);
        Assert.Equal("unavailable", result.Json.GetProperty("error").GetProperty("kind").GetString());
        Assert.Contains("http://127.0.0.1:9 cannot be reached", result.Error, StringComparison.Ordinal);
    }
}
