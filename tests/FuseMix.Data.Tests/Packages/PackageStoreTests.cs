using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using FuseMix.Data.Packages;
using FuseMix.Storage;
using FuseMix.Testing;

namespace FuseMix.Data.Tests.Packages;

public sealed class PackageStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeSource _source = new();
    private readonly FuseMixHome _home;
    private readonly PackageStore _store;

    public PackageStoreTests()
    {
        _home = new FuseMixHome(_folder["home"]);
        _store = new PackageStore(_home, _source);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Only_what_is_wanted_is_unpacked_into_a_folder_named_after_scope_name_and_version()
    {
        var package = Publish(
            ["img/a/", "data.json"],
            ("package/img/a/1.png", "one"),
            ("package/img/b/2.png", "two"),
            ("package/data.json", "{}"),
            ("package/data.json5", "no"),
            ("package/package.json", "{}"));
        var folder = await _store.FetchAsync(package);
        Assert.Equal(Path.Combine(_home.Packages, "@scope+name@1.2.3"), folder);
        Assert.Equal(["data.json", "img/a/1.png", "package.json"], FilesOf(folder));
        Assert.Equal("one", File.ReadAllText(Path.Combine(folder, "img/a/1.png")));
        Assert.Equal(folder, _store.Find(package));
    }

    [Fact]
    public async Task A_complete_package_is_not_fetched_again()
    {
        var package = Publish([], ("package/a", "1"));
        await _store.FetchAsync(package);
        await new PackageStore(_home, _source).FetchAsync(package);
        Assert.Equal(1, _source.Downloads);
    }

    [Fact]
    public async Task Whatever_the_top_folder_is_called_it_is_left_away()
    {
        var folder = await _store.FetchAsync(Publish([], ("name/sub/a", "1")));
        Assert.Equal(["sub/a"], FilesOf(folder));
    }

    [Theory]
    [InlineData("altered")]
    [InlineData("altered in size")]
    [InlineData("deleted")]
    [InlineData("no marker")]
    [InlineData("torn marker")]
    public async Task A_damaged_package_is_noticed_and_fetched_again(string damage)
    {
        var package = Publish([], ("package/a", "1"), ("package/b", "2"));
        var folder = await _store.FetchAsync(package);
        var marker = Path.Combine(folder, ".fusemix-package.json");
        switch (damage)
        {
            case "altered": File.WriteAllText(Path.Combine(folder, "a"), "x"); break;
            case "altered in size": File.WriteAllText(Path.Combine(folder, "a"), "longer"); break;
            case "deleted": File.Delete(Path.Combine(folder, "a")); break;
            case "no marker": File.Delete(marker); break;
            default: File.WriteAllText(marker, File.ReadAllText(marker)[..20]); break;
        }

        Assert.Equal(damage == "altered", _store.Find(package) is not null);
        await _store.FetchAsync(package);
        Assert.Equal(2, _source.Downloads);
        Assert.Equal("1", File.ReadAllText(Path.Combine(folder, "a")));
    }

    [Fact]
    public async Task Wanting_more_of_a_package_keeps_what_was_wanted_before()
    {
        var package = Publish(["a/"], ("package/a/1", "1"), ("package/b/2", "2"), ("package/c/3", "3"));
        await _store.FetchAsync(package);
        var folder = await _store.FetchAsync(package with { Wanted = ["b/2"] });
        Assert.Equal(["a/1", "b/2"], FilesOf(folder));
        await _store.FetchAsync(package with { Wanted = ["a/1", "b/2"] });
        Assert.Equal(2, _source.Downloads);
        await _store.FetchAsync(package with { Wanted = [] });
        Assert.Equal(["a/1", "b/2", "c/3"], FilesOf(folder));
    }

    [Fact]
    public async Task Another_hash_than_the_pinned_one_is_refused_and_leaves_nothing()
    {
        var package = Publish([], ("package/a", "1"));
        _source.Tarball[^1] ^= 1;
        var refused = await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(package));
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        Assert.Contains("@scope/name@1.2.3", refused.Message);
        Assert.Equal([".locks"], Directory.GetFileSystemEntries(_home.Packages).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("package/../../evil")]
    [InlineData("../evil")]
    [InlineData("/etc/evil")]
    [InlineData("package/a/./b")]
    [InlineData("package//b")]
    [InlineData("package/a\\..\\b")]
    [InlineData("package/C:/b")]
    [InlineData("alone")]
    [InlineData("package/.fusemix-package.json")]
    public async Task A_path_that_leads_out_of_the_tarball_is_refused(string path)
    {
        var package = Publish([], ("package/a", "1"), (path, "evil"));
        var refused = await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(package));
        Assert.Equal(FailureKind.Corrupt, refused.Kind);
        Assert.Contains(path, refused.Message);
        Assert.Null(_store.Find(package));
        Assert.False(File.Exists(_folder["evil"]));
    }

    [Fact]
    public async Task A_link_is_refused()
    {
        var package = Publish(
            [], tar => tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "package/a") { LinkName = "/etc/passwd" }));
        Assert.Contains("package/a", (await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(package))).Message);
    }

    [Fact]
    public async Task A_tarball_without_anything_wanted_and_one_that_is_no_tarball_are_refused()
    {
        Assert.Contains(
            "img/", (await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(Publish(["img/"], ("package/a", "1"))))).Message);
        _source.Tarball = Encoding.UTF8.GetBytes("<html>captive portal</html>");
        Assert.Equal(FailureKind.Corrupt, (await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(Pinned([])))).Kind);
    }

    [Fact]
    public async Task A_failed_download_leaves_the_package_as_it_was()
    {
        var package = Publish(["a"], ("package/a", "1"), ("package/b", "2"));
        var folder = await _store.FetchAsync(package);
        _source.Fault = new FuseMixException(FailureKind.Unavailable, "the network failed");
        await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(package with { Wanted = ["b"] }));
        Assert.Equal(folder, _store.Find(package));
    }

    [Fact]
    public async Task Two_who_fetch_at_once_download_once()
    {
        var package = Publish([], ("package/a", "1"));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new PackageStore(_home, _source).FetchAsync(package)));
        Assert.Equal(1, _source.Downloads);
    }

    [Fact]
    public async Task Progress_goes_through_all_stages()
    {
        var seen = new List<PackageProgress>();
        await _store.FetchAsync(Publish([], ("package/a", "1"), ("package/b", "2")), new Immediate<PackageProgress>(seen.Add));
        Assert.Equal([PackageStage.Downloading, PackageStage.Verifying, PackageStage.Unpacking], seen.Select(p => p.Stage).Distinct());
        Assert.Equal(2, seen[^1].Files);
        Assert.Equal(_source.Tarball.Length, seen[^1].TotalBytes);
    }

    [Theory]
    [InlineData("../evil", "1.0.0")]
    [InlineData("-evil", "1.0.0")]
    [InlineData("a/b/c", "1.0.0")]
    [InlineData("name", "1.0.0/../x")]
    [InlineData("name", "")]
    [InlineData("na me", "1.0.0")]
    public async Task A_name_or_version_that_is_none_is_refused(string name, string version) =>
        Assert.Equal(FailureKind.Invalid, (await Assert.ThrowsAsync<FuseMixException>(() => _store.FetchAsync(Publish([], ("package/a", "1")) with { Name = name, Version = version }))).Kind);

    [Theory]
    [InlineData("echo npm error code E404 >&2; exit 1", FailureKind.NotFound, "has no package")]
    [InlineData("echo npm error code ETARGET >&2; exit 1", FailureKind.NotFound, "has no package")]
    [InlineData("echo npm error code ENOTFOUND >&2; exit 1", FailureKind.Unavailable, "network failed")]
    [InlineData("echo npm error code ECONNREFUSED >&2; exit 1", FailureKind.Unavailable, "network failed")]
    [InlineData("echo npm error code ENOSPC >&2; exit 1", FailureKind.Unavailable, "disk is full")]
    [InlineData("echo npm error code EINTEGRITY >&2; exit 1", FailureKind.Corrupt, "damaged")]
    [InlineData("echo npm error something else >&2; exit 3", FailureKind.Unavailable, "exit code 3): npm error something else")]
    [InlineData("exit 0", FailureKind.Unavailable, "left no tarball")]
    public async Task What_npm_complains_of_is_told_in_a_users_words(string script, FailureKind kind, string message)
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(
            () => new NpmClient(Script(script)).DownloadAsync(Pinned([]), Directory.CreateDirectory(_folder["d"]).FullName, default));
        Assert.Equal(kind, failure.Kind);
        Assert.Contains(message, failure.Message);
        Assert.Contains("@scope/name@1.2.3", failure.Message);
    }

    [Fact]
    public async Task A_missing_npm_is_named_with_the_way_to_install_it()
    {
        var missing = await Assert.ThrowsAsync<FuseMixException>(
            () => new NpmClient(_folder["no-npm"]).DownloadAsync(Pinned([]), _folder.Path, default));
        Assert.Equal(FailureKind.Unavailable, missing.Kind);
        Assert.Contains("apt-get install npm", missing.Remedy);
    }

    [Fact]
    public async Task The_client_is_asked_for_the_exact_version_and_runs_no_scripts()
    {
        var client = new NpmClient(Script("echo \"$@\" > arguments; touch a.tgz"));
        var folder = Directory.CreateDirectory(_folder["d"]).FullName;
        Assert.Equal(Path.Combine(folder, "a.tgz"), await client.DownloadAsync(Pinned([]), folder, default));
        Assert.Equal(
            $"pack @scope/name@1.2.3 --loglevel=error --ignore-scripts --pack-destination {folder}",
            File.ReadAllText(Path.Combine(folder, "arguments")).Trim());
    }

    [Fact]
    public async Task Cancelling_stops_the_client()
    {
        using var cancellation = new CancellationTokenSource();
        var folder = Directory.CreateDirectory(_folder["d"]).FullName;
        var started = Path.Combine(folder, "started");
        var running = new NpmClient(Script($"touch {started}; exec tail -f /dev/null")).DownloadAsync(
            Pinned([]), folder, cancellation.Token);
        while (!File.Exists(started)) await Task.Yield();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private string Script(string body)
    {
        var path = _folder["npm"];
        File.WriteAllText(path, $"#!/bin/sh\n{body}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private NpmPackage Publish(string[] wanted, params (string Path, string Content)[] files) => Publish(wanted, tar =>
    {
        foreach (var (path, content) in files)
            tar.WriteEntry(
                new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) });
    });

    private NpmPackage Publish(string[] wanted, Action<TarWriter> write)
    {
        var buffer = new MemoryStream();
        using (var zip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zip))
        {
            write(tar);
        }

        _source.Tarball = buffer.ToArray();
        return Pinned(wanted);
    }

    private NpmPackage Pinned(string[] wanted) =>
        new("@scope/name", "1.2.3", $"sha512-{Convert.ToBase64String(SHA512.HashData(_source.Tarball))}", wanted);

    private static IEnumerable<string> FilesOf(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(folder, f)).Where(f => !f.StartsWith('.')).Order(StringComparer.Ordinal);

    private sealed class FakeSource : IPackageSource
    {
        public byte[] Tarball { get; set; } = [];

        public int Downloads { get; private set; }

        public Exception? Fault { get; set; }

        public Task<string> DownloadAsync(NpmPackage package, string folder, CancellationToken cancellation)
        {
            Downloads++;
            if (Fault is not null) throw Fault;
            var path = Path.Combine(folder, "package.tgz");
            File.WriteAllBytes(path, Tarball);
            return Task.FromResult(path);
        }
    }
}

/// <summary>Reports on the caller's thread, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class Immediate<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
