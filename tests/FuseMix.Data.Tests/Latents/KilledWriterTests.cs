using System.Diagnostics;
using System.Runtime.CompilerServices;
using FuseMix.Data.Latents;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Latents;

/// <summary>Real processes, really killed: the test executable starts itself again as a writer that kills itself at a given step.</summary>
public sealed class KilledWriterTests : IDisposable
{
    private const string HomeVariable = "FUSEMIX_TEST_WRITER_HOME";
    private const string StepVariable = "FUSEMIX_TEST_WRITER_DIES_AT";
    private static readonly LatentPlan Plan = LatentStoreTests.Plan(6, 2);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_writer_killed_at_any_step_shows_no_half_shard_and_its_successor_redoes_none()
    {
        var store = new LatentStore(new FuseMixHome(_folder.Path));
        var kills = 0;
        var written = new Dictionary<string, DateTime>();
        // Every writer gets one step further than it could alone: each dies at its n-th step, having found what earlier ones left.
        for (var step = 0; ; step++)
        {
            var exit = await RunWriter(step % 10);
            if (store.Status(Plan.Dataset, Plan.Encoder, Plan.EncoderFingerprint) is not null)
            {
                using var reader = store.OpenRead(Plan.Dataset, Plan.Encoder, Plan.EncoderFingerprint, LatentReading.AllowPartial);
                Assert.Equal(reader.Status.CommittedShards * 2, reader.Count);
                for (var row = 0; row < reader.Count; row++) LatentStoreTests.AssertRow(reader, row);
                var folder = Path.Combine(_folder["latents"], Plan.Dataset, Plan.Encoder, Plan.EncoderFingerprint.Short);
                foreach (var shard in reader.Ids.Chunk(2).Select((_, i) => i).Where(i => i < reader.Status.CommittedShards))
                {
                    var path = Directory.GetFiles(folder, $"shard-{shard:D5}-*.safetensors").Single();
                    if (written.TryGetValue(path, out var before)) Assert.Equal(before, File.GetLastWriteTimeUtc(path));
                    written[path] = File.GetLastWriteTimeUtc(path);
                }
            }

            if (exit == 0) break;
            Assert.Equal(128 + 9, exit);
            kills++;
        }

        Assert.True(kills >= 8, $"{kills} kills");
        using var complete = store.OpenRead(Plan.Dataset, Plan.Encoder, Plan.EncoderFingerprint);
        Assert.Equal(6, complete.Count);
        Assert.Empty(Directory.GetFiles(_folder["latents"], ".*.tmp", SearchOption.AllDirectories));
    }

    /// <summary>In the process that this test starts, this runs before the test runner does.</summary>
    [ModuleInitializer]
    internal static void BecomeWriter()
    {
        if (Environment.GetEnvironmentVariable(HomeVariable) is not { } home) return;
        var step = int.Parse(Environment.GetEnvironmentVariable(StepVariable)!, System.Globalization.CultureInfo.InvariantCulture);
        Faults.OnStep = _ =>
        {
            if (step-- == 0) Process.GetCurrentProcess().Kill();
        };
        var set = new LatentStore(new FuseMixHome(home)).OpenOrCreate(Plan);
        foreach (var shard in LatentStoreTests.Pending(set)) LatentStoreTests.Commit(set, shard);
        Environment.Exit(0);
    }

    private async Task<int> RunWriter(int dieAt)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Under 'dotnet exec' the test assembly is an argument.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(KilledWriterTests).Assembly.Location);
        start.Environment[HomeVariable] = _folder.Path;
        start.Environment[StepVariable] = dieAt.ToString(System.Globalization.CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
