using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Orleans.Serialization;

namespace Orleans;

/// <summary>Makes references, and sends what they are asked to send, from a node or from a client.</summary>
internal sealed class GrainFactory : IClusterClient
{
    private readonly TimeSpan _responseTimeout;

    public GrainFactory(ClusterCore cluster, Node? node, IServiceProvider services, TimeSpan responseTimeout)
    {
        (Cluster, Node, ServiceProvider, _responseTimeout) = (cluster, node, services, responseTimeout);
        Time = services.GetService<TimeProvider>() ?? TimeProvider.System;
        Exceptions = services.GetService<IOptions<ExceptionSerializationOptions>>()?.Value ?? new ExceptionSerializationOptions();
    }

    public ClusterCore Cluster { get; }

    /// <summary>The node that calls are made from; null for a client.</summary>
    public Node? Node { get; }

    public IServiceProvider ServiceProvider { get; }

    public TimeProvider Time { get; }

    public TimeSpan ResponseTimeout => _responseTimeout;

    public ExceptionSerializationOptions Exceptions { get; }

    public TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithStringKey
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(primaryKey);
        return Get<TGrainInterface>(primaryKey, grainClassNamePrefix);
    }

    public TGrainInterface GetGrain<TGrainInterface>(long primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithIntegerKey =>
        Get<TGrainInterface>(primaryKey.ToString("X", System.Globalization.CultureInfo.InvariantCulture), grainClassNamePrefix);

    public TGrainInterface GetGrain<TGrainInterface>(Guid primaryKey, string? grainClassNamePrefix = null)
        where TGrainInterface : IGrainWithGuidKey => Get<TGrainInterface>(primaryKey.ToString("N"), grainClassNamePrefix);

    public TGrainInterface GetGrain<TGrainInterface>(GrainId grainId)
        where TGrainInterface : IAddressable => (TGrainInterface)CreateReference(grainId, typeof(TGrainInterface));

    public object CreateReference(GrainId id, Type interfaceType) => GrainReference.Create(this, id, interfaceType);

    public void Send(Message message, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            message.Fail(new OperationCanceledException(cancellationToken));
            return;
        }

        message.Span = Activity.Current;
        if (message.IsOneWay)
        {
            message.Complete(null);
        }
        else
        {
            message.StartTimeout(Time, timeout ?? _responseTimeout);
            message.StartCancellation(cancellationToken);
        }

        Cluster.Send(message);
    }

    private TGrainInterface Get<TGrainInterface>(string key, string? prefix)
    {
        var grainClass = GrainClasses.Implementing(typeof(TGrainInterface), prefix);
        return (TGrainInterface)CreateReference(GrainId.Create(grainClass.Type, key), typeof(TGrainInterface));
    }
}
