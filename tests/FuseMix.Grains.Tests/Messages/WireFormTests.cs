using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using FuseMix.Contracts.Extraction;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Serialization;

namespace FuseMix.Grains.Tests.Messages;

/// <summary>
/// Nodes of the last release and of this one work in one cluster while it is upgraded: what the last one sends, this one reads, and the
/// calls that it makes are here. What it sends and calls stands in wire-VERSION.json; with FUSEMIX_RECORD_WIRE=1 the test writes the file
/// of this version anew, which is done with a release and at no other time.
/// </summary>
public sealed class WireFormTests : IDisposable
{
    private const string LastRelease = "0.1.0";

    private readonly ServiceProvider _services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public void Dispose() => _services.Dispose();

    [Fact]
    public void What_the_last_release_sends_is_read_as_it_was_meant()
    {
        var serializer = _services.GetRequiredService<Serializer>();
        Record(serializer);
        var messages = Recorded()["messages"]!.AsArray();
        Assert.True(messages.Count > 40, $"Only {messages.Count} messages were recorded.");
        foreach (var message in messages)
        {
            var read = serializer.Deserialize<object>(Convert.FromBase64String((string)message!["bytes"]!))!;
            AssertSays(message["says"], JsonNode.Parse(MessageSamples.Json(read)), $"{read.GetType().Name}");
        }
    }

    [Fact]
    public void What_the_last_release_calls_is_here()
    {
        Record(_services.GetRequiredService<Serializer>());
        var here = Calls().ToHashSet();
        Assert.All(Recorded()["calls"]!.AsArray(), call => Assert.Contains((string)call!, here));
    }

    [Fact]
    public void Everything_of_the_contracts_has_a_name_that_survives_its_own()
    {
        var types = typeof(ExtractionRequest).Assembly.GetTypes();
        Assert.DoesNotContain(types, type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false) && Alias(type) is null);
        var interfaces = types.Where(type => type.IsInterface && type.IsAssignableTo(typeof(IGrain))).ToArray();
        Assert.True(interfaces.Length >= 10);
        Assert.DoesNotContain(interfaces, type => Alias(type) is null);
        Assert.DoesNotContain(interfaces.SelectMany(CallsOf), method => Alias(method) is null);
        var names = types.Where(type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false)).Concat(interfaces)
            .Select(Alias).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    /// <summary>Recorded properties have to be there with their values; new ones may be beside them.</summary>
    private static void AssertSays(JsonNode? recorded, JsonNode? read, string where)
    {
        switch (recorded)
        {
            case JsonObject properties:
                foreach (var (name, value) in properties) AssertSays(value, read![name], $"{where}.{name}");
                break;
            case JsonArray list:
                Assert.Equal(list.Count, read!.AsArray().Count);
                for (var i = 0; i < list.Count; i++) AssertSays(list[i], read[i], $"{where}[{i}]");
                break;
            default:
                Assert.True(
                    JsonNode.DeepEquals(recorded, read),
                    $"{where} was {recorded?.ToJsonString() ?? "null"} and is read as {read?.ToJsonString() ?? "null"}.");
                break;
        }
    }

    /// <summary>Each call as the wire knows it: interface, method and parameters by their aliases.</summary>
    private static IEnumerable<string> Calls() =>
        from type in typeof(ExtractionRequest).Assembly.GetTypes()
        where type.IsInterface && type.IsAssignableTo(typeof(IGrain))
        from method in CallsOf(type)
        select $"{Alias(type)}.{Alias(method)}({string.Join(", ", method.GetParameters().Select(parameter => Named(parameter.ParameterType)))}) : {Named(method.ReturnType)}";

    private static MethodInfo[] CallsOf(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Instance);

    private static string Named(Type type) =>
        type.IsArray ? $"{Named(type.GetElementType()!)}[]"
        : type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Named))}>"
        : Alias(type) ?? type.Name;

    private static string? Alias(MemberInfo member) => member.GetCustomAttribute<AliasAttribute>()?.Alias;

    private static JsonNode Recorded() => JsonNode.Parse(File.ReadAllText(RecordedFile()))!;

    private static void Record(Serializer serializer)
    {
        if (Environment.GetEnvironmentVariable("FUSEMIX_RECORD_WIRE") != "1") return;
        var recorded = new JsonObject
        {
            ["messages"] = new JsonArray([.. MessageSamples.All.Select(message => new JsonObject
            {
                ["bytes"] = Convert.ToBase64String(serializer.SerializeToArray(message)),
                ["says"] = JsonNode.Parse(MessageSamples.Json(message)),
            })]),
            ["calls"] = new JsonArray([.. Calls().Order(StringComparer.Ordinal).Select(call => JsonValue.Create(call))]),
        };
        File.WriteAllText(RecordedFile(), recorded.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private static string RecordedFile([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, $"wire-{LastRelease}.json");
}
