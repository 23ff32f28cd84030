using FsCheck;
using FsCheck.Fluent;
using FuseMix.Retrieval.Search;
using FuseMix.Retrieval.Shards;
using FuseMix.Testing;

namespace FuseMix.Retrieval.Tests.Search;

public sealed class ShardSearchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(31, 5, 3, 4)]
    [InlineData(33, 16, 40, 3)]
    [InlineData(1000, 100, 10, 9)]
    [InlineData(3000, 512, 10, 5)]
    [InlineData(3000, 64, 1000, 2)]
    [InlineData(2500, 48, 10_000, 1)]
    [InlineData(700, 33, 5, 130)]
    public void Results_are_those_of_the_full_scan_to_the_last_bit(int count, int dimension, int k, int queries)
    {
        foreach (var rows in new[] { Draw.UnitRows(count, dimension, 1), Draw.Clustered(count, dimension, 7, 0.3f, 2), Draw.Clustered(count, dimension, 3, 0.001f, 3) })
        {
            var q = Draw.Clustered(queries, dimension, 7, 0.3f, 2);
            using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], rows, dimension));
            var expected = Enumerable.Range(0, queries).Select(
                i => TestShards.Oracle(rows, dimension, q.AsSpan(i * dimension, dimension), k, Id)).ToArray();
            foreach (var kernel in Enum.GetValues<CodeKernel.Kind>().Where(CodeKernel.IsSupported))
            {
                foreach (var threads in new[] { 1, 3 })
                {
                    var found = shard.Search(q, queries, new SearchOptions { K = k, Threads = threads }, kernel, out _);
                    for (var i = 0; i < queries; i++) Assert.Equal(expected[i], found[i]);
                }
            }
        }
    }

    [Fact]
    public void The_first_pass_rules_out_nearly_all_rows()
    {
        var rows = Draw.UnitRows(20_000, 256, 1);
        using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], rows, 256));
        shard.Search(Draw.UnitRows(4, 256, 2), 4, new SearchOptions(), CodeKernel.Best, out var reranked);
        Assert.InRange(reranked, 40, 4 * 1000);
    }

    [Fact]
    public void Equal_scores_come_in_the_order_of_their_ids_by_code_point()
    {
        // Surrogate pairs sort after U+FFFD by code point, before it by UTF-16 unit.
        string[] ids = ["b", "a", "\U0001F600", "\uFFFD", "é", "aa", "B"];
        var rows = Enumerable.Repeat(new float[] { 0, 1, 0 }, ids.Length).SelectMany(r => r).ToArray();
        using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], rows, 3, row => ids[row]));
        Assert.Equal(["B", "a", "aa", "b", "é", "\uFFFD", "\U0001F600"], shard.Search([0, 1, 0], 1)[0].Select(h => h.Id));
        Assert.Equal(["B", "a"], shard.Search([0, 1, 0], 1, new SearchOptions { K = 2 })[0].Select(h => h.Id));
        Assert.Equal(["B", "a", "aa"], shard.Search([0, 1, 0], 1, new SearchOptions { K = 3, Threads = 8 })[0].Select(h => h.Id));
    }

    [Fact]
    public void A_thousand_copies_of_the_best_row_are_all_found_before_the_rest()
    {
        var rows = Draw.UnitRows(4000, 32, 5);
        for (var row = 1000; row < 2000; row++) rows.AsSpan(0, 32).CopyTo(rows.AsSpan(row * 32));
        using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], rows, 32, row => $"{(row * 7919) % 10_007:D6}"));
        var query = rows[..32];
        foreach (var k in new[] { 1, 500, 1001, 1500 })
        {
            Assert.Equal(
                TestShards.Oracle(rows, 32, query, k, row => $"{(row * 7919) % 10_007:D6}"),
                shard.Search(query, 1, new SearchOptions { K = k })[0]);
        }
    }

    [Fact]
    public void Filters_exclusions_and_thresholds_give_what_a_filtered_full_scan_gives() => Prop.ForAll(
        ArbMap.Default.ArbFor<int>(),
        seed =>
        {
            var random = new System.Random(seed);
            int count = random.Next(1, 1500), dimension = random.Next(1, 40), k = random.Next(1, 30);
            var rows = Draw.Clustered(count, dimension, 5, 0.5f, random.Next());
            var query = Draw.UnitRows(1, dimension, random.Next());
            var labels = Enumerable.Range(0, count).Select(_ => random.Next(6) is var l and < 5 ? $"label {l}" : null).ToArray();
            var splits = Enumerable.Range(0, count).Select(_ => random.Next(20) == 0 ? "test" : "train").ToArray();
            var excluded = Enumerable.Range(0, random.Next(40)).Select(_ => random.Next(count + 5)).ToHashSet();
            var path = TestShards.Write(
                _folder[$"{seed}.fmshard"], rows, dimension, Id,
                row => new Dictionary<string, string>(labels[row] is { } l ? [new("label", l)] : []) { ["split"] = splits[row] },
                ["label", "split"]);
            using var shard = IndexShard.Open(path);
            var wanted = new[] { "label 1", "label 3", "nothing" };
            var split = random.Next(2) == 0 ? "train" : "test";
            var least = random.Next(2) == 0 ? 0.1f : -2f;
            var options = new SearchOptions
            {
                K = k,
                MinScore = least,
                Threads = random.Next(1, 4),
                Filter = MetadataFilter.Where("label", wanted).And("split", split),
                Exclude = [.. excluded.Select(Id)],
            };
            var expected = TestShards.Oracle(
                rows,
                dimension,
                query,
                k,
                Id,
                row => wanted.Contains(labels[row]) && splits[row] == split && !excluded.Contains(row),
                least);
            return expected.SequenceEqual(shard.Search(query, 1, options)[0]);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_filter_that_lets_nothing_through_finds_nothing()
    {
        using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], Draw.UnitRows(100, 8, 1), 8, null, _ => null, ["label"]));
        Assert.Empty(shard.Search(Draw.UnitRows(1, 8, 2), 1, new SearchOptions { Filter = MetadataFilter.Where("label", "x") })[0]);
        Assert.Empty(shard.Search(Draw.UnitRows(1, 8, 2), 1, new SearchOptions { Filter = MetadataFilter.Where("label") })[0]);
        Assert.Empty(shard.Search(Draw.UnitRows(1, 8, 2), 1, new SearchOptions { MinScore = 1.5f })[0]);
        Assert.Empty(shard.Search([], 0));
    }

    [Fact]
    public void Two_conditions_on_one_column_narrow_it() =>
        Assert.Equal(["b"], MetadataFilter.Where("x", "a", "b").And("x", "b", "c").AnyOf["x"]);

    [Fact]
    public void Metadata_and_embeddings_come_back_as_they_went_in()
    {
        var rows = Draw.UnitRows(50, 20, 1);
        var path = TestShards.Write(
            _folder["s.fmshard"], rows, 20, Id,
            row => row % 3 == 0 ? null : new Dictionary<string, string> { ["caption"] = $"a ü {row % 4}", ["empty"] = "" },
            ["caption", "empty", "unused"]);
        using var shard = IndexShard.Open(path);
        Assert.Equal(
            ("g000001-aa", "image-0", Modality.Image, 20, 50),
            (shard.Generation, shard.Name, shard.Modality, shard.Dimension, shard.Count));
        Assert.Equal(["caption", "empty", "unused"], shard.Columns);
        for (var row = 0; row < 50; row++)
        {
            Assert.Equal(Id(row), shard.Id(row));
            Assert.True(shard.TryFind(Id(row), out var at));
            Assert.Equal(row, at);
            Assert.True(shard.TryGetEmbedding(Id(row), out var embedding));
            Assert.Equal(rows[(row * 20)..((row + 1) * 20)], embedding);
            if (row % 3 == 0) Assert.Empty(shard.Metadata(row));
            else Assert.Equal(new Dictionary<string, string> { ["caption"] = $"a ü {row % 4}", ["empty"] = "" }, shard.Metadata(row));
        }

        Assert.False(shard.TryFind("item", out _));
        Assert.False(shard.TryGetEmbedding("", out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => shard.Metadata(50));
        Assert.Throws<ArgumentOutOfRangeException>(() => shard.Id(-1));
    }

    [Fact]
    public void Requests_out_of_range_are_refused_with_what_to_do()
    {
        using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], Draw.UnitRows(10, 4, 1), 4, null, _ => null, ["label"]));
        float[] unit = [1, 0, 0, 0];
        Refused(() => shard.Search(unit, 1, new SearchOptions { K = 0 }), "0 results");
        Refused(() => shard.Search(unit, 1, new SearchOptions { K = 10_001 }), "10001 results");
        Refused(() => shard.Search(unit, 1, new SearchOptions { K = int.MinValue }), "results");
        Refused(() => shard.Search(unit, 1, new SearchOptions { MinScore = float.NaN }), "not a number");
        Refused(() => shard.Search(unit, 1, new SearchOptions { Threads = 0 }), "0 threads");
        Refused(() => shard.Search([1, 0, 0], 1), "embeddings of 4 values");
        Refused(() => shard.Search(unit, 2), "embeddings of 4 values");
        Refused(() => shard.Search(unit, -1), "-1 queries");
        Refused(() => shard.Search([1, 0, float.NaN, 0], 1), "not a finite number");
        Refused(() => shard.Search([1, 0, float.NegativeInfinity, 0], 1), "not a finite number");
        Refused(() => shard.Search([1, 0, 0, 0, 0, 0, 0, 0], 2), "Query 1 is zero");
        Refused(() => shard.Search([1e30f, 0, 0, 0], 1), "length 1E+30");
        var error = Refused(
            () => shard.Search(unit, 1, new SearchOptions { Filter = MetadataFilter.Where("lable", "x") }),
            "metadata column named 'lable'");
        Assert.Equal("Did you mean 'label'?", error.Remedy);
    }

    [Fact]
    public void A_query_of_any_length_finds_the_same_items()
    {
        var rows = Draw.UnitRows(2000, 24, 1);
        using var shard = IndexShard.Open(TestShards.Write(_folder["s.fmshard"], rows, 24));
        var query = Draw.UnitRows(1, 24, 2);
        foreach (var factor in new[] { 1e-5f, 0.5f, 3, 1e5f })
        {
            var scaled = query.Select(v => v * factor).ToArray();
            Assert.Equal(TestShards.Oracle(rows, 24, scaled, 10, Id), shard.Search(scaled, 1)[0]);
        }
    }

    [Fact]
    public async Task Closing_a_shard_while_it_is_searched_ends_searches_cleanly()
    {
        var rows = Draw.UnitRows(5000, 64, 1);
        var path = TestShards.Write(_folder["s.fmshard"], rows, 64);
        for (var round = 0; round < 20; round++)
        {
            var shard = IndexShard.Open(path, verify: false);
            using var running = new Barrier(3);
            var searches = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    running.SignalAndWait();
                    for (var i = 0; i < 1000; i++)
                    {
                        try
                        {
                            Assert.Equal(10, shard.Search(rows.AsSpan(64 * i, 64), 1)[0].Length);
                        }
                        catch (ObjectDisposedException)
                        {
                            return;
                        }
                    }
                },
                TaskCreationOptions.LongRunning)).ToArray();
            running.SignalAndWait();
            shard.Dispose();
            await Task.WhenAll(searches);
            Assert.Throws<ObjectDisposedException>(() => shard.Search(rows.AsSpan(0, 64), 1));
            shard.Dispose();
        }
    }

    [Fact]
    public void Merged_shards_give_the_results_of_one_large_shard()
    {
        var rows = Draw.Clustered(900, 16, 3, 0.05f, 1);
        rows.AsSpan(0, 16).CopyTo(rows.AsSpan(400 * 16));
        rows.AsSpan(0, 16).CopyTo(rows.AsSpan(800 * 16));
        var query = rows[..16];
        var parts = Enumerable.Range(0, 3).Select(part =>
        {
            using var shard = IndexShard.Open(
                TestShards.Write(
                    _folder[$"{part}.fmshard"],
                    rows[(part * 300 * 16)..((part + 1) * 300 * 16)],
                    16,
                    row => Id(999 - (row + (part * 300)))));
            var hits = shard.Search(query, 1, new SearchOptions { K = 50 })[0];
            var found = shard.SearchRows(query, 1, new SearchOptions { K = 50 })[0];
            Assert.Equal(hits.Select(hit => (hit.Row, hit.Score)), found.Rows.Zip(found.Scores));
            return (IReadOnlyList<SearchHit>)hits;
        }).ToArray();
        var expected = TestShards.Oracle(rows, 16, query, 50, row => Id(999 - row));
        var merged = TopK.Merge(parts, 50);
        Assert.Equal(
            expected.Select(h => (h.Id, h.Score, h.Row / 300, h.Row % 300)),
            merged.Select(m => (m.Hit.Id, m.Hit.Score, m.List, m.Hit.Row)));
        Assert.Equal(150, TopK.Merge(parts, 1000).Length);
        Assert.Empty(TopK.Merge([], 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => TopK.Merge(parts, 0));
    }

    [Fact]
    public void Equal_results_of_two_shards_keep_the_order_of_the_shards() =>
        Assert.Equal([0, 1], TopK.Merge([[new SearchHit("a", 1, 5)], [new SearchHit("a", 1, 2)]], 2).Select(m => m.List));

    private static string Id(int row) => $"item-{row:D6}";

    private static FuseMixException Refused(Action action, string words)
    {
        var error = Assert.Throws<FuseMixException>(action);
        Assert.Equal(FailureKind.Invalid, error.Kind);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Remedy);
        return error;
    }
}
