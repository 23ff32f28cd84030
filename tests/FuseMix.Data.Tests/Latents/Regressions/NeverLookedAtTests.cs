using FuseMix.Data.Latents;
using FuseMix.Storage;
using FuseMix.Testing;
using static FuseMix.Data.Tests.Latents.LatentStoreTests;

namespace FuseMix.Data.Tests.Latents.Regressions;

/// <summary>Shards that were taken for stored since a commit said so, whatever had become of their files.</summary>
public sealed class NeverLookedAtTests : IDisposable
{
    private static readonly LatentPlan Planned = Plan(8, 4);
    private readonly TemporaryFolder _folder = new();
    private readonly LatentStore _store;
    private readonly string _set;

    public NeverLookedAtTests()
    {
        var home = new FuseMixHome(_folder.Path);
        _store = new LatentStore(home);
        _set = Path.Combine(home.Latents, Planned.Dataset, Planned.Encoder, Planned.EncoderFingerprint.Short);
        var set = _store.OpenOrCreate(Planned);
        foreach (var shard in Pending(set)) Commit(set, shard);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("less a byte")]
    [InlineData("a byte more")]
    [InlineData("gone")]
    [InlineData("a flipped bit")]
    [InlineData("its commit torn")]
    public void A_damaged_shard_is_named_and_planned_again_and_the_others_stay(string damage)
    {
        Damage(damage);
        var named = Assert.Single(_store.Damage(Planned.Dataset, Planned.Encoder, Planned.EncoderFingerprint));
        Assert.Contains("shard-00001", named.Message, StringComparison.Ordinal);
        Assert.Contains("fusemix extract emoji use-lite", named.Remedy, StringComparison.Ordinal);

        var set = _store.OpenOrCreate(Planned);
        var pending = Assert.Single(Pending(set));
        Assert.Equal(1, pending.Index);
        Assert.False(Commit(set, pending).AlreadyCommitted);
        Assert.True(set.IsComplete);
        Assert.Empty(_store.Damage(Planned.Dataset, Planned.Encoder, Planned.EncoderFingerprint));
        using var reader = Read();
        for (var row = 0; row < 8; row++) AssertRow(reader, row);
    }

    [Theory]
    [InlineData("less a byte")]
    [InlineData("gone")]
    public void A_set_with_a_shard_of_another_size_is_not_complete(string damage)
    {
        Damage(damage);
        Assert.False(_store.Status(Planned.Dataset, Planned.Encoder, Planned.EncoderFingerprint)!.IsComplete);
    }

    [Fact]
    public void Where_a_damaged_shard_is_made_again_with_other_values_those_count()
    {
        Damage("less a byte");
        var set = _store.OpenOrCreate(Planned);
        var shard = Assert.Single(Pending(set));
        set.CommitShard(shard.Index, shard.Ids, Enumerable.Repeat(2f, shard.Ids.Count * Planned.Dimension).ToArray(), []);
        using (var reader = Read())
        {
            Assert.True(reader.TryGetRow(shard.Ids[0], out var row));
            var values = new float[Planned.Dimension];
            reader.Gather([row], values);
            Assert.All(values, value => Assert.Equal(2f, value));
        }

        _ = _store.OpenOrCreate(Planned);
        Assert.Single(Directory.GetFiles(_set, "shard-00001-*.safetensors"));
    }

    [Fact]
    public void A_shard_that_is_shortened_while_it_is_read_is_a_failure_and_not_the_end_of_the_process()
    {
        using var reader = Read();
        foreach (var path in Directory.GetFiles(_set, "shard-*.safetensors"))
        {
            using var file = File.Open(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.SetLength(0);
        }

        var failure = Assert.Throws<FuseMixException>(() => reader.Gather([0, 5], new float[2 * Planned.Dimension]));
        Assert.Equal(FailureKind.Corrupt, failure.Kind);
        Assert.Contains("cut short since it was opened", failure.Message, StringComparison.Ordinal);
    }

    private LatentReader Read() => _store.OpenRead(Planned.Dataset, Planned.Encoder, Planned.EncoderFingerprint);

    private void Damage(string how)
    {
        var path = Directory.GetFiles(_set, "shard-00001-*.safetensors").Single();
        var bytes = File.ReadAllBytes(path);
        switch (how)
        {
            case "gone": File.Delete(path); break;
            case "less a byte": File.WriteAllBytes(path, bytes[..^1]); break;
            case "a byte more": File.WriteAllBytes(path, [.. bytes, 0]); break;
            case "a flipped bit": bytes[^100] ^= 1; File.WriteAllBytes(path, bytes); break;
            default: File.WriteAllText(Path.Combine(_set, "shard-00001.json"), "{"); break;
        }
    }
}
