namespace FuseMix.Contracts.Http;

/// <summary>A part of a list.</summary>
/// <param name="Items">The items, in the order of the list.</param>
/// <param name="Next">What to give as <c>cursor</c> for the part after this one; null at the end.</param>
public sealed record Page<T>(T[] Items, string? Next);
