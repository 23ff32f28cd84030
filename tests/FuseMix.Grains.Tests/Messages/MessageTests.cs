using FuseMix.Contracts.Extraction;
using FuseMix.Contracts.Search;
using FuseMix.Grains.Tests.Clusters;
using Orleans;

namespace FuseMix.Grains.Tests.Messages;

public sealed class MessageTests(PreparedHome prepared)
{
    private static IReadOnlyList<object> Samples => MessageSamples.All;

    public static TheoryData<int, string> SampleNames => [.. Samples.Select((sample, i) => (i, sample.GetType().Name))];

    public static TheoryData<FailureKind, string?, bool> Failures
    {
        get
        {
            var all = new TheoryData<FailureKind, string?, bool>();
            foreach (var kind in Enum.GetValues<FailureKind>())
            {
                all.Add(kind, "Do this.", false);
                all.Add(kind, null, true);
            }

            return all;
        }
    }

    private IEchoGrain Echo => prepared.Asked.Grains.GetGrain<IEchoGrain>(0);

    [Theory]
    [MemberData(nameof(SampleNames))]
    public async Task A_message_arrives_and_comes_back_as_it_was(int sample, string name)
    {
        var sent = Samples[sample];
        var back = await Echo.Echo(sent);
        Assert.Equal(name, back?.GetType().Name);
        Assert.Equal(MessageSamples.Json(sent), MessageSamples.Json(back!));
    }

    [Fact]
    public void No_message_of_the_contracts_is_left_out_of_these_tests() => Assert.Empty(
        typeof(ExtractionRequest).Assembly.GetTypes().Where(type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false))
            .Except(Samples.Select(sample => sample.GetType())));

    [Fact]
    public void Every_property_of_a_message_is_in_the_samples_with_a_value_of_its_own()
    {
        foreach (var type in Samples.Select(sample => sample.GetType()).Where(type => !type.IsEnum).Distinct())
        {
            foreach (var property in type.GetProperties().Where(property => property.GetIndexParameters().Length == 0))
            {
                var values = Samples.Concat(
                    ((SearchRequest)Samples.First(sample => sample is SearchRequest)).Queries.SelectMany(query => query.Terms))
                    .Concat(Samples.OfType<SearchQuery>().SelectMany(query => query.Terms))
                    .Where(sample => sample.GetType() == type).Select(property.GetValue);
                Assert.True(values.Any(value => value is not null), $"{type.Name}.{property.Name} is always null.");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_failure_keeps_its_kind_its_words_and_its_remedy(FailureKind kind, string? remedy, bool withCause)
    {
        var failure = await Assert.ThrowsAsync<FuseMixException>(() => Echo.Fail(kind, "It does not work.", remedy, withCause));
        Assert.Equal((kind, "It does not work.", remedy), (failure.Kind, failure.Message, failure.Remedy));
        Assert.Equal(remedy is null ? "It does not work." : "It does not work. Do this.", failure.Advice);
        if (withCause) Assert.Equal("The cause.", failure.InnerException?.Message);
    }
}
