using FuseMix.Cli.Benchmarks;

namespace FuseMix.Cli.Tests.Benchmarks;

public sealed class BenchCommandTests
{
    [Fact]
    public void Ratios_are_over_the_better_of_each_kind_of_peer()
    {
        SideBench[] sides =
        [
            Side("ours fp32", 300), Side("ours bf16", 600), Side("PyTorch fp32", 100), Side("PyTorch bf16", 150),
            Side("PyTorch fp32, cheap mask", 120), Side("PyTorch bf16, cheap mask", 200),
        ];
        Assert.Equal(
            [("ours fp32", 3.0), ("ours fp32", 2.0), ("ours fp32", 1.5), ("ours bf16", 4.0), ("ours bf16", 3.0)],
            BenchCommand.Ratios(sides).Select(r => (r.Ours, r.Ratio)));
        Assert.Empty(BenchCommand.Ratios(sides[..2]));
    }

    [Fact]
    public void Curves_differ_by_the_largest_relative_difference_of_any_step()
    {
        var curve = BenchCommand.Compare("ours fp32", [4, 2.1, 1], [4, 2, 1], 0.01);
        Assert.Equal(0.05, curve.Difference, 1e-12);
        Assert.False(curve.Same);
        Assert.True(BenchCommand.Compare("ours fp32", [4, 2.1, 1], [4, 2, 1], 0.06).Same);
    }

    [Theory]
    [InlineData(new double[] { 5, 1, 3 }, 3)]
    [InlineData(new double[] { 4, 1 }, 2.5)]
    public void The_median_is_in_the_middle(double[] values, double median) => Assert.Equal(median, BenchCommand.Median(values));

    [Theory]
    [InlineData("--rounds", "0")]
    [InlineData("--steps", "-1")]
    [InlineData("--threads", "-1")]
    public async Task Numbers_out_of_range_are_refused_before_anything_is_measured(string option, string value)
    {
        foreach (var command in option == "--steps" ? (string[])["train"] : ["train", "products"])
        {
            var result = await new CliTester().Run("bench", command, option, value);
            Assert.Equal(2, result.Code);
            Assert.Contains($"{option} must be from", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Every_product_is_measured_beside_the_peak()
    {
        var report = (await new CliTester().Run("bench", "products", "--workload", "demo", "--rounds", "1", "--threads", "1", "--json")).Json;
        var kernels = report.GetProperty("workloads").EnumerateArray().Single().GetProperty("kernels").EnumerateArray().ToArray();
        Assert.Equal("fp32 peak", kernels[0].GetProperty("name").GetString());
        Assert.Equal(1, kernels[0].GetProperty("peakShare").GetDouble());
        Assert.Contains(kernels, kernel => kernel.GetProperty("name").GetString() == "own kernel, 256-bit");
        Assert.All(kernels, kernel => Assert.True(kernel.GetProperty("gigaflopsPerSecond").GetDouble() > 0));
    }

    private static SideBench Side(string name, double rate) => new(name, rate, rate, rate, 1, 1, null);
}
