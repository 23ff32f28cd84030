using FuseMix.Data.Latents;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Latents;

public sealed class VerifiedOnceTests
{
    [Fact]
    public void The_shards_of_a_latent_set_are_read_through_once_however_often_it_is_opened()
    {
        using var folder = new TemporaryFolder();
        var home = new FuseMixHome(folder.Path);
        var store = new LatentStore(home);
        var encoder = Fingerprint.Of("encoder");
        var set = store.OpenOrCreate(new LatentPlan
        {
            Dataset = "emoji",
            DatasetFingerprint = Fingerprint.Of("dataset"),
            Encoder = "use-lite",
            EncoderFingerprint = encoder,
            Dimension = 2,
            ShardSize = 2,
            Items = [new("a", "1"), new("b", "2"), new("c", "3")],
        });
        foreach (var shard in set.Progress().Pending)
        {
            var ids = set.ItemIds(shard);
            set.CommitShard(shard, ids, Enumerable.Repeat(1f, ids.Count * 2).ToArray(), []);
        }

        var files = Directory.EnumerateFiles(home.Latents, "*.safetensors", SearchOption.AllDirectories).Select(
            path => new FileInfo(path)).ToArray();
        Assert.Equal(2, files.Length);
        foreach (var file in files) file.LastWriteTimeUtc = DateTime.UtcNow.AddMinutes(-1);

        var read = 0L;
        FileChecksum.Hashed += Count;
        try
        {
            for (var i = 0; i < 3; i++)
            {
                using var reader = store.OpenRead("emoji", "use-lite", encoder);
                Assert.Equal(3, reader.Count);
                Assert.Equal(files.Sum(file => file.Length), read);
            }
        }
        finally
        {
            FileChecksum.Hashed -= Count;
        }

        void Count(string path, long bytes)
        {
            if (path.StartsWith(folder.Path, StringComparison.Ordinal) && path.EndsWith(".safetensors", StringComparison.Ordinal))
                read += bytes;
        }
    }
}
