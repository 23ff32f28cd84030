using System.Diagnostics;
using System.Globalization;
using FuseMix.Benchmarks.Extraction;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;

// Every installed encoder: our session, from file bytes and texts to latents, against a loop around ONNX Runtime that is given ready
// tensors. In turns, the same number of threads, medians. The loop has nothing to decode, resize or tokenise, which flatters it.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var store = new EncoderPackStore(Text("--encoders", ".fusemix/encoders"));
var pictures = Text("--images", "");
var only = Text("--encoder", "");
var items = Number("--items", 256);
var rounds = Number("--rounds", 11);
var threadCounts = Text("--threads", "1,2").Split(',').Select(int.Parse).ToArray();

if (store.List().Count == 0)
{
    Console.Error.WriteLine($"There is no encoder in {store.Root}. Run ./fusemix demo once, or name a folder with --encoders.");
    return 2;
}

Console.WriteLine("encoder             threads   ours items/s   loop items/s   loop 1 x all threads   ours / better loop   max difference");
foreach (var name in only.Length > 0 ? [only] : store.List())
{
    var pack = store.Load(name);
    if (pack.Definition.Modality == Modality.Image && pictures.Length == 0)
    {
        Console.WriteLine($"{name,-18}  left out: name a folder of pictures with --images");
        continue;
    }

    var inputs = pack.Definition.Modality == Modality.Image ? Workload.Pictures(pictures, items) : Workload.Texts(items);
    foreach (var threads in threadCounts)
    {
        using var ours = EncoderSession.Open(pack, new EncoderSessionOptions { Threads = threads, Device = EncoderDevice.Cpu });
        using var parallel = new BareLoop(pack, inputs, sessionsThreads: 1, workers: threads);
        using var inner = new BareLoop(pack, inputs, sessionsThreads: threads, workers: 1);
        var latents = ours.EncodeBatch(inputs);
        if (latents.Failures > 0)
            throw new InvalidOperationException(latents.ErrorOf(Enumerable.Range(0, items).First(i => latents.ErrorOf(i) is not null)));
        var difference = parallel.Run().Zip(latents.Latents.ToArray(), (a, b) => Math.Abs(a - b)).Max();
        inner.Run();
        List<double> mine = [], across = [], within = [];
        for (var round = 0; round < rounds; round++)
        {
            mine.Add(Time(() => ours.EncodeBatch(inputs)));
            across.Add(Time(() => parallel.Run()));
            within.Add(Time(() => inner.Run()));
        }

        var (m, a, w) = (items / Median(mine), items / Median(across), items / Median(within));
        // Of the ratios of single rounds, which share whatever else the machine is doing.
        var ratio = Math.Min(
            Median([.. mine.Zip(across, (ours, loop) => loop / ours)]), Median([.. mine.Zip(within, (ours, loop) => loop / ours)]));
        Console.WriteLine($"{name,-18}  {threads,7}   {m,12:F1}   {a,12:F1}   {w,20:F1}   {ratio,18:F3}   {difference,14:E1}");
    }
}

return 0;

static double Time(Action work)
{
    var started = Stopwatch.GetTimestamp();
    work();
    return Stopwatch.GetElapsedTime(started).TotalSeconds;
}

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

string Text(string option, string otherwise) =>
    Array.IndexOf(args, option) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;

int Number(string option, int otherwise) => int.Parse(Text(option, $"{otherwise}"), CultureInfo.InvariantCulture);
