using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace FuseMix.Client.Tests;

/// <summary>What apps build on changes only on purpose: the whole of it stands in a file under review.</summary>
public sealed class PublicApiTests
{
    private static readonly NullabilityInfoContext Nullability = new();

    [Fact]
    public void The_public_api_is_what_the_file_says()
    {
        var file = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "src", "FuseMix.Client", "PublicAPI.txt"));
        var actual = Describe(typeof(IFuseMixClient).Assembly);
        var expected = File.Exists(file) ? File.ReadAllText(file).ReplaceLineEndings("\n") : "";
        if (actual == expected) return;
        var path = Path.Combine(AppContext.BaseDirectory, "PublicAPI.txt");
        File.WriteAllText(path, actual);
        Assert.Fail($"The public API has changed. If that is on purpose, copy {path} over {file}.\n{Difference(expected, actual)}");
    }

    private static string Describe(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            var bases = type.GetInterfaces().Select(Plain).Order(StringComparer.Ordinal);
            text.Append($"{(type.IsInterface ? "interface" : type.IsSealed ? "sealed class" : "class")} {type.FullName}{(bases.Any() ? $" : {string.Join(", ", bases)}" : "")}\n");
            const BindingFlags own = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
            var told = type.IsInterface ? [] : type.GetInterfaces().SelectMany(known => type.GetInterfaceMap(known).TargetMethods).ToHashSet();
            foreach (var line in type.GetMembers(own).Where(member => member is not MethodInfo method || !told.Contains(method)).Select(Line).OfType<string>().Order(StringComparer.Ordinal)) text.Append($"    {line}\n");
        }

        return text.ToString();
    }

    private static string? Line(MemberInfo member) => member switch
    {
        ConstructorInfo constructor => $"new({Parameters(constructor)})",
        MethodInfo { IsSpecialName: false } method => $"{Name(Nullability.Create(method.ReturnParameter))} {method.Name}({Parameters(method)})",
        PropertyInfo property => $"{Name(Nullability.Create(property))} {property.Name} {{ {(property.CanRead ? "get; " : "")}{(property.CanWrite ? IsInit(property) ? "init; " : "set; " : "")}}}",
        FieldInfo field => $"{Name(Nullability.Create(field))} {field.Name}",
        _ => null,
    };

    private static bool IsInit(PropertyInfo property) => property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{Name(Nullability.Create(parameter))} {parameter.Name}{(parameter.HasDefaultValue ? $" = {parameter.DefaultValue switch { null => "default", false => "false", var value => value }}" : "")}"));

    private static string Name(NullabilityInfo info)
    {
        var nullable = info.ReadState == NullabilityState.Nullable && !info.Type.IsValueType ? "?" : "";
        return info.Type.IsArray ? $"{Name(info.ElementType!)}[]{nullable}"
            : info.Type.IsGenericType ? $"{Plain(info.Type)}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>{nullable}"
            : Plain(info.Type) + nullable;
    }

    private static string Plain(Type type) => type == typeof(void) ? "void" : type == typeof(string) ? "string" : type == typeof(bool) ? "bool" : type.Name.Split('`')[0];

    private static string Difference(string expected, string actual)
    {
        var (before, after) = (expected.Split('\n'), actual.Split('\n'));
        return string.Join('\n', before.Except(after).Select(line => $"- {line}").Concat(after.Except(before).Select(line => $"+ {line}")));
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
