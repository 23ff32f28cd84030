using System.Net;
using System.Net.Sockets;

namespace FuseMix.Hosting;

/// <summary>TCP ports of this machine.</summary>
public static class Ports
{
    private const string GivenAway = "/proc/sys/net/ipv4/ip_local_port_range";
    private const int Lowest = 10_000;

    /// <summary>
    /// A port of the loopback interface that nobody listens on, for what must be told its port beforehand, as Orleans must. Where it can it
    /// is none of those that the system gives to whoever connects or takes any: one of these may be another's by the time somebody listens
    /// on it.
    /// </summary>
    public static int Free()
    {
        var end = FirstGivenAway();
        for (var attempts = 0; attempts < 100 && end > Lowest; attempts++)
        {
            var port = Random.Shared.Next(Lowest, end);
            try
            {
                Bind(IPAddress.Loopback, port).Dispose();
                return port;
            }
            catch (SocketException error) when (error.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                // Another will be free.
            }
        }

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
                SocketError.AccessDenied =>
                    new FuseMixException(FailureKind.Unavailable, $"This user may not use port {port}.", otherwise, error),
                SocketError.AddressNotAvailable => new FuseMixException(
                    FailureKind.Unavailable, $"{address} is no address of this machine.", "Give one that it has.", error),
                _ => new FuseMixException(FailureKind.Unavailable, $"Port {port} is already in use.", otherwise, error),
            };
        }
    }

    /// <summary>The lowest port that the system gives away by itself; 0 where it does not say.</summary>
    private static int FirstGivenAway()
    {
        try
        {
            return int.TryParse(File.ReadAllText(GivenAway).Split('\t', ' ')[0], out var first) ? first : 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
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
