using FuseMix.Core.Schedules;
using FuseMix.Testing;

namespace FuseMix.Core.Tests.Schedules;

public sealed class WarmUpCosineTests
{
    [Fact]
    public void Rates_are_those_of_the_reference()
    {
        var reference = Golden.Load("training-steps.json");
        var dims = reference.GetProperty("dims");
        var schedule = new WarmUpCosine(0.01, 1e-6, dims.GetProperty("stepsPerEpoch").GetInt32(), dims.GetProperty("epochs").GetInt32());
        var step = 0;
        foreach (var expected in reference.GetProperty("steps").EnumerateArray())
        {
            Assert.Equal(expected.GetProperty("lr").GetDouble(), schedule.At(step++), 1e-15);
        }

        Assert.Equal(40, step);
    }

    [Fact]
    public void The_peak_is_reached_at_the_end_of_the_first_epoch_and_never_passed()
    {
        var schedule = new WarmUpCosine(1e-3, 1e-6, 10, 30);
        Assert.Equal(1e-6, schedule.At(0));
        Assert.Equal(1e-3, schedule.At(9), 1e-12);
        for (var step = 0; step < 300; step++) Assert.InRange(schedule.At(step), 1e-6, 1e-3);
        for (var step = 10; step < 300; step++) Assert.True(schedule.At(step) <= schedule.At(step - 1));
    }

    [Fact]
    public void An_epoch_of_one_step_does_not_divide_by_zero() => Assert.Equal(1e-6, new WarmUpCosine(1e-3, 1e-6, 1, 5).At(0));

    [Fact]
    public void A_negative_step_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => new WarmUpCosine(1e-3, 1e-6, 1, 5).At(-1));
}
