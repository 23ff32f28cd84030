using System.Formats.Tar;
using System.Text;
using FuseMix.Core.Files;
using FuseMix.Silo.Uploads;
using FuseMix.Testing;
using Microsoft.AspNetCore.Http;

namespace FuseMix.Silo.Tests.Uploads;

public sealed class TarUploadTests : IDisposable
{
    private static readonly TarLimits Limits = new(Bytes: 1 << 20, Entries: 100);
    private readonly TemporaryFolder _folder = new();

    private string Target => Path.Combine(_folder.Path, "upload");

    public static TheoryData<TarEntryFormat> Formats => [TarEntryFormat.Ustar, TarEntryFormat.Pax, TarEntryFormat.Gnu, TarEntryFormat.V7];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Files_and_folders_come_out_as_they_went_in(TarEntryFormat format)
    {
        await Unpack(
            Tar(format, File("a.txt", "first"), File("./deep/er/b.bin", new string('x', 5000)), Folder("empty/"), File("deep/c.txt", "")));
        Assert.Equal("first", Read("a.txt"));
        Assert.Equal(5000, Read("deep/er/b.bin").Length);
        Assert.Equal("", Read("deep/c.txt"));
        Assert.True(Directory.Exists(Path.Combine(Target, "empty")));
        Assert.Equal(3, Directory.GetFiles(Target, "*", SearchOption.AllDirectories).Length);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(511)]
    [InlineData(513)]
    public async Task A_network_that_gives_a_few_bytes_at_a_time_changes_nothing(int bytes)
    {
        var name = $"{new string('n', 200)}.txt";
        await Unpack(new Trickle(Tar(TarEntryFormat.Pax, File(name, "long name"), File("b.txt", new string('y', 1500))).ToArray(), bytes));
        Assert.Equal("long name", Read(name));
        Assert.Equal(1500, Read("b.txt").Length);
    }

    [Theory]
    [InlineData("../a.txt", "'..'")]
    [InlineData("a/../../b.txt", "'..'")]
    [InlineData("..", "'..'")]
    [InlineData("/etc/passwd", "from the root")]
    [InlineData("//etc/passwd", "from the root")]
    [InlineData("a\\..\\b.txt", "'\\'")]
    [InlineData("a\tb.txt", "control characters")]
    [InlineData("./", "no name")]
    public async Task A_path_that_leads_out_is_left_out(string path, string words)
    {
        var omission = Assert.Single(
            await Unpack(Tar(TarEntryFormat.Pax, File("before.txt", "x"), File(path, "evil"), File("after.txt", "y"))));
        Assert.Contains(words, omission.Reason, StringComparison.Ordinal);
        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal(["after.txt", "before.txt"], Directory.GetFileSystemEntries(Target).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.BlockDevice)]
    [InlineData(TarEntryType.Fifo)]
    public async Task What_is_neither_a_file_nor_a_folder_is_left_out(TarEntryType type)
    {
        var entry = new PaxTarEntry(type, "link.txt");
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink) entry.LinkName = "/etc/passwd";
        var omission = Assert.Single(await Unpack(Tar(TarEntryFormat.Pax, entry, File("a.txt", "x"))));
        Assert.Equal("link.txt", omission.Name);
        Assert.Contains(
            type switch { TarEntryType.SymbolicLink => "symbolic link", TarEntryType.HardLink => "hard link", _ => $"{type}" },
            omission.Reason,
            StringComparison.Ordinal);
        Assert.Equal(["a.txt"], Directory.GetFileSystemEntries(Target).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_file_through_a_link_stays_in_the_folder_since_there_are_no_links()
    {
        var link = new PaxTarEntry(TarEntryType.SymbolicLink, "out") { LinkName = _folder.Path };
        await Unpack(Tar(TarEntryFormat.Pax, link, File("out/evil.txt", "x")));
        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Equal("x", Read("out/evil.txt"));
    }

    [Fact]
    public async Task A_sparse_file_is_refused_with_what_helps()
    {
        var tar = Tar(TarEntryFormat.Gnu, File("a.txt", "x")).ToArray();
        tar[156] = (byte)'S';
        Checksum(tar);
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Unpack(new MemoryStream(tar)));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains("--sparse", failure.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.txt", "a.txt")]
    [InlineData("a.txt", "./a.txt")]
    [InlineData("a", "a/b.txt")]
    [InlineData("a/b.txt", "a")]
    [InlineData("a", "a/b/c/d.txt")]
    [InlineData("a", "a/")]
    public async Task Of_a_path_that_is_there_twice_the_first_stays(string first, string second)
    {
        TarEntry Entry(string path) => path.EndsWith('/') ? Folder(path) : File(path, path);
        var omission = Assert.Single(await Unpack(Tar(TarEntryFormat.Pax, Entry(first), Entry(second), File("last.txt", "x"))));
        Assert.Matches("twice|at once", omission.Reason);
        Assert.Equal(first, Read(first));
        Assert.Equal("x", Read("last.txt"));
    }

    [Fact]
    public async Task Files_larger_together_than_allowed_are_refused_before_they_are_written()
    {
        var half = new string('x', (1 << 19) + 1);
        await AssertTooLarge(Tar(TarEntryFormat.Pax, File("a.txt", half), File("b.txt", half)), "1048576 bytes");
        Assert.False(System.IO.File.Exists(Path.Combine(Target, "b.txt")));
    }

    [Theory]
    [InlineData("77777777777")]
    [InlineData("00040000001")]
    public async Task A_size_that_is_only_claimed_counts(string octal)
    {
        var tar = Tar(TarEntryFormat.Ustar, File("a.txt", "x")).ToArray();
        Encoding.ASCII.GetBytes(octal).CopyTo(tar, 124);
        Checksum(tar);
        await AssertTooLarge(new MemoryStream(tar), "1048576 bytes");
        Assert.Empty(Directory.GetFiles(Target));
    }

    [Fact]
    public async Task More_entries_than_allowed_are_refused()
    {
        var files = Enumerable.Range(0, 101).Select(i => File($"{i}.txt", "")).ToArray();
        await AssertTooLarge(Tar(TarEntryFormat.Ustar, files), "100 entries");
        await AssertTooLarge(Tar(TarEntryFormat.Ustar, [.. Enumerable.Range(0, 101).Select(_ => Folder("same/"))]), "100 entries");
    }

    [Theory]
    [InlineData('x', "00000200001")]
    [InlineData('g', "77777777777")]
    [InlineData('L', "00010000000")]
    [InlineData('K', "17777777777")]
    public async Task Metadata_that_claims_to_be_large_is_refused_before_room_is_made_for_it(char type, string octal)
    {
        var tar = Tar(TarEntryFormat.Gnu, File("a.txt", "x")).ToArray();
        tar[156] = (byte)type;
        Encoding.ASCII.GetBytes(octal).CopyTo(tar, 124);
        Checksum(tar);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await AssertTooLarge(new MemoryStream(tar), "64 KiB of names");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public async Task Metadata_in_many_small_pieces_is_refused_too()
    {
        // Long names for long names for long names, and no file in the end.
        var one = Tar(TarEntryFormat.Pax, new PaxTarEntry(TarEntryType.RegularFile, "a", new Dictionary<string, string> { ["comment"] = new string('c', 30_000) })).ToArray();
        var size = (int)Convert.ToInt64(Encoding.ASCII.GetString(one, 124, 11), 8);
        var metadata = one[..(512 + ((size + 511) / 512 * 512))];
        await Assert.ThrowsAnyAsync<Exception>(
            () => Unpack(new MemoryStream([.. Enumerable.Repeat(metadata, 5).SelectMany(part => part)])));
        Assert.Empty(Directory.GetFileSystemEntries(Target));
    }

    [Fact]
    public async Task A_tar_that_breaks_off_anywhere_is_refused()
    {
        var tar = Tar(TarEntryFormat.Pax, File("a.txt", "first"), File("b.txt", new string('x', 700))).ToArray();
        var end = Array.FindLastIndex(tar, value => value != 0) + 1;
        var whole = (end + 511) / 512 * 512;
        for (var length = 0; length <= whole; length += 128)
        {
            Directory.CreateDirectory(Target);
            var failure = await Assert.ThrowsAsync<FuseMixException>(() => Unpack(new MemoryStream(tar[..length])));
            Assert.Equal(FailureKind.Invalid, failure.Kind);
            Directory.Delete(Target, recursive: true);
        }

        await Unpack(new MemoryStream(tar[..(whole + 512)]));
    }

    [Theory]
    [InlineData("this is no tar, but it is longer than one header of one, or so it will be when it has been repeated")]
    [InlineData("PK\u0003\u0004")]
    [InlineData("\u001f\u008b\u0008")]
    public async Task Something_else_is_refused(string content)
    {
        var bytes = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(content, 200)));
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Unpack(new MemoryStream(bytes)));
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        Assert.Contains("tar", failure.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whatever_is_damaged_is_refused_or_stays_in_its_folder()
    {
        var tar = Tar(
            TarEntryFormat.Pax,
            File("a.txt", "first"),
            File($"{new string('n', 150)}.txt", "x"),
            Folder("d/"),
            File("d/b.txt", new string('y', 900))).ToArray();
        foreach (var damaged in Mutations.Of(tar, seed: 11, count: 400))
        {
            Directory.CreateDirectory(Target);
            try
            {
                await Unpack(new MemoryStream(damaged));
            }
            catch (Exception failure) when (failure is FuseMixException { Kind: FailureKind.Invalid } or BadHttpRequestException)
            {
                // Refused in words.
            }

            Assert.Equal([Target], Directory.GetFileSystemEntries(_folder.Path));
            Directory.Delete(Target, recursive: true);
        }
    }

    [Theory]
    [InlineData(40, 4, "32 folders")]
    [InlineData(1, 300, "255 bytes")]
    [InlineData(20, 60, "1024 characters")]
    public async Task A_path_that_no_file_system_takes_is_left_out(int parts, int length, string words)
    {
        var path = string.Join('/', Enumerable.Repeat(new string('p', length), parts));
        Assert.Contains(words, Assert.Single(await Unpack(Tar(TarEntryFormat.Pax, File(path, "x")))).Reason, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static TarEntry File(string path, string content) =>
        new PaxTarEntry(TarEntryType.RegularFile, path) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) };

    private static PaxTarEntry Folder(string path) => new(TarEntryType.Directory, path);

    private static MemoryStream Tar(TarEntryFormat format, params TarEntry[] entries)
    {
        var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, format, leaveOpen: true))
        {
            foreach (var entry in entries)
            {
                var type = format == TarEntryFormat.V7 && entry.EntryType == TarEntryType.RegularFile
                    ? TarEntryType.V7RegularFile
                    : entry.EntryType;
                TarEntry own = format switch
                {
                    TarEntryFormat.Ustar => new UstarTarEntry(type, entry.Name),
                    TarEntryFormat.Gnu => new GnuTarEntry(type, entry.Name),
                    TarEntryFormat.V7 => new V7TarEntry(type, entry.Name),
                    _ => entry,
                };
                if (own != entry && entry.DataStream is { } content) own.DataStream = content;
                writer.WriteEntry(own);
            }
        }

        tar.Position = 0;
        return tar;
    }

    /// <summary>Makes a first header that was changed valid again.</summary>
    private static void Checksum(byte[] tar)
    {
        "        "u8.CopyTo(tar.AsSpan(148));
        var sum = tar.Take(512).Sum(value => value);
        Encoding.ASCII.GetBytes($"{Convert.ToString(sum, 8).PadLeft(6, '0')}\0 ").CopyTo(tar, 148);
    }

    private async Task<IReadOnlyList<FolderOmission>> Unpack(Stream tar)
    {
        Directory.CreateDirectory(Target);
        return await TarUpload.Unpack(tar, Target, Limits, CancellationToken.None);
    }

    private async Task AssertTooLarge(Stream tar, string words)
    {
        var failure = await Assert.ThrowsAsync<BadHttpRequestException>(() => Unpack(tar));
        Assert.Equal(413, failure.StatusCode);
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
    }

    private string Read(string path) => System.IO.File.ReadAllText(Path.Combine(Target, path));

    /// <summary>Gives a few bytes per call.</summary>
    private sealed class Trickle(byte[] content, int most) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(most, buffer.Length)], cancellationToken);
    }
}
