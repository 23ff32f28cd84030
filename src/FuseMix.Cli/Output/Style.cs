namespace FuseMix.Cli.Output;

/// <summary>Marks text for a terminal, or leaves it alone where there is none.</summary>
internal readonly struct Style(bool on)
{
    public bool On => on;

    public string Bold(string text) => Mark("1", text);

    public string Dim(string text) => Mark("2", text);

    public string Red(string text) => Mark("31", text);

    public string Green(string text) => Mark("32", text);

    public string Yellow(string text) => Mark("33", text);

    public string Cyan(string text) => Mark("36", text);

    private string Mark(string code, string text) => on ? $"\e[{code}m{text}\e[0m" : text;
}
