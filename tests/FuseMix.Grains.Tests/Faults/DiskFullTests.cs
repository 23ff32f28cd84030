using System.Diagnostics;
using FuseMix.Contracts;
using FuseMix.Contracts.Collections;
using FuseMix.Grains.Tests.Clusters;
using FuseMix.Testing.Clusters;

namespace FuseMix.Grains.Tests.Faults;

/// <summary>Jobs on a disk that fills up: they fail and say why, what is committed stays, and with room they go on.</summary>
public sealed class DiskFullTests(PreparedHome prepared)
{
    [Fact]
    public async Task An_extraction_fails_with_the_reason_and_goes_on_when_there_is_room()
    {
        using var home = TestHome.Create();
        using var disk = SmallDisk.MountedAt(home.Home.Latents);
        await using var cluster = await TestCluster.StartAsync(home);
        disk.Fill();
        var failed = await Ended(() => cluster.Extract(TestHome.ImageEncoder));
        Assert.Contains("space", failed, StringComparison.OrdinalIgnoreCase);

        disk.Free();
        var done = await cluster.Extract(TestHome.ImageEncoder);
        Assert.Equal((JobState.Completed, 25), (done.State, done.ItemsDone));
        Assert.Equal(25, home.LatentStatus(TestHome.ImageEncoder)!.Rows);

        static async Task<string> Ended(Func<Task<FuseMix.Contracts.Extraction.ExtractionStatus>> extract)
        {
            try
            {
                var status = await extract();
                Assert.Equal(JobState.Failed, status.State);
                return status.Error!;
            }
            catch (Exception refused) when (refused is FuseMixException or IOException)
            {
                return refused.Message;
            }
        }
    }

    [Fact]
    public async Task A_build_fails_with_the_reason_and_what_was_live_stays()
    {
        using var home = prepared.Copy();
        using var disk = SmallDisk.MountedAt(home.Home.Collections);
        await using var cluster = await TestCluster.StartAsync(home);
        var request = new CollectionBuild(PreparedHome.Model, TestHome.Dataset);
        var before = await cluster.Build("boats", request);
        disk.Fill();
        await cluster.Collection("boats").StartBuild(request with { RowsPerShard = 10 });
        var failed = (await Patience.Read(cluster.Collection("boats").WatchBuild()))[^1];
        Assert.Equal(JobState.Failed, failed.State);
        Assert.Contains("space", failed.Error, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(before.Generation, (await cluster.Collection("boats").Status()).Generation);

        disk.Free();
        Assert.Equal(6, (await cluster.Build("boats", request with { RowsPerShard = 10 })).Shards.Length);
    }

    [Fact]
    public async Task A_training_that_cannot_write_its_checkpoint_fails_with_the_reason_and_goes_on_when_there_is_room()
    {
        using var home = prepared.Copy();
        using var disk = SmallDisk.MountedAt(home.Home.Runs);
        await using var cluster = await TestCluster.StartAsync(home);
        await cluster.Train(PreparedHome.Request("first", "first", 7, steps: 5));
        disk.Fill();
        var failed = await cluster.Train(PreparedHome.Request("second", "second", 8));
        Assert.Equal(JobState.Failed, failed.State);
        Assert.Contains("space", failed.Error, StringComparison.OrdinalIgnoreCase);

        disk.Free();
        Assert.Equal(JobState.Completed, (await cluster.Train(PreparedHome.Request("second", "second", 8))).State);
    }

    /// <summary>A file system of one megabyte in the place of a folder.</summary>
    private sealed class SmallDisk : IDisposable
    {
        private readonly string _folder;

        private SmallDisk(string folder) => _folder = folder;

        private string Ballast => Path.Combine(_folder, ".ballast");

        public static SmallDisk MountedAt(string folder)
        {
            Directory.CreateDirectory(folder);
            Assert.SkipUnless(
                OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder) == 0,
                "Mounting a small disk needs root.");
            return new SmallDisk(folder);
        }

        public void Fill()
        {
            using var ballast = File.Create(Ballast);
            var block = new byte[4096];
            try
            {
                while (true)
                {
                    ballast.Write(block);
                    ballast.Flush();
                }
            }
            catch (IOException)
            {
                // Full: that is what it is for.
            }
        }

        public void Free() => File.Delete(Ballast);

        public void Dispose() => Run("umount", "-l", _folder);

        private static int Run(string program, params string[] arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
                process.WaitForExit();
                return process.ExitCode;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return -1;
            }
        }
    }
}
