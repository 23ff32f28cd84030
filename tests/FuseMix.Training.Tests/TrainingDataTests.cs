namespace FuseMix.Training.Tests;

public sealed class TrainingDataTests
{
    [Fact]
    public void Pairs_that_share_a_left_row_or_a_content_are_of_one_group_also_by_way_of_others()
    {
        // Two captions of picture 0; pictures 1 and 2 of one caption; 3 joins picture 0 and caption "d".
        var rows = PairRows.Grouped([5, 0, 1, 2, 0, 3, 4, 3], [0, 1, 2, 3, 4, 5, 6, 1], ["e", "a", "b", "b", "c", "d", "f", "a"]);
        Assert.Equal([0, 1, 2, 2, 1, 1, 3, 1], rows.Groups!);
    }

    [Fact]
    public void Pairs_that_share_only_contents_are_numbered_in_their_order() =>
        Assert.Equal([0, 1, 0, 2, 1], PairRows.Grouped([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], ["x", "y", "x", "z", "y"]).Groups!);
}
