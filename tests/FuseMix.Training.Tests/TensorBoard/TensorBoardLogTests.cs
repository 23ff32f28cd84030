using FuseMix.Core.Evaluation;
using FuseMix.Testing;
using FuseMix.Training.TensorBoard;
using Google.Protobuf;

namespace FuseMix.Training.Tests.TensorBoard;

public sealed class TensorBoardLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<Exception> _failures = [];

    private string Folder => Path.Combine(_folder.Path, "model", "job");

    [Fact]
    public void A_run_writes_its_curves()
    {
        Write(0, 1, 2);
        var file = Assert.Single(Directory.EnumerateFiles(Folder));
        Assert.Contains("tfevents", Path.GetFileName(file), StringComparison.Ordinal);
        var events = Events(file);
        Assert.Equal((0, "brain.Event:2"), (events[0].Step, events[0].Version));
        Assert.Equal([1L, 2L], events.Skip(1).Select(e => e.Step));
        Assert.Equal(
            [("loss", 10f), ("learning_rate", 0.5f), ("temperature", 0.25f), ("pairs_per_second", 99f)],
            events[1].Scalars);
        Assert.All(events, e => Assert.InRange(e.WallTime, 1.7e9, 1e11));
        Assert.Empty(_failures);
    }

    [Fact]
    public void Validation_is_a_curve_of_its_own()
    {
        var forward = new DirectionRecall(Modality.Image, Modality.Text, 4, 4, 50, 75, 100, 2);
        var backward = new DirectionRecall(Modality.Text, Modality.Image, 4, 4, 25, 50, 100, 2);
        var validation = new ValidationResult(3, 1, 62.5, [new RetrievalReport(forward, backward)]);
        var scalars = TensorBoardLog.Scalars(Progress(3, 0) with { Validation = validation }).Skip(4);
        Assert.Equal(
            [
                ("validation/recall@1", 37.5f), ("validation/recall@5", 62.5f), ("validation/recall@10", 100f), ("validation/mean", 62.5f),
                ("validation/recall@1/image-to-text", 50f), ("validation/recall@1/text-to-image", 25f),
            ],
            scalars);
    }

    [Fact]
    public void A_run_that_goes_on_repeats_no_step()
    {
        Write(0, 1, 2, 3, 4);
        Write(2, 3, 4, 5);
        Assert.Equal([1L, 2, 3, 4, 5], Steps());
    }

    [Fact]
    public void A_run_that_goes_on_where_the_last_point_was_cut_off_writes_it_again()
    {
        Write(0, 1, 2, 3);
        var file = Assert.Single(Directory.EnumerateFiles(Folder));
        using (var stream = File.OpenWrite(file)) stream.SetLength(stream.Length - 3);
        Write(2, 3, 4);
        Assert.Equal([1L, 2, 3, 4], Steps());
    }

    [Fact]
    public void A_run_that_begins_anew_removes_the_curves_of_the_one_before()
    {
        Write(0, 1, 2, 3);
        Write(0, 1);
        Assert.Equal([1L], Steps());
    }

    [Fact]
    public void What_cannot_be_written_is_told_once()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "model"), "A file where the folder should be.");
        Write(0, 1, 2, 3);
        Assert.IsAssignableFrom<IOException>(Assert.Single(_failures));
    }

    [Fact]
    public void A_disk_that_is_full_is_told_once()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("It takes /dev/full.");
        using (var log = new TensorBoardLog(Folder, TimeProvider.System, _failures.Add, _ => new FileStream("/dev/full", FileMode.Open, FileAccess.Write)))
        {
            for (var step = 1; step <= 1000; step++) log.Add(Progress(step, 0));
        }

        Assert.IsAssignableFrom<IOException>(Assert.Single(_failures));
    }

    public void Dispose() => _folder.Dispose();

    private static TrainingProgress Progress(int step, int resumedFrom) =>
        new(step, 10, 1, 5, step * 10, 0.5, 0.25, 99, TimeSpan.Zero, resumedFrom, null, 4, TimeSpan.Zero);

    private static List<(double WallTime, long Step, string? Version, List<(string, float)> Scalars)> Events(string path)
    {
        using var stream = File.OpenRead(path);
        return [.. RecordFile.Read(stream).Select(Event)];
    }

    /// <summary>Read by the field numbers of TensorFlow's event.proto and summary.proto, with the library's own reader.</summary>
    private static (double WallTime, long Step, string? Version, List<(string, float)> Scalars) Event(byte[] message)
    {
        var (time, step, version, scalars) = (0.0, 0L, (string?)null, new List<(string, float)>());
        var input = new CodedInputStream(message);
        while (input.ReadTag() is not 0 and var tag)
        {
            if (tag == 0x09) time = input.ReadDouble();
            else if (tag == 0x10) step = input.ReadInt64();
            else if (tag == 0x1A) version = input.ReadString();
            else if (tag == 0x2A) scalars.AddRange(Summary(input.ReadBytes()));
            else Assert.Fail($"Tag {tag} is none of an event.");
        }

        return (time, step, version, scalars);
    }

    private static IEnumerable<(string, float)> Summary(ByteString message)
    {
        var input = message.CreateCodedInput();
        while (input.ReadTag() is not 0 and var tag)
        {
            Assert.Equal(0x0Au, tag);
            var value = input.ReadBytes().CreateCodedInput();
            Assert.Equal(0x0Au, value.ReadTag());
            var name = value.ReadString();
            Assert.Equal(0x15u, value.ReadTag());
            yield return (name, value.ReadFloat());
            Assert.True(value.IsAtEnd);
        }
    }

    private IEnumerable<long> Steps() =>
        Directory.EnumerateFiles(Folder).Order(StringComparer.Ordinal).SelectMany(Events).Where(e => e.Version is null).Select(e => e.Step);

    private void Write(int resumedFrom, params int[] steps)
    {
        using var log = new TensorBoardLog(Folder, TimeProvider.System, _failures.Add);
        foreach (var step in steps) log.Add(Progress(step, resumedFrom));
    }
}
