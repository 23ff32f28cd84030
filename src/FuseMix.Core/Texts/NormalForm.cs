using System.Text;

namespace FuseMix.Core.Texts;

/// <summary>Texts as they look, however they are spelled: "é" is one character to some systems and two to others.</summary>
public static class NormalForm
{
    /// <summary>A text in Unicode normalisation form KC, version 15.0. The platform's own does nothing where it runs without ICU, as ours
    /// does.</summary>
    public static string Of(string text)
    {
        if (text.All(char.IsAscii)) return text;
        var reader = new CompatibilityReader(text);
        var form = new StringBuilder(text.Length);
        while (reader.TryRead(out var code))
        {
            if (Rune.IsValid(code)) form.Append(new Rune(code));
            else form.Append((char)code);
        }

        return form.ToString();
    }
}
