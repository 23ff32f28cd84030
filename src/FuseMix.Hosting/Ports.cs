using System.Net;
using System.Net.Sockets;

namespace FuseMix.Hosting;

/// <summary>TCP ports of this machine.</summary>
public static class Ports
{
    /// <summary>A port of the loopback interface that nobody listens on: Orleans wants to know its ports beforehand.</summary>
    public static int Free()
    {
        using var probe = Bind(IPAddress.Loopback, 0);
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    /// <summary>Asked before a node starts: it would find out too, but not without writing its stack to the log.</summary>
    /// <param name="address">Where to listen.</param>
    /// <param name="port">The port; 0, which means any, is always free.</param>
    /// <param name="otherwise">What to do where it is taken, e.g. "Choose another with --port."</param>
    /// <exception cref="FuseMixException">It is taken, or this user may not use it, or the address is not of this machine.</exception>
    public static void RequireFree(IPAddress address, int port, string otherwise)
    {
        if (port == 0) return;
        try
        {
            Bind(address, port).Dispose();
        }
        catch (SocketException error)
        {
            throw error.SocketErrorCode switch
            {
                SocketError.AccessDenied => new FuseMixException(FailureKind.Unavailable, $"This user may not use port {port}.", otherwise, error),
                SocketError.AddressNotAvailable => new FuseMixException(FailureKind.Unavailable, $"{address} is no address of this machine.", "Give one that it has.", error),
                _ => new FuseMixException(FailureKind.Unavailable, $"Port {port} is already in use.", otherwise, error),
            };
        }
    }

    private static Socket Bind(IPAddress address, int port)
    {
        var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Bind(new IPEndPoint(address, port));
            return probe;
        }
        catch
        {
            probe.Dispose();
            throw;
        }
    }
}
