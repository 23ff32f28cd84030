using System.Security.Cryptography;
using System.Text;
using FuseMix.Retrieval.Search;
using FuseMix.Retrieval.Shards;
using FuseMix.Retrieval.Tests.Search;
using FuseMix.Testing;

namespace FuseMix.Retrieval.Tests.Shards;

public sealed class ShardFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_writer_gives_the_checksum_of_the_file_and_the_same_items_the_same_file()
    {
        var writer = new ShardWriter("g000001-aa", "text-0", Modality.Text, 3, ["b", "a"]);
        writer.Add("x", [1, 0, 0], new Dictionary<string, string> { ["a"] = "1" });
        writer.Add(new IndexItem("y", new float[] { 0, 1, 0 }));
        var checksum = writer.Write(_folder["one.fmshard"]);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder["one.fmshard"]))), checksum.Hex);
        Assert.Equal(checksum, writer.Write(_folder["two.fmshard"]));
        Assert.Equal(2, writer.Count);
        Assert.Equal(["b", "a"], writer.Columns);
    }

    [Fact]
    public void Embeddings_of_every_row_start_at_a_multiple_of_64_bytes()
    {
        TestShards.Write(_folder["s.fmshard"], Draw.UnitRows(3, 17, 1), 17);
        var bytes = File.ReadAllBytes(_folder["s.fmshard"]);
        var format = ShardFormat.Parse(bytes, bytes.Length);
        Assert.Equal(32, format.Stride);
        Assert.Equal(0, format.Embeddings % 64);
        Assert.Equal(0, format.Codes % 64);
        Assert.Equal(Draw.UnitRows(3, 17, 1)[17], BitConverter.ToSingle(bytes, (int)format.Embeddings + 128));
    }

    [Fact]
    public void Items_that_cannot_be_searched_are_refused_by_name()
    {
        var writer = new ShardWriter("g000001-aa", "image-0", Modality.Image, 2, ["label"]);
        writer.Add("first", [1, 0]);
        Refused(FailureKind.Conflict, () => writer.Add("first", [0, 1]), "two items with the id 'first'");
        Refused(FailureKind.Invalid, () => writer.Add("zero", [0, 0]), "'zero' is zero");
        Refused(FailureKind.Invalid, () => writer.Add("nan", [float.NaN, 0]), "'nan' holds NaN");
        Refused(FailureKind.Invalid, () => writer.Add("inf", [0, float.PositiveInfinity]), "'inf' holds");
        Refused(FailureKind.Invalid, () => writer.Add("long", [1, 0.1f]), "has length 1.00499");
        Refused(FailureKind.Invalid, () => writer.Add("huge", [float.MaxValue, 0]), "has length");
        Refused(FailureKind.Invalid, () => writer.Add("wide", [1, 0, 0]), "'wide' has 3 values, shard 'image-0' has 2");
        Refused(FailureKind.Invalid, () => writer.Add("", [1, 0]), "has 0 bytes");
        Refused(FailureKind.Invalid, () => writer.Add(new string('é', 513), [1, 0]), "has 1026 bytes");
        Refused(FailureKind.Invalid, () => writer.Add("\uD800", [1, 0]), "not valid Unicode");
        Refused(
            FailureKind.Invalid,
            () => writer.Add("meta", [1, 0], new Dictionary<string, string> { ["label"] = "\uDC00" }),
            "not valid Unicode");
        var error = Refused(
            FailureKind.Invalid,
            () => writer.Add("meta", [1, 0], new Dictionary<string, string> { ["labels"] = "x" }),
            "metadata column named 'labels'");
        Assert.Equal("Did you mean 'label'?", error.Remedy);

        // What was refused left nothing behind.
        Assert.Equal(1, writer.Count);
        writer.Add("zero", [0, 1]);
        writer.Write(_folder["s.fmshard"]);
        using var shard = IndexShard.Open(_folder["s.fmshard"]);
        Assert.Equal(2, shard.Count);
    }

    [Fact]
    public void Shards_that_cannot_be_are_refused()
    {
        Refused(FailureKind.Invalid, () => new ShardWriter("../g", "s", Modality.Image, 2), "not a valid generation name");
        Refused(FailureKind.Invalid, () => new ShardWriter("g", "a/b", Modality.Image, 2), "not a valid shard name");
        Refused(FailureKind.Invalid, () => new ShardWriter("g", "s", Modality.Image, 0), "dimension");
        Refused(FailureKind.Invalid, () => new ShardWriter("g", "s", Modality.Image, 16_385), "dimension");
        Refused(FailureKind.Invalid, () => new ShardWriter("g", "s", Modality.Image, 2, ["a", "a"]), "columns");
        Refused(FailureKind.Invalid, () => new ShardWriter("g", "s", Modality.Image, 2, [""]), "columns");
        Refused(FailureKind.Invalid, () => new ShardWriter("g", "s", Modality.Image, 2).Write(_folder["none.fmshard"]), "has no items");
        Assert.False(File.Exists(_folder["none.fmshard"]));
    }

    [Fact]
    public void A_missing_file_is_not_found_and_a_folder_is_not_a_shard()
    {
        Refused(FailureKind.NotFound, () => IndexShard.Open(_folder["none.fmshard"]), "none.fmshard");
        Refused(FailureKind.Unavailable, () => IndexShard.Open(_folder.Path), _folder.Path);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(200)]
    [InlineData(-1)]
    [InlineData(-64)]
    public void A_truncated_shard_is_refused_by_name(int keep)
    {
        var bytes = Sample();
        File.WriteAllBytes(_folder["cut.fmshard"], bytes[..(keep <= 0 && keep != 0 ? bytes.Length + keep : keep)]);
        foreach (var verify in new[] { true, false })
            Refused(FailureKind.Corrupt, () => IndexShard.Open(_folder["cut.fmshard"], verify), "cut.fmshard");
    }

    [Fact]
    public void One_flipped_bit_anywhere_is_refused()
    {
        var bytes = Sample();
        var path = _folder["flipped.fmshard"];
        for (var at = 0; at < bytes.Length; at += at < 512 ? 1 : 37)
        {
            bytes[at] ^= 0x10;
            File.WriteAllBytes(path, bytes);
            Refused(FailureKind.Corrupt, () => IndexShard.Open(path), "flipped.fmshard");
            bytes[at] ^= 0x10;
        }
    }

    [Theory]
    [InlineData("\"count\":40", "\"count\":41", "describes")]
    [InlineData("\"count\":40", "\"count\":-1", "count")]
    [InlineData("\"dimension\":20", "\"dimension\":0", "")]
    [InlineData("\"dimension\":20", "\"dimension\":99999999", "")]
    [InlineData("\"modality\":\"image\"", "\"modality\":\"smell\"", "not valid JSON")]
    [InlineData("\"generation\":\"g000001-aa\"", "\"generation\":\"../0001-aa\"", "generation or shard name")]
    [InlineData("\"name\":\"label\"", "\"name\":\"other\"", "two columns")]
    [InlineData("\"columns\"", "\"colunms\"", "not valid JSON")]
    [InlineData("\"distinct\":3", "\"distinct\":2", "")]
    public void A_header_that_lies_is_refused_even_with_a_right_checksum(string from, string to, string why)
    {
        var bytes = Sample();
        var headerLength = BitConverter.ToInt32(bytes, 12);
        var header = Encoding.UTF8.GetString(bytes, 64, headerLength);
        Assert.Contains(from, header, StringComparison.Ordinal);
        var changed = Encoding.UTF8.GetBytes(header.Replace(from, to, StringComparison.Ordinal));
        byte[] file = [.. bytes[..64], .. changed, .. bytes[(64 + headerLength)..]];
        BitConverter.TryWriteBytes(file.AsSpan(12), changed.Length);
        BitConverter.TryWriteBytes(file.AsSpan(16), (long)file.Length);
        File.WriteAllBytes(_folder["lying.fmshard"], Sealed(file));
        Refused(FailureKind.Corrupt, () => IndexShard.Open(_folder["lying.fmshard"]), why);
    }

    [Fact]
    public void Ids_out_of_order_or_twice_are_refused_even_with_a_right_checksum()
    {
        var bytes = Sample();
        var format = ShardFormat.Parse(bytes, bytes.Length);
        var swapped = bytes.ToArray();
        (swapped[format.Order], swapped[format.Order + 4]) = (swapped[format.Order + 4], swapped[format.Order]);
        File.WriteAllBytes(_folder["bad.fmshard"], Sealed(swapped));
        Refused(FailureKind.Corrupt, () => IndexShard.Open(_folder["bad.fmshard"]), "out of order");

        var twice = bytes.ToArray();
        twice[format.Order + 4] = twice[format.Order];
        File.WriteAllBytes(_folder["bad.fmshard"], Sealed(twice));
        Refused(FailureKind.Corrupt, () => IndexShard.Open(_folder["bad.fmshard"]), "not unique");

        var column = bytes.ToArray();
        column[format.Columns[0].Codes] = 77;
        File.WriteAllBytes(_folder["bad.fmshard"], Sealed(column));
        Refused(FailureKind.Corrupt, () => IndexShard.Open(_folder["bad.fmshard"]), "names a value that is not there");
    }

    [Theory]
    [InlineData(true, 3000)]
    [InlineData(false, 3000)]
    public void Whatever_is_done_to_a_file_it_is_refused_or_read_safely(bool verify, int count)
    {
        var bytes = Sample();
        var path = _folder["fuzz.fmshard"];
        var query = Draw.UnitRows(1, 20, 9);
        var refused = 0;
        foreach (var variant in Mutations.Of(bytes, seed: verify ? 1 : 2, count))
        {
            File.WriteAllBytes(path, variant);
            try
            {
                using var shard = IndexShard.Open(path, verify);
                Assert.True(!verify || variant.AsSpan().SequenceEqual(bytes), "A changed file passed its checksum.");
                if (shard.Dimension == 20) Assert.True(shard.Search(query, 1, new SearchOptions { K = 40 })[0].Length <= 40);
                for (var row = 0; row < shard.Count; row++)
                {
                    Assert.True(shard.TryFind(shard.Id(row), out var at) && at == row);
                    _ = shard.Metadata(row);
                }
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Corrupt, e.Kind);
                Assert.Contains("fuzz.fmshard", e.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, verify ? count * 95 / 100 : count / 3, count);
    }

    private byte[] Sample()
    {
        var labels = new[] { "cat", "dog", "ü" };
        var path = TestShards.Write(
            _folder["sample.fmshard"], Draw.UnitRows(40, 20, 1), 20, row => $"id {(row * 7) % 40}",
            row => row % 5 == 0 ? null : new Dictionary<string, string> { ["label"] = labels[row % 3], ["other"] = $"{row}" },
            ["label", "other"]);
        return File.ReadAllBytes(path);
    }

    private static byte[] Sealed(byte[] file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(file.AsSpan(0, 32));
        hash.AppendData(file.AsSpan(64));
        hash.GetHashAndReset(file.AsSpan(32));
        return file;
    }

    private static FuseMixException Refused(FailureKind kind, Action action, string words)
    {
        var error = Assert.Throws<FuseMixException>(action);
        Assert.Equal(kind, error.Kind);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        return error;
    }
}
