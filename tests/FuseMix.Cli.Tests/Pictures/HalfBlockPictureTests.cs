using FuseMix.Cli.Pictures;

namespace FuseMix.Cli.Tests.Pictures;

public sealed class HalfBlockPictureTests
{
    [Fact]
    public void Each_cell_has_the_upper_pixel_in_front_and_the_lower_behind()
    {
        byte[] pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30];
        Assert.Equal(
            ["\e[38;2;255;0;0;48;2;0;0;255m▀\e[38;2;0;255;0;48;2;10;20;30m▀\e[0m"],
            HalfBlockPicture.Draw(pixels, 2, 2, 3, 2));
    }

    [Fact]
    public void A_larger_picture_is_averaged()
    {
        var pixels = new byte[4 * 4 * 3];
        for (var i = 0; i < pixels.Length; i += 6) pixels[i] = 200;
        Assert.Equal(["\e[38;2;100;0;0;48;2;100;0;0m▀\e[38;2;100;0;0;48;2;100;0;0m▀\e[0m"], HalfBlockPicture.Draw(pixels, 4, 4, 3, 2));
    }

    [Fact]
    public void Transparency_is_white()
    {
        byte[] pixels = [0, 0, 0, 0, 0, 0, 0, 255];
        var line = Assert.Single(HalfBlockPicture.Draw(pixels, 1, 2, 4, 2));
        Assert.Contains("38;2;255;255;255", line, StringComparison.Ordinal);
        Assert.Contains("48;2;0;0;0", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(300, 10)]
    [InlineData(3, 200)]
    [InlineData(1, 1)]
    public void Every_shape_fills_the_same_cells(int width, int height)
    {
        var lines = HalfBlockPicture.Draw(new byte[width * height * 3], width, height, 3, 16);
        Assert.Equal(8, lines.Length);
        Assert.All(lines, line => Assert.Equal(16, line.Count(c => c == '▀')));
    }
}
