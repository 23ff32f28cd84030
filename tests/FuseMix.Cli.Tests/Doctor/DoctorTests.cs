using FuseMix.Cli.Doctor;
using FuseMix.Testing;

namespace FuseMix.Cli.Tests.Doctor;

public sealed class DoctorTests
{
    private const string CpuInfo =
        "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: fpu sse2 avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile\n";

    [Fact]
    public void The_processor_is_told_with_the_instruction_sets_that_matter()
    {
        var finding = MachineChecks.Processor(CpuInfo, 2);
        Assert.Equal(Verdict.Ok, finding.Verdict);
        Assert.Equal("2 cores, Some CPU @ 2.00GHz, AVX2, AVX-512, VNNI, BF16, AMX", finding.Found);
    }

    [Fact]
    public void A_processor_without_AVX2_gets_a_warning() =>
        Assert.Equal(Verdict.Warning, MachineChecks.Processor(CpuInfo.Replace("avx2 ", "", StringComparison.Ordinal), 2).Verdict);

    [Theory]
    [InlineData(500_000_000, Verdict.Problem)]
    [InlineData(1_500_000_000, Verdict.Warning)]
    [InlineData(16_000_000_000, Verdict.Ok)]
    public void Memory_is_judged_by_what_the_demo_needs(long bytes, object verdict) =>
        Assert.Equal(verdict, MachineChecks.Memory(bytes).Verdict);

    [Theory]
    [InlineData(100_000_000, Verdict.Problem)]
    [InlineData(1_000_000_000, Verdict.Warning)]
    [InlineData(50_000_000_000, Verdict.Ok)]
    public void So_is_the_disk(long bytes, object verdict)
    {
        var finding = MachineChecks.Disk("/home", bytes);
        Assert.Equal(verdict, finding.Verdict);
        Assert.Equal(finding.Verdict != Verdict.Ok, finding.Remedy is not null);
    }

    [Fact]
    public void No_GPU_is_no_problem()
    {
        Assert.Equal("none seen; everything runs on the processor", MachineChecks.Gpu(null, usable: false).Found);
        Assert.Equal(
            new Finding("Machine", "GPU", Verdict.Ok, "NVIDIA H100, 80 GB, 550.1"),
            MachineChecks.Gpu("NVIDIA H100, 80 GB, 550.1\n", usable: true));
    }

    [Fact]
    public void A_GPU_that_encoders_cannot_use_is_a_warning_with_the_way_out()
    {
        var finding = MachineChecks.Gpu("NVIDIA H100, 80 GB, 550.1\n", usable: false);
        Assert.Equal(Verdict.Warning, finding.Verdict);
        Assert.Contains("FUSEMIX_GPU=1", finding.Remedy!, StringComparison.Ordinal);
    }

    [Fact]
    public void Pictures_can_be_decoded_and_the_doctor_says_by_what()
    {
        var finding = Assert.Single(NativeChecks.Run(), f => f.Name == "libvips (pictures)");
        Assert.Equal(Verdict.Ok, finding.Verdict);
        Assert.Matches(@"^8\.\d+\.\d+, from the package NetVips\.Native$", finding.Found);
    }

    [Fact]
    public void A_missing_npm_is_a_warning_with_the_way_out()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(Verdict.Warning, NativeChecks.Npm(folder.Path).Verdict);
        File.WriteAllText(folder["npm"], "");
        Assert.Equal(Verdict.Ok, NativeChecks.Npm($"/nowhere{Path.PathSeparator}{folder.Path}").Verdict);
    }

    [Fact]
    public async Task A_damaged_encoder_is_a_problem_and_the_exit_code_says_so()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["encoders/broken"]);
        await File.WriteAllTextAsync(folder["encoders/broken/current.json"], "{");
        var result = await new CliTester { Home = folder.Path }.Run("doctor", "--json");
        Assert.Equal(1, result.Code);
        Assert.False(result.Json.GetProperty("healthy").GetBoolean());
        var finding = result.Json.GetProperty("findings").EnumerateArray().Single(
            f => f.GetProperty("name").GetString() == "encoder broken");
        Assert.Equal("problem", finding.GetProperty("verdict").GetString());
    }
}
