using System.Text;
using FuseMix.ModelImport.TensorFlowJs;
using FuseMix.Testing;

namespace FuseMix.ModelImport.Tests.TensorFlowJs;

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
    public void A_literal_is_read(string text, string json) => Assert.Equal(json, JavaScriptLiteral.Read(text, "t").GetRawText());

    [Theory]
    [InlineData("{a:f()}")]
    [InlineData("{a:1+1}")]
    [InlineData("{a:!2}")]
    [InlineData("{a:NaN}")]
    [InlineData("{a:1e999}")]
    [InlineData("{a:--1}")]
    [InlineData("{a 1}")]
    [InlineData("{a:1")]
    [InlineData("['abc")]
    [InlineData("['\\u12']")]
    [InlineData("['\\u{110000}']")]
    [InlineData("['\\ud800']")]
    [InlineData("[/* ]")]
    [InlineData("[,]")]
    [InlineData("")]
    [InlineData("[0x]")]
    [InlineData("[.]")]
    public void What_is_no_literal_is_refused(string text)
    {
        var e = Assert.Throws<FuseMixException>(() => JavaScriptLiteral.Read(text, "model.min.js").GetRawText());

        Assert.Equal(FailureKind.Corrupt, e.Kind);
        Assert.Contains("model.min.js", e.Message);
    }

    [Fact]
    public void The_export_of_a_bundled_module_is_found()
    {
        const string module = "!function(t){if(\"object\"==typeof exports)module.exports=t();else{e.exports={}.x}}({1:[function(t,e,a){e.exports={k:!0}},{}]},{},[1])(1);";

        Assert.Equal("{}", JavaScriptLiteral.ReadExport(module, "t").GetRawText());
        Assert.Equal("""{"k":true}""", JavaScriptLiteral.ReadExport(module.Replace("e.exports={}.x", ""), "t").GetRawText());
        Assert.Contains("exports no object", Assert.Throws<FuseMixException>(() => JavaScriptLiteral.ReadExport("module.exports=t()", "t")).Message);
    }

    [Fact]
    public void Values_nested_without_end_are_refused() =>
        Assert.Contains("nested", Assert.Throws<FuseMixException>(() => JavaScriptLiteral.Read(new string('[', 100_000), "t")).Message);

    [Fact]
    public void Values_nested_as_deep_as_allowed_are_read() =>
        Assert.Equal(61, JavaScriptLiteral.Read(new string('[', 61) + new string(']', 61), "t").GetRawText().Count(c => c == '['));

    [Fact]
    public void Any_damage_fails_only_in_words()
    {
        var whole = Encoding.Latin1.GetBytes("{a:[1,-.5e-3,!0,{\"b\":'\\u0041\\x42',c:void 0}],/*x*/d:0x1F,'e':[[],{}],f:\"\\ud83d\\ude00\"}");
        var read = 0;
        foreach (var damaged in Mutations.Of(whole, seed: 21, count: 20_000))
        {
            try
            {
                JavaScriptLiteral.Read(Encoding.Latin1.GetString(damaged), "t").GetRawText();
                read++;
            }
            catch (FuseMixException e)
            {
                Assert.Equal(FailureKind.Corrupt, e.Kind);
            }
        }

        Assert.InRange(read, 1, 19_999);
    }
}
