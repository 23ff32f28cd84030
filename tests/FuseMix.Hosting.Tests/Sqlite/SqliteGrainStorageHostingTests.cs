using FuseMix.Hosting.Sqlite;
using FuseMix.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FuseMix.Hosting.Tests.Sqlite;

public sealed class SqliteGrainStorageHostingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_grains_state_outlives_the_host()
    {
        using (var host = await Start())
        {
            var grain = host.Services.GetRequiredService<IGrainFactory>().GetGrain<ICounterGrain>("c");
            await grain.Add(2);
            Assert.Equal(5, await grain.Add(3));
            await host.StopAsync(TestContext.Current.CancellationToken);
        }

        using (var host = await Start())
        {
            Assert.Equal(6, await host.Services.GetRequiredService<IGrainFactory>().GetGrain<ICounterGrain>("c").Add(1));
            await host.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    private async Task<IHost> Start()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.UseOrleans(silo => silo.UseLocalhostClustering().AddSqliteGrainStorage("grains", _folder["state/grains.db"]));
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }
}

public interface ICounterGrain : IGrainWithStringKey
{
    Task<int> Add(int number);
}

public sealed class CounterState
{
    public int Sum { get; set; }
}

public sealed class CounterGrain([PersistentState("sum", "grains")] IPersistentState<CounterState> state) : Grain, ICounterGrain
{
    public async Task<int> Add(int number)
    {
        state.State.Sum += number;
        await state.WriteStateAsync();
        return state.State.Sum;
    }
}
