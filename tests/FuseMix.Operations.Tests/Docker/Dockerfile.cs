using System.Text.RegularExpressions;

namespace FuseMix.Operations.Tests.Docker;

/// <summary>The Dockerfile of this checkout, taken apart into stages.</summary>
internal sealed partial class Dockerfile
{
    private Dockerfile(IReadOnlyDictionary<string, string> arguments, IReadOnlyList<Stage> stages) =>
        (Arguments, Stages) = (arguments, stages);

    /// <summary>The build arguments before the first stage, with their defaults.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; }

    /// <summary>The stages in their order.</summary>
    public IReadOnlyList<Stage> Stages { get; }

    /// <summary>The environment of what it makes, for the processor.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Environment =>
        Stages.Where(stage => stage.Name is "cpu" or "silo").SelectMany(stage => stage.All("ENV")).SelectMany(rest => rest.Split(' '))
            .Select(pair => pair.Split('=')).Select(pair => KeyValuePair.Create(pair[0], (string?)pair[1]));

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">A line is no instruction, or comes before the first stage.</exception>
    public static Dockerfile Read()
    {
        var text = Continuation().Replace(Comment().Replace(Checkout.Read("Dockerfile"), ""), " ");
        var arguments = new Dictionary<string, string>();
        var stages = new List<Stage>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (instruction, rest) = Instruction().Match(line) is { Success: true } match
                ? (match.Groups[1].Value, Spaces().Replace(match.Groups[2].Value, " "))
                : throw new FormatException(line);
            if (instruction == "FROM")
            {
                stages.Add(From().Match(rest) is { Success: true } from
                    ? new Stage(from.Groups[2].Value, from.Groups[1].Value, [])
                    : throw new FormatException($"A stage without a name: {line}"));
            }
            else if (stages.Count > 0)
            {
                stages[^1].Instructions.Add((instruction, rest));
            }
            else if (instruction == "ARG" && rest.Split('=') is [var name, var value])
            {
                arguments.Add(name, value);
            }
            else
            {
                throw new FormatException(line);
            }
        }

        return new Dockerfile(arguments, stages);
    }

    /// <summary>One stage.</summary>
    internal sealed record Stage(string Name, string Base, List<(string Instruction, string Text)> Instructions)
    {
        /// <summary>What follows an instruction, each time that it is there.</summary>
        public IEnumerable<string> All(string instruction) => Instructions.Where(i => i.Instruction == instruction).Select(i => i.Text);
    }

    [GeneratedRegex(@"^[ \t]*#.*\n", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\\\n")]
    private static partial Regex Continuation();

    [GeneratedRegex("^(ARG|FROM|WORKDIR|COPY|RUN|ENV|LABEL|USER|EXPOSE|ENTRYPOINT) (.+)$")]
    private static partial Regex Instruction();

    [GeneratedRegex("^(\\S+) AS ([a-z]+)$")]
    private static partial Regex From();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
