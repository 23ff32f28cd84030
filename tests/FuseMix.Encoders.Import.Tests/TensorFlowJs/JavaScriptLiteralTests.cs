using System.Text;
using System.Text.Json;
using FuseMix.Encoders.Import.TensorFlowJs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests.TensorFlowJs;

public sealed class JavaScriptLiteralTests
{
    [Theory]
    [InlineData("{a:1,$b_2:[!0,!1,null,],'c':-.29,\"d\":16788238754359384e-30}", """{"a":1,"$b_2":[true,false,null],"c":-0.29,"d":1.6788238754359384E-14}""")]
    [InlineData("[0xFF,-0x10,1.,+2,.5e1,void 0,undefined,true,false]", "[255,-16,1,2,5,null,null,true,false]")]
    [InlineData("{1:'x',.5:2}", """{"1":"x","0.5":2}""")]
    [InlineData("[ /* a */ 1, // b\n 2 ]", "[1,2]")]
    [InlineData("{}", "{}")]
    [InlineData("[{},[]]", "[{},[]]")]
    [InlineData("['\\n\\x41\\u0042\\u{1F600}\\q']", "[\"\\nAB\\uD83D\\uDE00q\"]")]
    public void A_literal_is_read(string text, string json) => Assert.Equal(json, Read(text).GetRawText());

    [Theory]
    [InlineData("{a:f()}", "line 1, column 14: 'f()' is not a literal value")]
    [InlineData("{a:1+1}")]
    [InlineData("{\na:!2}", "line 2, column 3: '!2' is not a literal value")]
    [InlineData("{a}")]
    [InlineData("{[a]:1}")]
    [InlineData("{...a}")]
    [InlineData("{get a(){}}")]
    [InlineData("[...a]")]
    [InlineData("[void f()]")]
    [InlineData("[1n]")]
    [InlineData("[/a/]")]
    [InlineData("[`a`]")]
    [InlineData("[-1e999]")]
    [InlineData("[+1e999]")]
    [InlineData("{a:NaN}")]
    [InlineData("{a:1e999}")]
    [InlineData("{a:--1}")]
    [InlineData("{a 1}", "line 1, column 14: Unexpected number")]
    [InlineData("{a:1")]
    [InlineData("['abc")]
    [InlineData("['\\u12']")]
    [InlineData("['\\u{110000}']")]
    [InlineData("['\\ud800']", "line 1, column 12: a text holds half a character")]
    [InlineData("{'\\ud800':1}")]
    [InlineData("[/* ]")]
    [InlineData("[,]", "an item is left out")]
    [InlineData("")]
    [InlineData("[0x]")]
    [InlineData("[.]")]
    public void What_is_no_literal_is_refused_where_it_stands(string text, string why = "line 1, column ")
    {
        var e = Assert.Throws<FuseMixException>(() => Read(text, "model.min.js"));

        Assert.Equal(FailureKind.Corrupt, e.Kind);
        Assert.Contains("model.min.js", e.Message);
        Assert.Contains(why, e.Message);
        Assert.Equal("Fetch the package again.", e.Remedy);
    }

    [Fact]
    public void The_export_of_a_bundled_module_is_found()
    {
        const string module = "!function(t){if(\"object\"==typeof "
            + "exports)module.exports=t();else{e.exports={}.x}}({1:[function(t,e,a){e.exports={k:!0}},{}]},{},[1])(1);";

        Assert.Equal("""{"k":true}""", JavaScriptLiteral.ReadExport(module, "t").GetRawText());
        Assert.Equal("""{"k":true}""", JavaScriptLiteral.ReadExport("\uFEFF" + module + "e.exports=[]", "t").GetRawText());
        Assert.Equal("{}", JavaScriptLiteral.ReadExport(module.Replace("{}.x", "{}"), "t").GetRawText());
        Assert.Contains(
            "exports no object", Assert.Throws<FuseMixException>(() => JavaScriptLiteral.ReadExport("module.exports=t()", "t")).Message);
    }

    [Theory]
    [InlineData(62)]
    [InlineData(100_000)]
    public void Values_nested_without_end_are_refused(int depth) =>
        Assert.Contains("nested", Assert.Throws<FuseMixException>(() => Read(new string('[', depth) + new string(']', depth))).Message);

    [Fact]
    public void Values_nested_as_deep_as_allowed_are_read() =>
        Assert.Equal(61, Read(new string('[', 61) + new string(']', 61)).GetRawText().Count(c => c == '['));

    [Fact]
    public void Any_damage_fails_only_in_words()
    {
        var whole = Encoding.Latin1.GetBytes(
            "{a:[1,-.5e-3,!0,{\"b\":'\\u0041\\x42',c:void 0}],/*x*/d:0x1F,'e':[[],{}],f:\"\\ud83d\\ude00\"}");
        var read = 0;
        foreach (var damaged in Mutations.Of(whole, seed: 21, count: 20_000))
        {
            try
            {
                Read(Encoding.Latin1.GetString(damaged));
                read++;
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Corrupt, e.Kind);
            }
        }

        Assert.InRange(read, 1, 19_999);
    }

    private static JsonElement Read(string text, string source = "t") => JavaScriptLiteral.ReadExport("e.exports=" + text, source);
}
