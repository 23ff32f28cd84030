using System.CommandLine;
using System.CommandLine.Help;
using FuseMix.Cli.ApiKeys;
using FuseMix.Cli.Benchmarks;
using FuseMix.Cli.Collections;
using FuseMix.Cli.Datasets;
using FuseMix.Cli.Demo;
using FuseMix.Cli.Doctor;
using FuseMix.Cli.Encoders;
using FuseMix.Cli.Evaluation;
using FuseMix.Cli.Extraction;
using FuseMix.Cli.Jobs;
using FuseMix.Cli.Models;
using FuseMix.Cli.Packages;
using FuseMix.Cli.Search;
using FuseMix.Cli.Serve;
using FuseMix.Cli.Status;
using FuseMix.Cli.Studies;
using FuseMix.Cli.Training;

namespace FuseMix.Cli.CommandLine;

/// <summary>Every command, in the order in which a newcomer meets them.</summary>
internal static class CommandTree
{
    /// <summary>What a command line says. A word that begins with '@' is a word: nothing is read from the file of that name.</summary>
    public static ParseResult Parse(RootCommand root, IReadOnlyList<string> args) =>
        root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });

    public static RootCommand Build()
    {
        var root = new RootCommand("FuseMix.Cluster aligns the latent spaces of frozen encoders with light adapters, and searches across modalities.");
        foreach (var option in CommonOptions.All) root.Add(option);

        // On Linux '/h' and '/?' are texts and paths.
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            help.Aliases.Remove("/h");
            help.Aliases.Remove("/?");
        }

        Command[] commands =
        [
            DemoCommand.Create(),
            SearchCommand.Create(),
            ServeCommand.Create(),
            ApiKeysCommand.Create(),
            EncodersCommand.Create(),
            DatasetsCommand.Create(),
            FetchCommand.Create(),
            ExtractCommand.Create(),
            TrainCommand.Create(),
            EvalCommand.Create(),
            StudyCommand.Create(),
            BenchCommand.Create(),
            ModelsCommand.Create(),
            CollectionsCommand.Create(),
            StatusCommand.Create(),
            CancelCommand.Create(),
            DoctorCommand.Create(),
        ];
        foreach (var command in commands) root.Add(command);
        return root;
    }
}
