using System.Net;
using System.Net.Sockets;

namespace FuseMix.Hosting.Tests;

public sealed class PortsTests
{
    private const string GivenAway = "/proc/sys/net/ipv4/ip_local_port_range";

    [Fact]
    public void A_free_port_can_be_listened_on_and_is_none_that_the_system_gives_to_others()
    {
        Assert.SkipUnless(File.Exists(GivenAway), "Only Linux says which ports it gives away.");
        var first = int.Parse(File.ReadAllText(GivenAway).Split('\t')[0]);
        for (var round = 0; round < 20; round++)
        {
            var port = Ports.Free();
            Assert.InRange(port, 1024, first - 1);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
        }
    }
}
