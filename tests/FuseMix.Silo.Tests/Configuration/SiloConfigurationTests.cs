using FuseMix.Hosting.Configuration;
using FuseMix.Silo.Configuration;
using FuseMix.Testing;

namespace FuseMix.Silo.Tests.Configuration;

public sealed class SiloConfigurationTests : IDisposable
{
    private const string Key = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_anything_said_it_is_a_node_with_every_role_that_only_this_machine_reaches()
    {
        var configuration = SiloConfiguration.Load([]);
        Assert.Equal(["gateway", "extract", "train", "index", "generate"], configuration.Node.Roles);
        Assert.Equal(ClusteringKind.Local, configuration.Cluster.Kind);
        Assert.Equal(StateKind.Sqlite, configuration.State.KindWith(configuration.Cluster));
        Assert.True(configuration.Http.IsLoopback);
        Assert.Equal(5080, configuration.Http.Port);
        Assert.True(configuration.Cluster.IsAlone);
        Assert.True(ResourceName.IsValid(configuration.Node.Name));
    }

    [Fact]
    public void Every_key_is_read_to_its_type()
    {
        var configuration = SiloConfiguration.Load([File("all.json", $$"""
            {
              // A comment, as operators write them.
              "FuseMix": {
                "Home": "/var/lib/fusemix",
                "Node": {
                  "Name": "host-1", "Roles": ["gateway", "index"], "Accelerators": ["cuda"], "Threads": 3, "ItemsPerShard": 256, "LeaseDuration": "00:00:20",
                  "ShardAttempts": 4, "CheckpointSteps": 50, "TrainingsKept": 20, "EvaluationsQueued": 0, "ShardReplicas": 3, "HedgeAfter": "00:00:00.050", "BalanceEvery": "00:00:09",
                },
                "Cluster": {
                  "Kind": "PostgreSql", "ClusterId": "blue", "ServiceId": "pictures", "ConnectionString": "Host=db", "AdvertisedAddress": "10.0.0.7",
                  "SiloPort": 11112, "GatewayPort": 30001, "PrimarySiloPort": null,
                },
                "State": { "Kind": "Azure", "ConnectionString": "UseDevelopmentStorage=true" },
                "Http": {
                  "Address": "0.0.0.0", "Port": 8080, "PublicNames": ["fusemix.example.org", "10.0.0.7"],
                  "Certificate": { "Path": "/tls/tls.crt", "KeyPath": "/tls/tls.key", "Password": "x" },
                  "ApiKeys": [{ "Name": "app", "Sha256": "{{Key}}", "Scopes": ["read", "write"] }],
                  "RequestsPerSecond": 100, "ConcurrentRequests": 32, "QueuedRequests": 0, "MaxUploadBytes": 4294967296,
                },
                "Shutdown": { "Drain": "00:00:02", "Timeout": "00:00:30" },
              },
              "Logging": { "LogLevel": { "FuseMix.Grains": "Debug" } },
            }
            """)]);

        Assert.Equal("gateway+index/cuda@host-1", configuration.Node.ToNodeName().ToString());
        Assert.Equal("/var/lib/fusemix", configuration.ResolveHome().Root);
        Assert.Equal(
            (3, 256, TimeSpan.FromSeconds(20), 4, 50, 20, 0, 3, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(9)),
            (configuration.Node.Threads, configuration.Node.ItemsPerShard, configuration.Node.LeaseDuration, configuration.Node.ShardAttempts,
                configuration.Node.CheckpointSteps, configuration.Node.TrainingsKept, configuration.Node.EvaluationsQueued,
                configuration.Node.ShardReplicas, configuration.Node.HedgeAfter, configuration.Node.BalanceEvery));
        Assert.Equal(
            (ClusteringKind.PostgreSql, "blue", "pictures", "Host=db", "10.0.0.7", 11112, 30001, (int?)null),
            (configuration.Cluster.Kind, configuration.Cluster.ClusterId, configuration.Cluster.ServiceId, configuration.Cluster.ConnectionString,
                configuration.Cluster.AdvertisedAddress, configuration.Cluster.SiloPort, configuration.Cluster.GatewayPort,
                configuration.Cluster.PrimarySiloPort));
        Assert.Equal(StateKind.Azure, configuration.State.KindWith(configuration.Cluster));
        Assert.Equal("UseDevelopmentStorage=true", configuration.State.ConnectionStringWith(configuration.Cluster));
        Assert.Equal(["fusemix.example.org", "10.0.0.7"], configuration.Http.PublicNames);
        Assert.Equal(
            ("/tls/tls.crt", "/tls/tls.key", "x"),
            (configuration.Http.Certificate.Path, configuration.Http.Certificate.KeyPath, configuration.Http.Certificate.Password));
        var key = Assert.Single(configuration.Http.ApiKeys);
        Assert.Equal(("app", Key, "read write"), (key.Name, key.Sha256, string.Join(' ', key.Scopes)));
        Assert.Equal(
            ("0.0.0.0", 8080, 100, 32, 0, 1L << 32),
            (configuration.Http.Address, configuration.Http.Port, configuration.Http.RequestsPerSecond, configuration.Http.ConcurrentRequests,
                configuration.Http.QueuedRequests, configuration.Http.MaxUploadBytes));
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30)), (configuration.Shutdown.Drain, configuration.Shutdown.Timeout));
        Assert.Equal("Debug", configuration.Logging["logging:loglevel:fusemix.grains"]);
    }

    [Fact]
    public void A_later_file_wins_over_an_earlier_one_the_environment_over_files_and_the_command_line_over_all()
    {
        var configuration = SiloConfiguration.Load(
            [File("a.json", """{ "FuseMix": { "Http": { "Port": 1, "RequestsPerSecond": 1, "QueuedRequests": 1, "ConcurrentRequests": 1 } } }"""),
             File("b.json", """{ "FuseMix": { "Http": { "RequestsPerSecond": 2, "QueuedRequests": 2, "ConcurrentRequests": 2 } } }""")],
            Pairs(("FUSEMIX__Http__QueuedRequests", "3"), ("FUSEMIX__HTTP__CONCURRENTREQUESTS", "3")),
            Pairs(("FuseMix:Http:ConcurrentRequests", "4")));
        Assert.Equal(
            (1, 2, 3, 4),
            (configuration.Http.Port, configuration.Http.RequestsPerSecond, configuration.Http.QueuedRequests, configuration.Http.ConcurrentRequests));
    }

    [Theory]
    [InlineData("FUSEMIX__Node__Roles__0", "index", "index")]
    [InlineData("FUSEMIX__Node__Roles", "index", "index")]
    [InlineData("FUSEMIX__Node__Roles", "index, extract", "index extract")]
    public void A_list_replaces_the_one_of_an_earlier_source_as_a_whole(string variable, string value, string expected)
    {
        var file = File("roles.json", """{ "FuseMix": { "Node": { "Roles": ["gateway", "train", "generate"] } } }""");
        Assert.Equal(expected.Split(' '), SiloConfiguration.Load([file], Pairs((variable, value))).Node.Roles);
    }

    [Fact]
    public void An_empty_list_is_a_list()
    {
        var file = File(
            "empty.json", """{ "FuseMix": { "Node": { "Accelerators": [] }, "Http": { "ApiKeys": [], "PublicNames": [] } } }""");
        var configuration = SiloConfiguration.Load([file]);
        Assert.Empty(configuration.Node.Accelerators);
        Assert.Empty(configuration.Http.ApiKeys);
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_a_file()
    {
        var file = File("bom.json", "\uFEFF{ \"FuseMix\": { \"Http\": { \"Port\": 81 } } }");
        Assert.Equal(81, SiloConfiguration.Load([file]).Http.Port);
    }

    [Fact]
    public void The_home_is_taken_from_its_own_variable_where_no_key_names_it()
    {
        var environment = Pairs(("FUSEMIX_HOME", "/somewhere"));
        Assert.Equal("/somewhere", SiloConfiguration.Load([], environment).ResolveHome().Root);
        Assert.Equal("/else", SiloConfiguration.Load([], environment, Pairs(("FuseMix:Home", "/else"))).ResolveHome().Root);
    }

    [Fact]
    public void Variables_of_other_programs_are_left_alone() =>
        _ = SiloConfiguration.Load(
            [], Pairs(("FUSEMIX_PORT", "tcp://10.0.0.1:80"), ("FUSEMIXX__Y", "1"), ("PATH", "/bin"), ("FUSEMIX_GPU", "1")));

    [Theory]
    [InlineData("FuseMix:Http:Prot", "1", "FuseMix:Http:Prot is not known; did you mean FuseMix:Http:Port?")]
    [InlineData("FuseMix:Htttp:Port", "1", "FuseMix:Htttp is not known; did you mean FuseMix:Http?")]
    [InlineData("FuesMix:Http:Port", "1", "FuesMix is not known; did you mean FuseMix?")]
    [InlineData("FuseMix:Node:Speed", "1", "FuseMix:Node:Speed is not known; known here: Name, Roles,")]
    [InlineData("FuseMix:Http:Certificate:Paht", "x", "FuseMix:Http:Certificate:Paht is not known; did you mean "
        + "FuseMix:Http:Certificate:Path?")]
    [InlineData("FuseMix:Http:Port", "http", "FuseMix:Http:Port is 'http'; it must be a whole number, 0 to 65,535.")]
    [InlineData("FuseMix:Http:Port", "", "FuseMix:Http:Port is ''; it must be a whole number, 0 to 65,535.")]
    [InlineData("FuseMix:Http:Port", "70000", "FuseMix:Http:Port is '70000'; it must be a whole number, 0 to 65,535.")]
    [InlineData("FuseMix:Http:Port", "-1", "FuseMix:Http:Port is '-1'; it must be a whole number, 0 to 65,535.")]
    [InlineData("FuseMix:Http:Port", "99999999999", "FuseMix:Http:Port is '99999999999'; it must be a whole number, 0 to 65,535.")]
    [InlineData("FuseMix:Http:Port:Number", "1", "FuseMix:Http:Port is a single value, but has the key 'Number'.")]
    [InlineData("FuseMix:Http", "1", "FuseMix:Http is a section; it has the keys Address, Port,")]
    [InlineData("FuseMix:Http:MaxUploadBytes", "1023", "FuseMix:Http:MaxUploadBytes is '1023'; it must be a whole number, 1,024 to "
        + "1,099,511,627,776.")]
    [InlineData("FuseMix:Http:RequestsPerSecond", "0", "FuseMix:Http:RequestsPerSecond is '0'; it must be a whole number, 1 to 1,000,000.")]
    [InlineData("FuseMix:Http:ConcurrentRequests", "0", "FuseMix:Http:ConcurrentRequests is '0'; it must be a whole number, 1 to 10,000.")]
    [InlineData("FuseMix:Http:QueuedRequests", "-1", "FuseMix:Http:QueuedRequests is '-1'; it must be a whole number, 0 to 1,000,000.")]
    [InlineData("FuseMix:Node:Threads", "0", "FuseMix:Node:Threads is '0'; it must be a whole number, 1 to 1,024.")]
    [InlineData("FuseMix:Node:CheckpointSteps", "0", "FuseMix:Node:CheckpointSteps is '0'; it must be a whole number, at least 1.")]
    [InlineData("FuseMix:Node:LeaseDuration", "30", "FuseMix:Node:LeaseDuration is '30'; it must be hours:minutes:seconds, 00:00:01 to "
        + "01:00:00.")]
    [InlineData("FuseMix:Node:LeaseDuration", "00:00:00.5", "FuseMix:Node:LeaseDuration is '00:00:00.5'; it must be "
        + "hours:minutes:seconds, 00:00:01 to 01:00:00.")]
    [InlineData("FuseMix:Node:HedgeAfter", "soon", "FuseMix:Node:HedgeAfter is 'soon'; it must be hours:minutes:seconds, "
        + "00:00:00.0010000 to 00:01:00.")]
    [InlineData("FuseMix:Node:Roles", "gateway, trian", "FuseMix:Node cannot be: There is no node role named 'trian'. Did you mean "
        + "'train'?")]
    [InlineData("FuseMix:Node:Roles", "", "FuseMix:Node cannot be: Node ")]
    [InlineData("FuseMix:Node:Roles", "train, train", "FuseMix:Node:Roles names something twice: train, train.")]
    [InlineData("FuseMix:Node:Roles:1", "train", "FuseMix:Node:Roles:1 has no place 0 before it; a list is given as a whole")]
    [InlineData("FuseMix:Node:Roles:first", "train", "FuseMix:Node:Roles:first is not a place of a list; the first is "
        + "FuseMix:Node:Roles:0.")]
    [InlineData("FuseMix:Node:Accelerators", "cdua", "FuseMix:Node cannot be: There is no accelerator named 'cdua'. Did you mean 'cuda'?")]
    [InlineData("FuseMix:Node:Name", "Host 1", "FuseMix:Node cannot be: 'Host 1' is not a valid node name.")]
    [InlineData("FuseMix:Cluster:Kind", "Postgres", "FuseMix:Cluster:Kind is 'Postgres'; it must be one of Local, Azure, PostgreSql. "
        + "Did you mean 'PostgreSql'?")]
    [InlineData("FuseMix:Cluster:Kind", "1", "FuseMix:Cluster:Kind is '1'; it must be one of Local, Azure, PostgreSql.")]
    [InlineData("FuseMix:Cluster:Kind", "Azure", "FuseMix:Cluster:ConnectionString is not set; FuseMix:Cluster:Kind Azure needs it.")]
    [InlineData("FuseMix:Cluster:Kind", "PostgreSql", "FuseMix:Home is not set; with FuseMix:Cluster:Kind PostgreSql it must name the "
        + "folder")]
    [InlineData("FuseMix:Cluster:ConnectionString", "x", "FuseMix:Cluster:ConnectionString is set, but FuseMix:Cluster:Kind is Local")]
    [InlineData("FuseMix:Cluster:AdvertisedAddress", "10.0.0.7", "FuseMix:Cluster:AdvertisedAddress is not a loopback address")]
    [InlineData("FuseMix:Cluster:AdvertisedAddress", "0.0.0.0", "FuseMix:Cluster:AdvertisedAddress is '0.0.0.0'; it must be the IP "
        + "address at which")]
    [InlineData("FuseMix:Cluster:AdvertisedAddress", "host-1", "FuseMix:Cluster:AdvertisedAddress is 'host-1'; it must be the IP "
        + "address at which")]
    [InlineData("FuseMix:Cluster:ClusterId", "My Cluster", "FuseMix:Cluster:ClusterId is 'My Cluster'; it must be 1 to 80 lower-case "
        + "letters")]
    [InlineData("FuseMix:Cluster:ServiceId", "", "FuseMix:Cluster:ServiceId is ''; it must be 1 to 80 lower-case letters")]
    [InlineData("FuseMix:Cluster:GatewayPort", "11111", "FuseMix:Cluster:GatewayPort is 11111, as FuseMix:Cluster:SiloPort; give another.")]
    [InlineData("FuseMix:Cluster:PrimarySiloPort", "0", "FuseMix:Cluster:PrimarySiloPort is '0'; it must be a whole number, 1 to 65,535.")]
    [InlineData("FuseMix:Http:Port", "11111", "FuseMix:Http:Port is 11111, as a port of FuseMix:Cluster; give another.")]
    [InlineData("FuseMix:State:Kind", "PostgreSql", "FuseMix:State:ConnectionString is not set; FuseMix:State:Kind PostgreSql needs it.")]
    [InlineData("FuseMix:State:ConnectionString", "x", "FuseMix:State:ConnectionString is set, but FuseMix:State:Kind is Sqlite")]
    [InlineData("FuseMix:Http:Address", "localhost", "FuseMix:Http:Address is 'localhost'; it must be an IP address of this machine")]
    [InlineData("FuseMix:Http:Address", "0.0.0.0", "FuseMix:Http:ApiKeys is empty, but others can reach 0.0.0.0; add a key,")]
    [InlineData("FuseMix:Http:Address", "::", "FuseMix:Http:ApiKeys is empty, but others can reach ::; add a key,")]
    [InlineData("FuseMix:Http:PublicNames", "https://a.example", "FuseMix:Http:PublicNames:0 is 'https://a.example'; it must be a host "
        + "name or IP address without scheme and port")]
    [InlineData("FuseMix:Http:Certificate:KeyPath", "k.pem", "FuseMix:Http:Certificate:Path is not set, but its KeyPath or Password is")]
    [InlineData("FuseMix:Http:ApiKeys", "secret", "FuseMix:Http:ApiKeys must be a list.")]
    [InlineData("FuseMix:Http:ApiKeys:0:Nmae", "app", "FuseMix:Http:ApiKeys:0:Nmae is not known; did you mean "
        + "FuseMix:Http:ApiKeys:0:Name?")]
    [InlineData("FuseMix:Shutdown:Drain", "00:01:00", "FuseMix:Shutdown:Drain is 00:01:00; it must be less than "
        + "FuseMix:Shutdown:Timeout, 00:01:00.")]
    [InlineData("FuseMix:Shutdown:Timeout", "00:00:00", "FuseMix:Shutdown:Timeout is '00:00:00'; it must be hours:minutes:seconds, "
        + "00:00:01 to 01:00:00.")]
    public void What_is_wrong_is_named_with_its_key_its_value_and_what_is_allowed(string key, string value, string expected) =>
        Assert.Contains(expected, Refused(() => SiloConfiguration.Load([], null, Pairs((key, value)))), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{ "Name": "app", "Sha256": "secret-key", "Scopes": ["read"] }""", "FuseMix:Http:ApiKeys:0:Sha256 is not 64 "
        + "hexadecimal digits")]
    [InlineData("""{ "Name": "app", "Sha256": "KEY", "Scopes": [] }""", "FuseMix:Http:ApiKeys:0:Scopes is empty; it must name some of: "
        + "read, write, admin.")]
    [InlineData("""{ "Name": "app", "Sha256": "KEY", "Scopes": ["raed"] }""", "FuseMix:Http:ApiKeys:0:Scopes has 'raed'; did you mean "
        + "'read'?")]
    [InlineData("""{ "Sha256": "KEY", "Scopes": ["read"] }""", "FuseMix:Http:ApiKeys:0:Name is ''; it must be 1 to 80 lower-case letters")]
    [InlineData("""{ "Name": "a", "Sha256": "KEY", "Scopes": ["read"] }, { "Name": "b", "Sha256": "KEY", "Scopes": ["read"] }""", "FuseMix:Http:ApiKeys:1:Sha256 is that of another key")]
    [InlineData("""{ "Name": "a", "Sha256": "KEY", "Scopes": ["read"] }, { "Name": "a", "Sha256": "YEK", "Scopes": ["read"] }""", "FuseMix:Http:ApiKeys:1:Name is 'a', as of another key")]
    public void A_key_that_is_described_wrongly_is_refused_without_telling_it(string keys, string expected)
    {
        keys = keys.Replace("KEY", Key, StringComparison.Ordinal).Replace("YEK", new string([.. Key.Reverse()]), StringComparison.Ordinal);
        var said = Refused(() => SiloConfiguration.Load([File("keys.json", $$"""{ "FuseMix": { "Http": { "ApiKeys": [{{keys}}] } } }""")]));
        Assert.Contains(expected, said, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-key", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Azure")]
    [InlineData("PostgreSql")]
    public void Nodes_of_several_machines_cannot_share_a_file_of_state(string kind) => Assert.Contains(
        $"FuseMix:State:Kind is Sqlite, a file that nodes of one machine can share; with FuseMix:Cluster:Kind {kind} use Azure or "
            + "PostgreSql.",
        Refused(() => SiloConfiguration.Load([], null, Pairs(
            ("FuseMix:Home", "/shared"),
            ("FuseMix:Cluster:Kind", kind),
            ("FuseMix:Cluster:ConnectionString", "x"),
            ("FuseMix:State:Kind", "Sqlite")))),
        StringComparison.Ordinal);

    [Fact]
    public void A_service_whose_name_is_too_long_for_a_container_is_refused() => Assert.Contains(
        "FuseMix:Cluster:ServiceId has 51 characters",
        Refused(() => SiloConfiguration.Load([], null, Pairs(
            ("FuseMix:Cluster:ServiceId", new string('s', 51)), ("FuseMix:State:Kind", "Azure"), ("FuseMix:State:ConnectionString", "x")))),
        StringComparison.Ordinal);

    [Fact]
    public void A_primary_port_is_for_nodes_of_one_machine() => Assert.Contains(
        "FuseMix:Cluster:PrimarySiloPort is set; with FuseMix:Cluster:Kind Azure nodes find one another without it: remove it.",
        Refused(() => SiloConfiguration.Load([], null, Pairs(
            ("FuseMix:Home", "/shared"),
            ("FuseMix:Cluster:Kind", "Azure"),
            ("FuseMix:Cluster:ConnectionString", "x"),
            ("FuseMix:Cluster:PrimarySiloPort", "11111")))),
        StringComparison.Ordinal);

    [Fact]
    public void All_that_is_wrong_is_said_at_once_with_where_it_stands()
    {
        var file = File("wrong.json", """{ "FuseMix": { "Http": { "Port": "x" }, "Nod": {}, "Nodd": 1 } }""");
        var said = Refused(
            () => SiloConfiguration.Load([file], Pairs(("FUSEMIX__Shutdown__Drian", "1")), Pairs(("FuseMix:Node:Threads", "x"))));
        Assert.Contains("5 things are wrong:", said, StringComparison.Ordinal);
        Assert.Contains($"FuseMix:Http:Port is 'x' (in '{file}'); it must be", said, StringComparison.Ordinal);
        Assert.Contains($"FuseMix:Nod is not known (in '{file}'); did you mean FuseMix:Node?", said, StringComparison.Ordinal);
        Assert.Contains($"FuseMix:Nodd is not known (in '{file}'); did you mean FuseMix:Node?", said, StringComparison.Ordinal);
        Assert.Contains(
            "FuseMix:Shutdown:Drian is not known (in the environment); did you mean FuseMix:Shutdown:Drain?",
            said,
            StringComparison.Ordinal);
        Assert.Contains("FuseMix:Node:Threads is 'x'; it must be", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "is not a JSON object as it should be")]
    [InlineData("[]", "is not a JSON object as it should be")]
    [InlineData("", "is not a JSON object as it should be")]
    [InlineData("""{ "FuseMix": { "Home": "a", "home": "b" } }""", "is not a JSON object as it should be")]
    [InlineData("""{ "FuseMix": 3 }""", "FuseMix is a section")]
    public void A_file_that_is_none_is_refused_by_its_name(string content, string expected)
    {
        var file = File("broken.json", content);
        var said = Refused(() => SiloConfiguration.Load([file]));
        Assert.Contains(expected, said, StringComparison.Ordinal);
        Assert.Contains(file, said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var failure = Assert.Throws<FuseMixException>(() => SiloConfiguration.Load([_folder["nothing.json"]]));
        Assert.Equal(FailureKind.NotFound, failure.Kind);
        Assert.Contains(_folder["nothing.json"], failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_of_any_kind_are_either_read_or_refused_in_words()
    {
        var good = """{ "FuseMix": { "Node": { "Roles": ["train"], "Threads": 2 }, "Http": { "Port": 80, "ApiKeys": [{ "Name": "a" }] } } }"""u8.ToArray();
        foreach (var bytes in Mutations.Of(good, seed: 3, count: 2000))
        {
            var file = _folder["fuzz.json"];
            System.IO.File.WriteAllBytes(file, bytes);
            try
            {
                _ = SiloConfiguration.Load([file]);
            }
            catch (FuseMixException failure)
            {
                Assert.NotEmpty(failure.Message);
            }
        }
    }

    private static string Refused(Action act)
    {
        var failure = Assert.Throws<FuseMixException>(act);
        Assert.Equal(FailureKind.Invalid, failure.Kind);
        return failure.Advice;
    }

    private static IEnumerable<KeyValuePair<string, string?>> Pairs(params (string Key, string Value)[] pairs) =>
        pairs.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value));

    private string File(string name, string content)
    {
        System.IO.File.WriteAllText(_folder[name], content);
        return _folder[name];
    }
}
