using System.Globalization;
using System.Threading.Channels;

namespace FuseMix.Training.TensorBoard;

/// <summary>The curves of a run in event files that TensorBoard shows.</summary>
/// <remarks>
/// <para>Each call of the trainer writes a file of its own, so that two trainers of which one is only thought dead never write to the same
/// one; a run that goes on from a checkpoint leaves out the steps that are there. A run that begins anew removes the files of the one
/// before.</para>
/// <para>Writing happens beside the trainer, which it neither slows nor stops: where the disk cannot follow, points are left out.</para>
/// </remarks>
public sealed class TensorBoardLog : IDisposable
{
    private const string Prefix = "events.out.tfevents.";
    private const int MostWaiting = 65_536;
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(5);

    private readonly string _folder;
    private readonly TimeProvider _clock;
    private readonly Action<Exception> _failed;
    private readonly Func<string, Stream> _create;
    private readonly Channel<(TrainingProgress Progress, double WallTime)> _waiting = Channel.CreateBounded<(TrainingProgress, double)>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private readonly Task _writing;

    /// <summary>Begins; nothing is written before the first step.</summary>
    /// <param name="folder">The run's folder, made where it is missing.</param>
    /// <param name="clock">Tells the wall time of each point.</param>
    /// <param name="failed">Told once why nothing more is written.</param>
    public TensorBoardLog(string folder, TimeProvider clock, Action<Exception> failed)
        : this(
            folder,
            clock,
            failed,
            path => new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
    {
    }

    internal TensorBoardLog(string folder, TimeProvider clock, Action<Exception> failed, Func<string, Stream> create)
    {
        (_folder, _clock, _failed, _create) = (folder, clock, failed, create);
        _writing = Task.Run(Write);
    }

    /// <summary>Takes note of a step, and returns at once.</summary>
    public void Add(TrainingProgress progress) => _waiting.Writer.TryWrite((progress, Seconds(_clock)));

    /// <summary>Writes what is waiting, for a few seconds at most.</summary>
    public void Dispose()
    {
        _waiting.Writer.TryComplete();
        _writing.Wait(LastWords);
    }

    /// <summary>The scalars of a step; shares 0..1.</summary>
    internal static IReadOnlyList<(string Tag, float Value)> Scalars(TrainingProgress progress)
    {
        List<(string, float)> scalars =
        [
            ("loss", (float)progress.Loss),
            ("learning_rate", (float)progress.LearningRate),
            ("temperature", (float)progress.Temperature),
            ("pairs_per_second", (float)progress.PairsPerSecond),
        ];
        if (progress.Validation is not { } validation) return scalars;
        scalars.Add(("validation/recall@1", (float)validation.MeanOf(recall => recall.At1)));
        scalars.Add(("validation/recall@5", (float)validation.MeanOf(recall => recall.At5)));
        scalars.Add(("validation/recall@10", (float)validation.MeanOf(recall => recall.At10)));
        scalars.Add(("validation/mean", (float)validation.Mean));
        foreach (var direction in validation.Reports.SelectMany(report => new[] { report.Forward, report.Backward }))
        {
            scalars.Add(
                ($"validation/recall@1/{TrainingData.Name(direction.From)}-to-{TrainingData.Name(direction.To)}", (float)direction.At1));
        }

        return scalars;
    }

    private static double Seconds(TimeProvider clock) => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    private async Task Write()
    {
        Stream? file = null;
        try
        {
            var last = 0L;
            while (await _waiting.Reader.WaitToReadAsync())
            {
                while (_waiting.Reader.TryRead(out var next))
                {
                    if (file is null)
                    {
                        last = LastStep(next.Progress.ResumedFrom);
                        file = Create();
                    }

                    if (next.Progress.Step <= last) continue;
                    last = next.Progress.Step;
                    RecordFile.Append(file, new ScalarEvent(next.WallTime, last, Scalars(next.Progress)).ToBytes());
                }

                file?.Flush();
            }
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // The run is worth more than its curves: what comes now is dropped.
            _waiting.Writer.TryComplete();
            _failed(failure);
        }
        finally
        {
            Close(file);
        }
    }

    /// <summary>The last step in the files of the runs that this one goes on from; removes those that it does not.</summary>
    private long LastStep(int resumedFrom)
    {
        Directory.CreateDirectory(_folder);
        var last = 0L;
        foreach (var path in Directory.EnumerateFiles(_folder, $"{Prefix}*").ToArray())
        {
            if (resumedFrom == 0)
            {
                File.Delete(path);
                continue;
            }

            using var earlier = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            last = RecordFile.Read(earlier).Aggregate(last, (most, record) => Math.Max(most, ScalarEvent.StepOf(record)));
        }

        return last;
    }

    private Stream Create()
    {
        // TensorBoard reads the files of a folder in the order of their names.
        var earlier = Directory.EnumerateFiles(_folder, $"{Prefix}*").Count();
        var name = string.Create(
            CultureInfo.InvariantCulture, $"{Prefix}{_clock.GetUtcNow().ToUnixTimeMilliseconds():D13}.{earlier:D4}.{Guid.NewGuid():N}");
        var file = _create(Path.Combine(_folder, name));
        RecordFile.Append(file, ScalarEvent.FileVersion(Seconds(_clock)));
        return file;
    }

    private static void Close(Stream? file)
    {
        try
        {
            file?.Dispose();
        }
        catch (IOException)
        {
            // What could not be written was told of.
        }
    }
}
