using FuseMix.Testing;

namespace FuseMix.Storage.Tests;

public sealed class ContentFoldersTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly IReadOnlySet<NamedContent> Nothing = new HashSet<NamedContent>();

    private readonly TemporaryFolder _folder = new();
    private readonly ContentFolders _contents;

    public ContentFoldersTests() => _contents = new ContentFolders(_folder["things"], "thing", "Put it again.");

    public void Dispose()
    {
        Faults.OnStep = null;
        _folder.Dispose();
    }

    [Fact]
    public void Nothing_is_there_before_something_is_put()
    {
        Assert.Empty(_contents.Names());
        Assert.Empty(_contents.Folders());
        Assert.Null(_contents.Current("a"));
        Assert.Null(_contents.Current("../a"));
        Assert.False(_contents.Remove("a"));
        Assert.Empty(_contents.CollectGarbage(Nothing, Now));
    }

    [Fact]
    public void A_name_means_what_was_put_last_and_what_was_put_before_stays()
    {
        Assert.True(Put("a", "one"));
        Assert.True(Put("a", "two"));
        Assert.Equal(["a"], _contents.Names());
        Assert.Equal(Fingerprint.Of("two"), _contents.Current("a"));
        Assert.Equal(("one", "two"), (Read("a", "one"), Read("a", "two")));
        Assert.True(Put("a", "one"));
        Assert.Equal(Fingerprint.Of("one"), _contents.Current("a"));
        Assert.Equal(2, _contents.Folders().Count);
    }

    [Fact]
    public void A_name_that_means_something_else_stays_as_it_is_unless_it_may_be_replaced()
    {
        Put("a", "one");
        Assert.False(Put("a", "two", replace: false));
        Assert.True(Put("a", "one", replace: false));
        Assert.Equal(Fingerprint.Of("one"), _contents.Current("a"));
        Assert.Single(_contents.Folders());
    }

    [Fact]
    public void A_content_that_is_there_is_written_again_only_where_it_is_damaged()
    {
        Put("a", "one");
        Assert.True(_contents.Put(Content("a", "one"), _ => Assert.Fail("It is there."), IsSound("one"), replace: true));
        File.WriteAllText(PathOf("a", "one"), "damaged");
        Put("a", "one");
        Assert.Equal("one", Read("a", "one"));
        AssertTidy("a");
    }

    [Fact]
    public void A_content_that_cannot_be_written_leaves_everything_as_it_was()
    {
        Put("a", "one");
        Assert.Throws<InvalidOperationException>(
            () => _contents.Put(Content("a", "two"), _ => throw new InvalidOperationException(), IsSound("two"), replace: true));
        Assert.Equal(Fingerprint.Of("one"), _contents.Current("a"));
        AssertTidy("a");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_crash_at_any_step_leaves_the_name_with_the_old_content_or_the_new_one(bool damaged)
    {
        var seen = new HashSet<string>();
        for (var stop = 0; ; stop++)
        {
            if (Directory.Exists(_contents.Root)) Directory.Delete(_contents.Root, recursive: true);
            Put("a", "one");
            if (damaged)
            {
                Put("a", "two");
                File.WriteAllText(PathOf("a", "two"), "damaged");
                Put("a", "one");
            }

            var steps = 0;
            Faults.OnStep = step =>
            {
                if (steps++ == stop) throw new SimulatedCrash(step);
            };
            var crashed = Record.Exception(() => Put("a", "two"));
            Faults.OnStep = null;
            var current = _contents.Current("a");
            Assert.Equal(current == Fingerprint.Of("two") ? "two" : "one", Read("a", current == Fingerprint.Of("two") ? "two" : "one"));
            Assert.Equal(["a"], _contents.Names());
            if (crashed is null) break;
            seen.Add(Assert.IsType<SimulatedCrash>(crashed).Message);

            // What was left behind goes like all that is unused, and the next writer is not disturbed by it.
            _contents.CollectGarbage(Nothing, Now);
            _contents.CollectGarbage(Nothing, Now + ContentFolders.Grace);
            AssertTidy("a");
            Assert.True(Put("a", "two"));
            Assert.Equal("two", Read("a", "two"));
        }

        // The file of the content in three steps, then the folder, then the pointer in three steps.
        Assert.Equal(damaged ? 9 : 8, seen.Count);
    }

    [Fact]
    public void What_is_unused_goes_after_its_time_and_what_is_pinned_or_current_stays()
    {
        Put("a", "one");
        Put("a", "two");
        Put("a", "three");
        var pinned = new HashSet<NamedContent> { Content("a", "one") };
        Assert.Empty(_contents.CollectGarbage(pinned, Now));
        Assert.Empty(_contents.CollectGarbage(pinned, Now + ContentFolders.Grace - TimeSpan.FromSeconds(1)));
        Assert.Equal([_contents.FolderOf(Content("a", "two"))], _contents.CollectGarbage(pinned, Now + ContentFolders.Grace));
        Assert.Equal(("one", "three"), (Read("a", "one"), Read("a", "three")));
        AssertTidy("a");
    }

    [Fact]
    public void What_is_used_again_has_its_time_anew()
    {
        Put("a", "one");
        Put("a", "two");
        _contents.CollectGarbage(Nothing, Now);
        _contents.CollectGarbage(new HashSet<NamedContent> { Content("a", "one") }, Now + TimeSpan.FromMinutes(50));
        Assert.Empty(_contents.CollectGarbage(Nothing, Now + TimeSpan.FromMinutes(70)));

        // The same by a pointer.
        Put("a", "one");
        Put("a", "two");
        Assert.Empty(_contents.CollectGarbage(Nothing, Now + TimeSpan.FromMinutes(200)));
        Assert.Single(_contents.CollectGarbage(Nothing, Now + TimeSpan.FromMinutes(300)));
    }

    [Fact]
    public void A_removed_name_means_nothing_and_its_contents_go_at_once_unless_they_are_pinned()
    {
        Put("a", "one");
        Put("a", "two");
        Put("b", "three");
        Assert.True(_contents.Remove("a"));
        Assert.False(_contents.Remove("a"));
        Assert.Equal(["b"], _contents.Names());
        Assert.Equal("one", Read("a", "one"));

        Assert.Single(_contents.CollectGarbage(new HashSet<NamedContent> { Content("a", "one") }, Now, removed: "a"));
        Assert.Equal("one", Read("a", "one"));
        Assert.Single(_contents.CollectGarbage(Nothing, Now, removed: "a"));
        Assert.Equal(["b"], Directory.GetFileSystemEntries(_contents.Root).Select(Path.GetFileName));
    }

    [Fact]
    public void What_others_put_beside_the_contents_is_left_alone()
    {
        Put("a", "one");
        Directory.CreateDirectory(_folder["things/a/notes"]);
        Directory.CreateDirectory(_folder["things/of mine/0123456789abcdef"]);
        _contents.Remove("a");
        _contents.CollectGarbage(Nothing, Now, removed: "a");
        _contents.CollectGarbage(Nothing, Now + ContentFolders.Grace);
        Assert.True(Directory.Exists(_folder["things/a/notes"]));
        Assert.True(Directory.Exists(_folder["things/of mine/0123456789abcdef"]));
        Assert.Empty(_contents.Folders());
    }

    [Fact]
    public async Task Whoever_reads_while_others_replace_finds_what_the_pointer_names()
    {
        Put("a", "0");
        var writers = Enumerable.Range(1, 2).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < 50; i++)
            {
                Put("a", $"{(i * writer) % 7}");
                _contents.CollectGarbage(Nothing, Now);
            }
        })).ToArray();
        var all = Task.WhenAll(writers);
        while (!all.IsCompleted)
        {
            var current = _contents.Current("a")!.Value;
            Assert.Equal(current, Fingerprint.Of(await File.ReadAllTextAsync(
                Path.Combine(_contents.FolderOf(new NamedContent("a", current)), "text"), TestContext.Current.CancellationToken)));
        }

        await all;
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{ "fingerprint": "../../x" }""")]
    public void A_damaged_pointer_is_named_and_nothing_is_collected_by_it(string pointer)
    {
        Put("a", "one");
        File.WriteAllText(Path.Combine(_contents.Root, "a", "current.json"), pointer);
        var failure = Assert.Throws<FuseMixException>(() => _contents.Current("a"));
        Assert.Equal((FailureKind.Corrupt, "Put it again."), (failure.Kind, failure.Remedy));
        Assert.Contains("'a'", failure.Message);
        Assert.Throws<FuseMixException>(() => _contents.CollectGarbage(Nothing, Now));
        Assert.Equal("one", Read("a", "one"));
    }

    private static NamedContent Content(string name, string text) => new(name, Fingerprint.Of(text));

    private static Func<string, bool> IsSound(string text) => folder => File.ReadAllText(Path.Combine(folder, "text")) == text;

    private bool Put(string name, string text, bool replace = true) =>
        _contents.Put(Content(name, text), folder => AtomicFile.WriteText(Path.Combine(folder, "text"), text), IsSound(text), replace);

    private string PathOf(string name, string text) => Path.Combine(_contents.FolderOf(Content(name, text)), "text");

    private string Read(string name, string text) => File.ReadAllText(PathOf(name, text));

    /// <summary>Only contents and the pointer.</summary>
    private void AssertTidy(string name) => Assert.All(
        Directory.GetFileSystemEntries(Path.Combine(_contents.Root, name)).Select(path => Path.GetFileName(path)!),
        entry => Assert.True(entry == "current.json" || entry.Length == 16, entry));
}
