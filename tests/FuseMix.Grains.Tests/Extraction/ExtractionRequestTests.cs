using FuseMix.Contracts.Extraction;

namespace FuseMix.Grains.Tests.Extraction;

public sealed class ExtractionRequestTests
{
    [Fact]
    public void A_request_and_its_key_stand_for_one_another()
    {
        var request = new ExtractionRequest("emoji", "use-lite");
        Assert.Equal("emoji/use-lite", request.Key);
        Assert.Equal(request, ExtractionRequest.FromKey(request.Key));
    }

    [Theory]
    [InlineData("../etc", "use-lite")]
    [InlineData("emoji", "a/b")]
    [InlineData("", "use-lite")]
    [InlineData("emoji", "Use Lite")]
    public void A_name_that_could_be_a_path_makes_no_key(string dataset, string encoder) =>
        Assert.Equal(FailureKind.Invalid, Assert.Throws<FuseMixException>(() => new ExtractionRequest(dataset, encoder).Key).Kind);
}
