namespace FuseMix.Silo.Tests;

public sealed class SiloArgumentsTests
{
    [Fact]
    public void Files_keep_their_order_and_keys_their_values()
    {
        var asked = SiloArguments.Parse(["--config", "a.json", "--FuseMix:Http:Port=80", "--config=b.json", "--FuseMix:Cluster:ConnectionString=Host=db;Port=5"]);
        Assert.Equal(SiloAct.Serve, asked.Act);
        Assert.Equal(["a.json", "b.json"], asked.Files);
        Assert.Equal("80", asked.Settings["fusemix:http:port"]);
        Assert.Equal("Host=db;Port=5", asked.Settings["FuseMix:Cluster:ConnectionString"]);
    }

    [Theory]
    [InlineData("--check", SiloAct.Check)]
    [InlineData("--create-schema", SiloAct.CreateSchema)]
    [InlineData("--openapi", SiloAct.DescribeApi)]
    [InlineData("--version", SiloAct.Version)]
    [InlineData("--help", SiloAct.Help)]
    [InlineData("-h", SiloAct.Help)]
    public void What_to_do_is_one_word(string word, object act) => Assert.Equal(act, SiloArguments.Parse(["--config", "a", word]).Act);

    [Theory]
    [InlineData("--confg", "'--confg' is not known. Did you mean '--config'?")]
    [InlineData("--check=1", "'--check=1' is not known. Did you mean '--check'?")]
    [InlineData("a.json", "'a.json' is not known. 'fusemix-silo --help' tells what there is.")]
    [InlineData("--config", "--config needs a file. Write --config FILE.")]
    [InlineData("--FuseMix:Http:Port", "--FuseMix:Http:Port has no value. Write --FuseMix:Http:Port=value.")]
    public void A_word_that_is_not_known_is_refused_with_what_was_meant(string word, string expected) =>
        Assert.Equal(expected, Assert.Throws<FuseMixException>(() => SiloArguments.Parse([word])).Advice);
}
