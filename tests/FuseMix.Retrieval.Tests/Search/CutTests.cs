using FuseMix.Retrieval.Search;

namespace FuseMix.Retrieval.Tests.Search;

/// <summary>Which results are among the best while their ids are still with the shards.</summary>
public sealed class CutTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(1000)]
    public void What_is_taken_is_what_merging_with_all_ids_gives(int scores)
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random((seed * 31) + scores);
            var lists = Lists(random, random.Next(1, 7), _ => random.Next(60), _ => random.Next(scores));
            foreach (var k in (int[])[1, 2, 7, 40, 1000])
            {
                var (taken, _, _) = Cut(lists, k);
                var expected = TopK.Merge(lists, k);
                Assert.Equal(lists.Select((_, list) => expected.Count(best => best.List == list)), taken);
            }
        }
    }

    [Fact]
    public void No_id_is_asked_for_where_scores_decide()
    {
        SearchHit[][] lists = [[Hit("a", 5), Hit("b", 3), Hit("c", 1)], [Hit("d", 5), Hit("e", 3)], []];
        Assert.Equal(0, Cut(lists, 2).Asked);
        Assert.Equal(0, Cut(lists, 4).Asked);
        Assert.Equal(0, Cut(lists, 5).Asked);
        Assert.Equal(0, Cut(lists, 10).Asked);
        Assert.Equal(0, Cut([lists[0]], 2).Asked);
        Assert.Equal(2, Cut(lists, 3).Asked);
    }

    [Theory]
    [InlineData(10, 1000, "in turn")]
    [InlineData(10, 1000, "one list wins")]
    [InlineData(100, 10_000, "one list wins")]
    [InlineData(2, 10, "in turn")]
    public void Where_everything_ties_little_more_is_asked_for_than_wins_and_seldom(int shards, int k, string ids)
    {
        var lists = Enumerable.Range(0, shards)
            .Select(
                list => Enumerable.Range(0, k).Select(place => Hit(ids == "in turn" ? $"{place:D6}-{list:D3}" : $"{list:D3}-{place:D6}", 1))
                    .ToArray()).ToArray();
        var (taken, asked, rounds) = Cut(lists, k);
        Assert.Equal(k, taken.Sum());
        Assert.True(asked <= (5 * k) + (16 * shards), $"{asked} ids were asked for.");
        Assert.True(rounds <= 2 + Math.Log2(shards), $"It took {rounds} rounds.");
    }

    [Fact]
    public void It_takes_at_least_one() => Assert.Throws<ArgumentOutOfRangeException>(() => TopK.Cut([], 0, (_, _) => ""));

    private static (int[] Taken, int Asked, int Rounds) Cut(SearchHit[][] lists, int k)
    {
        var known = new Dictionary<(int List, int Place), string>();
        float[][] scores = [.. lists.Select(list => list.Select(hit => hit.Score).ToArray())];
        for (var rounds = 0; ; rounds++)
        {
            var (taken, open) = TopK.Cut(scores, k, (list, place) => known.GetValueOrDefault((list, place)));
            if (open.Length == 0) return (taken, known.Count, rounds);
            foreach (var (list, places) in open)
            {
                var (start, length) = places.GetOffsetAndLength(lists[list].Length);
                for (var place = start; place < start + length; place++) known.Add((list, place), lists[list][place].Id);
            }
        }
    }

    private static SearchHit[][] Lists(Random random, int count, Func<int, int> length, Func<int, int> score)
    {
        string[] ids = [.. Enumerable.Range(0, 400).Select(i => $"{i:D3}")];
        random.Shuffle(ids);
        var next = 0;
        return [.. Enumerable.Range(0, count).Select(list =>
            Enumerable.Range(0, length(list)).Select(row => new SearchHit(ids[next++], score(row), row)).Order(TopK.Order).ToArray())];
    }

    private static SearchHit Hit(string id, float score) => new(id, score, 0);
}
