using FuseMix.Retrieval.Shards;
using FuseMix.Retrieval.Tests.Search;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Retrieval.Tests.Shards.Regressions;

/// <summary>Shards that were mapped from files that others can change: whoever shortened one ended the process.</summary>
public sealed class NeverLookedAtTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(100)]
    [InlineData(30_000)]
    public void A_shard_whose_file_is_emptied_while_it_is_open_answers_as_before(int count)
    {
        var rows = Draw.UnitRows(count, 256, 1);
        var path = TestShards.Write(_folder["s.fmshard"], rows, 256);
        Assert.Equal(count > 1000, new FileInfo(path).Length > PrivateCopy.InMemory);
        using var shard = IndexShard.Open(path);
        var before = shard.Search(rows.AsSpan(0, 256), 1)[0];
        using (var file = File.OpenWrite(path)) file.SetLength(0);
        Assert.Equal(before, shard.Search(rows.AsSpan(0, 256), 1)[0]);
        Assert.Equal(before[0].Id, shard.Id(before[0].Row));
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => IndexShard.Open(path)).Kind);
        Assert.Equal(FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => IndexShard.RequireLength(path)).Kind);
    }

    [Theory]
    [InlineData(PrivateCopy.InMemory)]
    [InlineData(0)]
    public void A_copy_has_the_bytes_and_the_checksum_of_its_file_and_leaves_no_file_behind(long inMemory)
    {
        var before = Leftovers();
        var bytes = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31)).ToArray();
        File.WriteAllBytes(_folder["f"], bytes);
        using (var copy = PrivateCopy.Of(_folder["f"], inMemory))
        {
            File.WriteAllBytes(_folder["f"], [1]);
            Assert.Equal((bytes.Length, Fingerprint.Of(bytes)), (copy.Length, copy.Checksum));
            var read = new byte[bytes.Length];
            copy.View.ReadArray(0, read, 0, read.Length);
            Assert.Equal(bytes, read);
            Assert.Subset(before, Leftovers());
        }

        File.WriteAllBytes(_folder["f"], []);
        Assert.Throws<InvalidDataException>(() => PrivateCopy.Of(_folder["f"], inMemory));

        static HashSet<string> Leftovers() => [.. Directory.EnumerateFiles(Path.GetTempPath(), ".fusemix-*")];
    }
}
