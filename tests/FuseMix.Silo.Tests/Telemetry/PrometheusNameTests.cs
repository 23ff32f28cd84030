using FuseMix.Silo.Telemetry;

namespace FuseMix.Silo.Tests.Telemetry;

public sealed class PrometheusNameTests
{
    [Theory]
    [InlineData("fusemix.search.duration", "s", false, "fusemix_search_duration_seconds")]
    [InlineData("fusemix.search.queries", "{query}", true, "fusemix_search_queries_total")]
    [InlineData("fusemix.training.loss", "", false, "fusemix_training_loss")]
    [InlineData("orleans-messaging-sent-bytes", "", true, "orleans_messaging_sent_bytes_total")]
    [InlineData("disk", "By", false, "disk_bytes")]
    [InlineData("disk.bytes", "By", false, "disk_bytes")]
    [InlineData("disk.bytes.total", "By", true, "disk_bytes_total")]
    [InlineData("read", "By/s", false, "read_bytes_per_second")]
    [InlineData("read", "{row}/min", false, "read_per_min")]
    [InlineData("read", "rows/fortnight", false, "read_rows_per_fortnight")]
    [InlineData("share", "1", false, "share")]
    [InlineData("share", "%", false, "share_percent")]
    [InlineData("odd", "# RU", false, "odd_RU")]
    [InlineData("9.lives..of_cats", "", false, "_lives_of_cats")]
    [InlineData("töne", "", false, "t_ne")]
    [InlineData("half.open", "{", false, "half_open")]
    public void An_instrument_is_named_by_OpenTelemetrys_rules(string name, string unit, bool isCounter, string expected) =>
        Assert.Equal(expected, PrometheusName.Of(name, unit, isCounter));

    [Theory]
    [InlineData("outcome", "outcome")]
    [InlineData("http.route", "http_route")]
    [InlineData("a:b", "a_b")]
    [InlineData("1st", "_1st")]
    [InlineData("", "_")]
    public void A_label_is_named_by_Prometheus_rules(string key, string expected) => Assert.Equal(expected, PrometheusName.OfLabel(key));
}
