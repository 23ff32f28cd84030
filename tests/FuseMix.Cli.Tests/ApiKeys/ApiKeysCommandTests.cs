using System.Text.Json;
using FuseMix.Silo.Security;

namespace FuseMix.Cli.Tests.ApiKeys;

public sealed class ApiKeysCommandTests
{
    [Fact]
    public async Task A_key_is_shown_once_with_the_lines_that_let_it_in()
    {
        var made = await new CliTester().Run("api-keys", "create", "--name", "app", "--scope", "write");
        Assert.Equal((0, ""), (made.Code, made.Error));
        var lines = made.Out.Split('\n');
        Assert.StartsWith(ApiKey.Prefix, lines[0], StringComparison.Ordinal);
        var entry = JsonDocument.Parse(made.Out[made.Out.IndexOf('{', StringComparison.Ordinal)..]).RootElement;
        Assert.Equal(("app", ApiKey.Sha256Of(lines[0])), (entry.GetProperty("Name").GetString(), entry.GetProperty("Sha256").GetString()));
        Assert.Equal("write", Assert.Single(entry.GetProperty("Scopes").EnumerateArray()).GetString());
        Assert.Equal(1, made.Out.Split(lines[0]).Length - 1);
    }

    [Fact]
    public async Task As_JSON_it_is_one_document()
    {
        var made = (await new CliTester().Run("api-keys", "create", "--name", "app", "--json")).Json;
        var entry = made.GetProperty("configuration");
        Assert.Equal(ApiKey.Sha256Of(made.GetProperty("key").GetString()!), entry.GetProperty("Sha256").GetString());
        Assert.Equal("read", entry.GetProperty("Scopes")[0].GetString());
    }

    [Theory]
    [InlineData(2, "Did you mean 'read'?", "--name", "app", "--scope", "raed")]
    [InlineData(2, "not a valid key name", "--name", "My App")]
    [InlineData(2, "--name")]
    public async Task What_is_wrong_is_said(int code, string words, params string[] options)
    {
        var made = await new CliTester().Run(["api-keys", "create", .. options]);
        Assert.Equal(code, made.Code);
        Assert.Contains(words, made.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(ApiKey.Prefix, made.Out, StringComparison.Ordinal);
    }
}
