using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

public sealed class VerifiedFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private long _read;

    public VerifiedFilesTests() => FileChecksum.Hashed += Count;

    public void Dispose()
    {
        FileChecksum.Hashed -= Count;
        _folder.Dispose();
    }

    [Fact]
    public void A_file_is_read_once()
    {
        var path = Write("content", age: 60);
        for (var i = 0; i < 3; i++) Assert.Equal(Fingerprint.Of("content"), VerifiedFiles.ChecksumOf(path));
        VerifiedFiles.Require(path, Fingerprint.Of("content"));
        Assert.Equal(7, _read);
    }

    [Fact]
    public async Task Of_several_who_ask_at_once_one_reads()
    {
        var path = Write("content", age: 60);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => VerifiedFiles.ChecksumOf(path))));
        Assert.Equal(7, _read);
    }

    [Fact]
    public void Another_size_or_time_is_another_content()
    {
        var path = Write("content", age: 60);
        VerifiedFiles.ChecksumOf(path);
        Write("longer content", age: 60);
        Assert.Equal(Fingerprint.Of("longer content"), VerifiedFiles.ChecksumOf(path));
        Write("Longer content", age: 50);
        Assert.Equal(Fingerprint.Of("Longer content"), VerifiedFiles.ChecksumOf(path));
        Assert.Equal(
            FailureKind.Corrupt, Assert.Throws<FuseMixException>(() => VerifiedFiles.Require(path, Fingerprint.Of("content"))).Kind);
    }

    [Fact]
    public void Damage_that_shows_in_nothing_else_is_found_afresh()
    {
        var path = Write("content", age: 60);
        var written = File.GetLastWriteTimeUtc(path);
        VerifiedFiles.Require(path, Fingerprint.Of("content"));
        File.WriteAllText(path, "kontent");
        File.SetLastWriteTimeUtc(path, written);
        VerifiedFiles.Require(path, Fingerprint.Of("content"));
        var altered = Assert.Throws<FuseMixException>(
            () => VerifiedFiles.Require(path, Fingerprint.Of("content"), "Fetch it again.", afresh: true));
        Assert.Equal((FailureKind.Corrupt, "Fetch it again."), (altered.Kind, altered.Remedy));

        // What was found is remembered: nobody goes on with what is damaged.
        Assert.Throws<FuseMixException>(() => VerifiedFiles.Require(path, Fingerprint.Of("content")));
    }

    [Fact]
    public void A_file_that_was_written_just_now_can_change_without_a_trace_and_is_not_remembered()
    {
        var path = Write("content", age: 0);
        VerifiedFiles.ChecksumOf(path);
        var written = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "kontent");
        File.SetLastWriteTimeUtc(path, written);
        Assert.Equal(Fingerprint.Of("kontent"), VerifiedFiles.ChecksumOf(path));
    }

    [Fact]
    public void A_file_that_is_gone_is_not_remembered()
    {
        var path = Write("content", age: 60);
        VerifiedFiles.ChecksumOf(path);
        File.Delete(path);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<FuseMixException>(() => VerifiedFiles.ChecksumOf(path)).Kind);
    }

    private string Write(string content, int age)
    {
        var path = _folder["x"];
        File.WriteAllText(path, content);
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(-age));
        return path;
    }

    private void Count(string path, long bytes)
    {
        if (path.StartsWith(_folder.Path, StringComparison.Ordinal)) Interlocked.Add(ref _read, bytes);
    }
}
