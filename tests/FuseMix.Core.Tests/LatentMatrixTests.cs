namespace FuseMix.Core.Tests;

public sealed class LatentMatrixTests
{
    private readonly LatentMatrix _matrix = new([1, 2, 3, 4, 5, 6], 2);

    [Fact]
    public void Rows_are_read_and_gathered_in_any_order_and_more_than_once()
    {
        Assert.Equal((3, 2), (_matrix.Count, _matrix.Dimension));
        Assert.Equal([3, 4], _matrix[1].ToArray());
        var gathered = new float[6];
        _matrix.Gather([2, 0, 2], gathered);
        Assert.Equal([5, 6, 1, 2, 5, 6], gathered);
    }

    [Fact]
    public void Rows_outside_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _matrix.Gather([3], new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => _matrix.Gather([-1], new float[2]));
    }

    [Fact]
    public void A_copy_has_the_same_values_and_its_own_memory()
    {
        var values = new float[] { 1, 2, 3, 4 };
        var copy = LatentMatrix.Copy(new LatentMatrix(values, 2));
        values[0] = 9;
        Assert.Equal((2, 2, 1f), (copy.Count, copy.Dimension, copy[0][0]));
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(3, 0)]
    [InlineData(3, -1)]
    public void Values_that_are_not_whole_rows_are_refused(int length, int dimension) =>
        Assert.Throws<ArgumentException>(() => new LatentMatrix(new float[length], dimension));
}
