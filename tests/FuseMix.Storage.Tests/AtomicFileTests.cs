using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        Faults.OnStep = null;
        _folder.Dispose();
    }

    [Fact]
    public void A_write_replaces_the_whole_content_and_makes_missing_folders()
    {
        var path = _folder["a/b/c.txt"];
        AtomicFile.WriteText(path, "first, and longer");
        AtomicFile.WriteText(path, "second");
        Assert.Equal("second", File.ReadAllText(path));
        Assert.Equal(["c.txt"], Directory.GetFiles(_folder["a/b"]).Select(Path.GetFileName));
    }

    [Fact]
    public void A_failed_write_leaves_the_old_content_and_nothing_else()
    {
        var path = _folder["c.txt"];
        AtomicFile.WriteText(path, "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Theory]
    [InlineData("written x", "old")]
    [InlineData("synced x", "old")]
    [InlineData("renamed x", "new")]
    public void A_crash_at_any_step_leaves_the_old_content_or_the_new_one(string step, string expected)
    {
        AtomicFile.WriteText(_folder["x"], "old");
        Faults.OnStep = s =>
        {
            if (s == step) throw new SimulatedCrash(s);
        };
        Assert.Throws<SimulatedCrash>(() => AtomicFile.WriteText(_folder["x"], "new"));
        Faults.OnStep = null;
        Assert.Equal(expected, File.ReadAllText(_folder["x"]));
        Assert.Equal(expected == "old" ? 1 : 0, AtomicFile.RemoveLeftovers(_folder.Path).Count);
        Assert.Single(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Of_many_who_create_a_file_one_succeeds_and_nothing_else_is_left()
    {
        var made = new int[40];
        Parallel.For(0, made.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, writer =>
        {
            if (AtomicFile.TryCreate(_folder[$"x{writer / 8}"], stream => stream.WriteByte((byte)writer)))
                Interlocked.Increment(ref made[writer / 8]);
        });
        Assert.Equal([1, 1, 1, 1, 1], made.Take(5));
        Assert.Equal(5, Directory.GetFiles(_folder.Path).Length);
        Assert.False(AtomicFile.TryCreate(_folder["x0"], stream => stream.Write("another"u8)));
        Assert.Single(File.ReadAllBytes(_folder["x0"]));
    }

    [Theory]
    [InlineData("written x", false)]
    [InlineData("synced x", false)]
    [InlineData("renamed x", true)]
    public void A_crash_at_any_step_of_creating_a_file_leaves_it_whole_or_not_there(string step, bool isThere)
    {
        Faults.OnStep = s =>
        {
            if (s == step) throw new SimulatedCrash(s);
        };
        Assert.Throws<SimulatedCrash>(() => AtomicFile.TryCreate(_folder["x"], stream => stream.Write("whole"u8)));
        Faults.OnStep = null;
        AtomicFile.RemoveLeftovers(_folder.Path);
        Assert.Equal(isThere ? ["whole"] : (string[])[], Directory.GetFiles(_folder.Path).Select(File.ReadAllText));
    }

    [Fact]
    public void The_temporary_file_of_a_live_writer_is_no_leftover()
    {
        AtomicFile.Write(_folder["x"], stream =>
        {
            Assert.Empty(AtomicFile.RemoveLeftovers(_folder.Path));
            stream.WriteByte(65);
        });
        Assert.Equal("A", File.ReadAllText(_folder["x"]));
    }

    [Fact]
    public void A_full_disk_is_told_in_a_users_words()
    {
        const int NoSpace = 28;
        var full = Assert.Throws<FuseMixException>(
            () => AtomicFile.Write(_folder["x"], _ => throw new IOException("No space left on device", NoSpace)));
        Assert.Equal(FailureKind.Unavailable, full.Kind);
        Assert.Contains("disk is full", full.Message);
        Assert.Contains(_folder["x"], full.Message);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void A_file_in_the_place_of_the_folder_is_not_swallowed()
    {
        File.WriteAllText(_folder["x"], "");
        Assert.ThrowsAny<IOException>(() => AtomicFile.WriteText(_folder["x/y"], ""));
    }

    [Fact]
    public void A_checksum_that_does_not_hold_names_the_file()
    {
        File.WriteAllText(_folder["x"], "one");
        FileChecksum.Require(_folder["x"], Fingerprint.Of("one"));
        var altered = Assert.Throws<FuseMixException>(() => FileChecksum.Require(_folder["x"], Fingerprint.Of("two"), "Fetch it again."));
        Assert.Equal(FailureKind.Corrupt, altered.Kind);
        Assert.Contains(_folder["x"], altered.Message);
        Assert.Equal("Fetch it again.", altered.Remedy);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => FileChecksum.Of(_folder["y"])).Kind);
    }
}
