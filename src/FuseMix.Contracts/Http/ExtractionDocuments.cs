namespace FuseMix.Contracts.Http;

/// <summary>How to extract.</summary>
/// <param name="Accelerator">What a node must have to take part, e.g. "cuda"; any node where missing.</param>
public sealed record ExtractionBody(string? Accelerator = null);
