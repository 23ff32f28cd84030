using FuseMix.Contracts.Collections;
using FuseMix.Contracts.Training;

namespace FuseMix.Cli.Demo;

/// <summary>What the demo did.</summary>
/// <param name="Steps">In their order.</param>
/// <param name="Model">Name of the fusion model.</param>
/// <param name="Collection">Name of the collection.</param>
/// <param name="Evaluations">Recall on the test split.</param>
/// <param name="Searches">What it searched for, and found.</param>
/// <param name="Elapsed">Time in all.</param>
internal sealed record DemoReport(
    DemoStep[] Steps, string Model, string Collection, DemoEvaluation[] Evaluations, DemoSearch[] Searches, TimeSpan Elapsed);

/// <summary>One step of the demo.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Outcome">What it did.</param>
/// <param name="Reused">Whether everything was there already.</param>
/// <param name="Elapsed">How long it took.</param>
internal sealed record DemoStep(string Name, string Outcome, bool Reused, TimeSpan Elapsed);

/// <summary>One row of the demo's table of figures.</summary>
/// <param name="Method">FuseMix or the baseline.</param>
/// <param name="Report">Its recall.</param>
internal sealed record DemoEvaluation(string Method, EvaluationReport Report);

/// <summary>One search of the demo.</summary>
/// <param name="Query">What was looked for, in words.</param>
/// <param name="From">Modality of the query.</param>
/// <param name="To">Modality of the hits.</param>
/// <param name="Hits">Best first.</param>
internal sealed record DemoSearch(string Query, Modality From, Modality To, Hit[] Hits);
