using FuseMix.Encoders.Images;
using NetVips;

namespace FuseMix.Encoders.Tests.Images;

public class VipsTests
{
    public VipsTests() => Vips.Require();

    [Fact]
    public void It_is_the_libvips_of_the_package_whatever_the_system_has()
    {
        var loaded = File.ReadLines("/proc/self/maps")
            .Where(line => line.Contains("/libvips", StringComparison.Ordinal))
            .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..]);
        Assert.StartsWith(AppContext.BaseDirectory, Assert.Single(loaded.Distinct()));
        Assert.StartsWith("8.", Vips.Version);
    }

    [Fact]
    public void It_decodes_on_one_thread_and_keeps_nothing()
    {
        Assert.Equal(1, NetVips.NetVips.Concurrency);
        Assert.Equal((0, 0UL, 0), (Cache.Max, Cache.MaxMem, Cache.MaxFiles));
        ImageDecoder.Decode(TestImages.Png(TestImages.Formula(300, 200, 3), 300, 200)).Dispose();
        Assert.Equal(0, Cache.Size);
    }

    [Theory]
    [InlineData("svgload_buffer", "<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'/>")]
    [InlineData("tiffload_buffer", "II*\0")]
    public void Other_loaders_do_not_run(string loader, string file)
    {
        var refused = Assert.Throws<VipsException>(() => Operation.Call(loader, System.Text.Encoding.Latin1.GetBytes(file)));
        Assert.Contains("blocked", refused.Message);
    }
}
