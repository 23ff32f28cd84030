using System.Collections.Concurrent;
using FuseMix.Contracts.Cluster;
using FuseMix.Encoders.Packs;
using FuseMix.Encoders.Sessions;
using FuseMix.Grains.Cluster;

namespace FuseMix.Grains.Sessions;

/// <summary>The encoder sessions of a node, opened at first use and shared by all its grains.</summary>
internal sealed class EncoderSessions(EncoderPackStore packs, DeviceHealth devices, EncodingThreads threads, NodeOptions options) : IDisposable
{
    private readonly ConcurrentDictionary<(string Encoder, Fingerprint Fingerprint, EncoderAim Aim), Lazy<EncoderSession>> _open = new();

    /// <summary>The session of an encoder with that fingerprint, whatever is installed under its name now.</summary>
    /// <exception cref="FuseMixException">There is no such pack any more, or it cannot be opened.</exception>
    public EncoderSession Get(string encoder, Fingerprint fingerprint, EncoderAim aim)
    {
        var key = (encoder, fingerprint, aim);
        var session = _open.GetOrAdd(key, _ => new Lazy<EncoderSession>(() => Open(encoder, fingerprint, aim)));
        try
        {
            return session.Value;
        }
        catch
        {
            // A failure is not kept: the pack may be mended while the node runs.
            _open.TryRemove(KeyValuePair.Create(key, session));
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var session in _open.Values.Where(session => session.IsValueCreated)) session.Value.Dispose();
    }

    private EncoderSession Open(string encoder, Fingerprint fingerprint, EncoderAim aim)
    {
        return EncoderSession.Open(packs.Load(encoder, fingerprint), new EncoderSessionOptions
        {
            Threads = options.Threads,
            Aim = aim,
            Scheduler = aim == EncoderAim.Throughput ? threads : null,
            Device = options.Accelerators.Contains(Accelerators.Cuda) ? EncoderDevice.Cuda : EncoderDevice.Cpu,
            DeviceLost = devices.ReportLost,
        });
    }
}
