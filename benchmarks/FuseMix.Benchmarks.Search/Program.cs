using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using FuseMix.Retrieval.Search;
using FuseMix.Retrieval.Shards;

// Exact search against faiss IndexFlatIP on the same vectors, in turns: one round of ours, one of theirs, and again. Results are compared
// too.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var n = Number("--n", 100_000);
var d = Number("--d", 512);
var k = Number("--k", 10);
var rounds = Number("--rounds", 11);
var clusters = Number("--clusters", 0);
var batches = Numbers("--batch", "1,64");
var threadCounts = Numbers("--threads", "1,2");
var peer = Text("--peer", "");

var folder = Directory.CreateTempSubdirectory("fusemix-bench-").FullName;
try
{
    var rows = Vectors(n, seed: 1);
    var queries = Vectors(Math.Max(256, batches.Max() * 4), seed: 2);
    var path = Path.Combine(folder, "bench.fmshard");
    var writer = new ShardWriter("bench", "bench", Modality.Image, d);
    for (var row = 0; row < n; row++) writer.Add($"{row:D9}", rows.AsSpan(row * d, d));
    var started = Stopwatch.GetTimestamp();
    writer.Write(path);
    Console.WriteLine($"write {n} x {d}: {Stopwatch.GetElapsedTime(started).TotalSeconds:F2} s, {new FileInfo(path).Length >> 20} MiB");
    started = Stopwatch.GetTimestamp();
    using var shard = IndexShard.Open(path);
    Console.WriteLine($"open and verify: {Stopwatch.GetElapsedTime(started).TotalSeconds:F2} s; first pass: {CodeKernel.Best}");

    using var faiss = peer.Length == 0 ? null : new Peer(peer, folder, rows, queries, d, k);
    Console.WriteLine(
        "  batch  threads  ours ms/batch   faiss ms/batch   numpy ms/batch   ours QPS   better peer QPS   x faiss   x better peer   "
            + "re-ranked/query   same ids");
    foreach (var threads in threadCounts)
    {
        foreach (var batch in batches)
        {
            var options = new SearchOptions { K = k, Threads = threads };
            var repeats = Math.Max(1, 32 / batch);
            var ours = new List<double>();
            var theirs = new List<double>();
            var numpy = new List<double>();
            long reranked = 0;
            for (var i = 0; i < 40; i++) shard.Search(Batch(i, batch), batch, options, CodeKernel.Best, out reranked);
            faiss?.Run(batch, threads, repeats);
            for (var round = 0; round < rounds; round++)
            {
                started = Stopwatch.GetTimestamp();
                for (var i = 0; i < repeats; i++) shard.Search(Batch(i, batch), batch, options, CodeKernel.Best, out reranked);
                ours.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds / repeats);
                if (faiss is null) continue;
                var (flat, product) = faiss.Run(batch, threads, repeats);
                theirs.Add(flat);
                numpy.Add(product);
            }

            var mine = Median(ours);
            var flatMedian = theirs.Count == 0 ? double.NaN : Median(theirs);
            var productMedian = numpy.Count == 0 ? double.NaN : Median(numpy);
            var better = Math.Min(flatMedian, productMedian);
            var same = faiss is null ? "-" : $"{Agreement(shard, faiss, batch, options):P2}";
            Console.WriteLine(
                $"{batch,7}{threads,9}{mine,15:F3}{flatMedian,17:F3}{productMedian,17:F3}"
                + $"{batch * 1000 / mine,11:F0}{batch * 1000 / better,18:F0}{flatMedian / mine,10:F2}{better / mine,16:F2}"
                + $"{(double)reranked / batch,18:F0}   {same}");
        }
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

ReadOnlySpan<float> Batch(int i, int batch) =>
    Global.Queries.AsSpan(i * batch * d % (Global.Queries.Length - (batch * d) + 1) / d * d, batch * d);

double Agreement(IndexShard shard, Peer faiss, int batch, SearchOptions options)
{
    var found = shard.Search(Batch(0, batch), batch, options);
    var expected = faiss.Results(batch);
    return (double)found.Select((hits, q) => hits.Count(hit => expected.AsSpan(q * k, k).Contains(hit.Row))).Sum() / (batch * k);
}

float[] Vectors(int count, int seed)
{
    var random = new Random(seed);
    var centres = clusters == 0 ? [] : Normal(new Random(0), clusters * d);
    var values = Normal(random, count * d);
    for (var row = 0; row < count; row++)
    {
        var vector = values.AsSpan(row * d, d);
        if (clusters > 0)
        {
            var centre = random.Next(clusters) * d;
            for (var i = 0; i < d; i++) vector[i] = centres[centre + i] + (0.7f * vector[i]);
        }

        double squares = 0;
        foreach (var value in vector) squares += (double)value * value;
        for (var i = 0; i < d; i++) vector[i] = (float)(vector[i] / Math.Sqrt(squares));
    }

    if (seed == 2) Global.Queries = values;
    return values;
}

static float[] Normal(Random random, int count)
{
    var values = new float[count];
    for (var i = 0; i < count; i++)
        values[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    return values;
}

static double Median(List<double> values)
{
    values.Sort();
    return values[values.Count / 2];
}

string Text(string name, string otherwise) =>
    Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;

int Number(string name, int otherwise) => int.Parse(Text(name, $"{otherwise}"));

int[] Numbers(string name, string otherwise) => [.. Text(name, otherwise).Split(',').Select(int.Parse)];

internal static class Global
{
    public static float[] Queries { get; set; } = [];
}

/// <summary>faiss in a process of its own, told what to time over its standard input.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;
    private readonly int _k;
    private readonly string _results;

    public Peer(string script, string folder, float[] rows, float[] queries, int d, int k)
    {
        _k = k;
        _results = Path.Combine(folder, "results.i64");
        File.WriteAllBytes(Path.Combine(folder, "rows.f32"), MemoryMarshal.AsBytes(rows.AsSpan()));
        File.WriteAllBytes(Path.Combine(folder, "queries.f32"), MemoryMarshal.AsBytes(queries.AsSpan()));
        var start = new ProcessStartInfo("/usr/bin/python3") { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])[script, folder, $"{d}", $"{k}"]) start.ArgumentList.Add(argument);

        // Debian's OpenBLAS takes new processors for old ones; without this the peer would run at a third of its speed.
        start.Environment["OPENBLAS_CORETYPE"] = "SkylakeX";
        start.Environment.Remove("OPENBLAS_L2_SIZE");
        _process = Process.Start(start)!;
        Ask("ready");
    }

    public (double Faiss, double Numpy) Run(int batch, int threads, int repeats)
    {
        var answer = Ask($"{batch} {threads} {repeats}").Split(' ');
        return (double.Parse(answer[0]), double.Parse(answer[1]));
    }

    public long[] Results(int batch)
    {
        Ask($"{batch} 1 0");
        return MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(_results)).ToArray()[..(batch * _k)];
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private string Ask(string question)
    {
        _process.StandardInput.WriteLine(question);
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException(
            "The peer ended early; its error output says why.");
    }
}
