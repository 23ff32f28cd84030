using System.Runtime.CompilerServices;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;

namespace FuseMix.Cli.Tests.Collections;

public sealed class CollectionsCommandTests
{
    private readonly FakeCollection _collection = new();

    [Fact]
    public async Task A_build_takes_the_dataset_of_the_model_where_none_is_named()
    {
        var result = await Run("collections", "build", "emoji", "--model", "emoji-small");
        Assert.Equal(0, result.Code);
        Assert.Equal(new CollectionBuild("emoji-small", "emoji"), _collection.Built);
        Assert.Contains("✓ emoji: 3,822 images and 1,911 texts, 512 dimensions, 2 shards, generation g2", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_of_a_build_are_passed_on()
    {
        await Run("collections", "build", "emoji", "--model", "emoji-small", "--dataset", "other", "--rows-per-shard", "100", "--no-replace");
        Assert.Equal(new CollectionBuild("emoji-small", "other", 100, Replace: false), _collection.Built);
    }

    [Fact]
    public async Task A_shard_without_rows_is_refused()
    {
        var result = await Run("collections", "build", "emoji", "--model", "emoji-small", "--rows-per-shard", "0");
        Assert.Equal(1, result.Code);
        Assert.Null(_collection.Built);
    }

    [Fact]
    public async Task The_live_generation_is_marked()
    {
        var result = await Run("collections", "show", "emoji");
        Assert.Contains("  live g2\n", result.Out, StringComparison.Ordinal);
        Assert.Contains("       g1\n", result.Out, StringComparison.Ordinal);
        Assert.Contains("image-00000", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_of_the_list_has_every_shard()
    {
        var json = (await Run("collections", "list", "--json")).Json;
        Assert.Equal(["image", "text"], json[0].GetProperty("shards").EnumerateArray().Select(s => s.GetProperty("modality").GetString()));
    }

    [Fact]
    public async Task What_was_dropped_can_be_made_again_and_the_command_is_told()
    {
        var result = await Run("collections", "drop", "emoji");
        Assert.True(_collection.Dropped);
        Assert.Contains("'./fusemix collections build emoji --model emoji-small --dataset emoji' makes it again.", result.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("show")]
    [InlineData("rollback")]
    [InlineData("drop")]
    public async Task An_unknown_collection_gets_the_nearest_name(string command)
    {
        var result = await Run("collections", command, "emoij");
        Assert.Equal("There is no collection named 'emoij'. Did you mean 'emoji'?\n", result.Error);
        Assert.False(_collection.Dropped);
    }

    private Task<CliResult> Run(params string[] args) => new CliTester
    {
        Grains = FakeGrains.With<ICollectionGrain>(FakeGrains.Create(new FakeCatalog(), new FakeTrainer()), _ => _collection),
        Home = TestHome.Path,
    }.Run(args);

    private sealed class FakeCollection : ICollectionGrain
    {
        private static readonly CollectionStatus Live = new(
            "emoji", "g2", "emoji-small", new string('f', 64), "emoji", 512,
            [new ShardStatus("image-00000", Modality.Image, 3_822), new ShardStatus("text-00000", Modality.Text, 1_911)], ["g2", "g1"]);

        public CollectionBuild? Built { get; private set; }

        public bool Dropped { get; private set; }

        public Task<BuildStatus> StartBuild(CollectionBuild request)
        {
            Built = request;
            return BuildStatus();
        }

        public Task<BuildStatus> BuildStatus() =>
            Task.FromResult(new BuildStatus("emoji", Built, JobState.Completed, 5_733, 5_733, "g2", false, TimeSpan.FromSeconds(1), null));

        public Task<BuildStatus> CancelBuild() => BuildStatus();

        public async IAsyncEnumerable<BuildStatus> WatchBuild([EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            yield return await BuildStatus();
        }

        public Task<CollectionStatus> Status() => Task.FromResult(Live);

        public Task<CollectionStatus> GoLive(string generation) => Task.FromResult(Live with { Generation = generation });

        public Task Drop()
        {
            Dropped = true;
            return Task.CompletedTask;
        }
    }
}
