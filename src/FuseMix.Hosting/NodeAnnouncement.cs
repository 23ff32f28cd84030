using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using FuseMix.Storage;

namespace FuseMix.Hosting;

/// <summary>Where the one node of a home folder answers: what <c>node.json</c> in its state folder says while the node serves.</summary>
/// <param name="Url">The HTTP API, reached from this machine.</param>
/// <param name="Program">What the user started, e.g. <c>fusemix serve</c>.</param>
/// <param name="Machine">The machine, or container, of the process.</param>
/// <param name="ProcessId">The process.</param>
/// <param name="ProcessStart">When that process began, in a form that no other process with its number ever has.</param>
/// <param name="Version">Of the node.</param>
/// <param name="Since">When it began to serve.</param>
/// <param name="Key">The key of a node that lets in those alone who can read this file; null for one with keys of its own, or none.</param>
public sealed record NodeAnnouncement(
    Uri Url, string Program, string Machine, int ProcessId, string ProcessStart, string Version, DateTimeOffset Since, string? Key)
{
    /// <summary>The version of this build.</summary>
    public static string ThisVersion { get; } =
        typeof(NodeAnnouncement).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? "unknown";

    /// <summary>Which process it is, for messages.</summary>
    [JsonIgnore]
    public string Process => $"process {ProcessId} on {Machine} ('{Program}')";

    /// <summary>Whether the process that wrote it still runs.</summary>
    [JsonIgnore]
    public bool IsAlive => Machine == Environment.MachineName && ProcessStart == StartOf(ProcessId);

    /// <summary>The node of a home; null where none is announced, or what is written there is damaged, unreadable for this user, or left
    /// behind by a process that is gone.</summary>
    public static NodeAnnouncement? Read(FuseMixHome home)
    {
        try
        {
            var read = JsonSerializer.Deserialize(File.ReadAllBytes(FileOf(home)), AnnouncementJson.Default.NodeAnnouncement);
            return read is { Url: not null, IsAlive: true } ? read : null;
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException)
        {
            // It is a hint: without one, the lock of the home decides.
            return null;
        }
    }

    /// <summary>Printing it must not give the key away.</summary>
    public override string ToString() => $"{Process} at {Url}";

    /// <summary>Where it is written.</summary>
    internal static string FileOf(FuseMixHome home) => Path.Combine(home.State, "node.json");

    /// <summary>The announcement of this process.</summary>
    internal static NodeAnnouncement Of(Uri url, string program, string? key) => new(
        url, program, Environment.MachineName, Environment.ProcessId, StartOf(Environment.ProcessId) ?? "", ThisVersion,
        DateTimeOffset.UtcNow, key);

    /// <summary>Writes it, for this user's eyes alone. Not made durable: it means nothing once its writer is gone.</summary>
    internal void Write(FuseMixHome home)
    {
        var (path, temporary) = (FileOf(home), $"{FileOf(home)}.new");
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(temporary, options))
        {
            JsonSerializer.Serialize(file, this, AnnouncementJson.Default.NodeAnnouncement);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>When a process began: ticks since its machine started, and which start that was; null where there is none of that
    /// number.</summary>
    internal static string? StartOf(int process)
    {
        try
        {
            // The name of the program stands in parentheses and may hold anything; after it come the state and, 19 fields on, the start.
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : $"{fields[19]} of {File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()}";
        }
        catch (IOException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NodeAnnouncement))]
internal sealed partial class AnnouncementJson : JsonSerializerContext;
