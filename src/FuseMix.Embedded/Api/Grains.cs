using Orleans.Runtime;

namespace Orleans
{
    /// <summary>An interface that grains implement and callers hold references of.</summary>
    public interface IGrain : IAddressable;

    /// <summary>A grain named by a text.</summary>
    public interface IGrainWithStringKey : IGrain;

    /// <summary>A grain named by a number.</summary>
    public interface IGrainWithIntegerKey : IGrain;

    /// <summary>A grain named by a GUID.</summary>
    public interface IGrainWithGuidKey : IGrain;

    /// <summary>Gives references to grains; a reference costs nothing and activates nothing until it is called.</summary>
    public interface IGrainFactory
    {
        /// <summary>The grain of that text; the key must not be empty.</summary>
        /// <exception cref="ArgumentException">No class, or more than one, implements the interface, or the key is empty.</exception>
        TGrainInterface GetGrain<TGrainInterface>(string primaryKey, string? grainClassNamePrefix = null)
            where TGrainInterface : IGrainWithStringKey;

        /// <summary>The grain of that number.</summary>
        /// <exception cref="ArgumentException">No class, or more than one, implements the interface.</exception>
        TGrainInterface GetGrain<TGrainInterface>(long primaryKey, string? grainClassNamePrefix = null)
            where TGrainInterface : IGrainWithIntegerKey;

        /// <summary>The grain of that GUID.</summary>
        /// <exception cref="ArgumentException">No class, or more than one, implements the interface.</exception>
        TGrainInterface GetGrain<TGrainInterface>(Guid primaryKey, string? grainClassNamePrefix = null)
            where TGrainInterface : IGrainWithGuidKey;

        /// <summary>The grain of that identity, as the given interface.</summary>
        TGrainInterface GetGrain<TGrainInterface>(GrainId grainId)
            where TGrainInterface : IAddressable;
    }

    /// <summary>The cluster as seen from outside of any grain.</summary>
    public interface IClusterClient : IGrainFactory
    {
        /// <summary>The services of the host that the client belongs to.</summary>
        IServiceProvider ServiceProvider { get; }
    }

    /// <summary>What the runtime asks of a grain class.</summary>
    public interface IGrainBase
    {
        /// <summary>The activation around the grain.</summary>
        IGrainContext GrainContext { get; }

        /// <summary>Runs before the first call; a failure here fails the calls that waited for it.</summary>
        Task OnActivateAsync(CancellationToken token) => Task.CompletedTask;

        /// <summary>Runs after the last call; it is not run when a node dies.</summary>
        Task OnDeactivateAsync(DeactivationReason reason, CancellationToken token) => Task.CompletedTask;
    }

    /// <summary>Base of grain classes.</summary>
    public abstract class Grain : IGrainBase, IAddressable
    {
        /// <summary>Only the runtime constructs grains.</summary>
        protected Grain() => GrainContext = RuntimeContext.Current!;

        /// <inheritdoc />
        public IGrainContext GrainContext { get; }

        /// <summary>References to other grains.</summary>
        protected IGrainFactory GrainFactory => Activation.Node.Factory;

        /// <summary>The services of this activation, its node's singletons among them.</summary>
        protected internal IServiceProvider ServiceProvider => GrainContext.ActivationServices;

        /// <summary>The identity as text, for logs.</summary>
        public string IdentityString => GrainContext.GrainId.ToString();

        /// <summary>The address of the node it runs on, for logs.</summary>
        public string RuntimeIdentity => Activation.Node.Address.ToString();

        private Activation Activation => GrainContext as Activation
            ?? throw new InvalidOperationException("Grain was created outside of the Orleans creation process and no runtime was specified.");

        /// <summary>Ends this activation once its calls are done; the next call starts another.</summary>
        protected void DeactivateOnIdle() => GrainBaseExtensions.DeactivateOnIdle(this);

        /// <summary>Keeps this activation for at least that long though it be idle; zero or less takes that back.</summary>
        protected void DelayDeactivation(TimeSpan timeSpan) => Activation.DelayDeactivation(timeSpan);

        /// <inheritdoc />
        public virtual Task OnActivateAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        /// <inheritdoc />
        public virtual Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>What grains can do with their own activation.</summary>
    public static class GrainBaseExtensions
    {
        /// <summary>Ends this activation once its calls are done; the next call starts another.</summary>
        public static void DeactivateOnIdle(this IGrainBase grain) => grain.GrainContext.Deactivate(
            new DeactivationReason(DeactivationReasonCode.ApplicationRequested, $"{nameof(DeactivateOnIdle)} was called."));

        /// <summary>Calls back as a turn of this grain, first after the due time, then a period after each call back ended.</summary>
        public static IGrainTimer RegisterGrainTimer<TState>(
            this IGrainBase grain, Func<TState, CancellationToken, Task> callback, TState state, GrainTimerCreationOptions options)
        {
            ArgumentNullException.ThrowIfNull(callback);
            return ((Activation)grain.GrainContext).AddTimer(token => callback(state, token), options);
        }

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer(
            this IGrainBase grain, Func<CancellationToken, Task> callback, GrainTimerCreationOptions options)
        {
            ArgumentNullException.ThrowIfNull(callback);
            return ((Activation)grain.GrainContext).AddTimer(callback, options);
        }

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer(this IGrainBase grain, Func<Task> callback, GrainTimerCreationOptions options)
        {
            ArgumentNullException.ThrowIfNull(callback);
            return ((Activation)grain.GrainContext).AddTimer(_ => callback(), options);
        }

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer<TState>(
            this IGrainBase grain, Func<TState, Task> callback, TState state, GrainTimerCreationOptions options)
        {
            ArgumentNullException.ThrowIfNull(callback);
            return ((Activation)grain.GrainContext).AddTimer(_ => callback(state), options);
        }

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer(this IGrainBase grain, Func<Task> callback, TimeSpan dueTime, TimeSpan period) =>
            grain.RegisterGrainTimer(callback, new GrainTimerCreationOptions(dueTime, period));

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer(
            this IGrainBase grain, Func<CancellationToken, Task> callback, TimeSpan dueTime, TimeSpan period) =>
            grain.RegisterGrainTimer(callback, new GrainTimerCreationOptions(dueTime, period));

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer<TState>(
            this IGrainBase grain, Func<TState, Task> callback, TState state, TimeSpan dueTime, TimeSpan period) =>
            grain.RegisterGrainTimer(callback, state, new GrainTimerCreationOptions(dueTime, period));

        /// <inheritdoc cref="RegisterGrainTimer{TState}(IGrainBase, Func{TState, CancellationToken, Task}, TState, GrainTimerCreationOptions)" />
        public static IGrainTimer RegisterGrainTimer<TState>(
            this IGrainBase grain, Func<TState, CancellationToken, Task> callback, TState state, TimeSpan dueTime, TimeSpan period) =>
            grain.RegisterGrainTimer(callback, state, new GrainTimerCreationOptions(dueTime, period));
    }

    /// <summary>What can be asked of a grain or of a reference to one.</summary>
    public static class GrainExtensions
    {
        /// <summary>A reference to the same grain as another of its interfaces; a grain gets its own reference this way.</summary>
        public static TGrainInterface AsReference<TGrainInterface>(this IAddressable grain)
        {
            ArgumentNullException.ThrowIfNull(grain);
            return grain switch
            {
                GrainReference reference => (TGrainInterface)reference.Factory.CreateReference(reference.GrainId, typeof(TGrainInterface)),
                IGrainBase { GrainContext: Activation activation } =>
                    (TGrainInterface)activation.Node.Factory.CreateReference(activation.GrainId, typeof(TGrainInterface)),
                _ => throw WrongType(grain),
            };
        }

        /// <inheritdoc cref="AsReference{TGrainInterface}" />
        public static TGrainInterface Cast<TGrainInterface>(this IAddressable grain) => grain.AsReference<TGrainInterface>();

        /// <summary>The identity of the grain.</summary>
        public static GrainId GetGrainId(this IAddressable grain) => grain switch
        {
            GrainReference reference => reference.GrainId,
            IGrainBase { GrainContext: { } context } => context.GrainId,
            _ => throw WrongType(grain),
        };

        /// <summary>The key of a grain with a text key.</summary>
        public static string GetPrimaryKeyString(this IAddressable grain) => grain.GetGrainId().Key.ToString();

        /// <summary>The key of a grain with a number.</summary>
        /// <exception cref="InvalidOperationException">Its key is not a number.</exception>
        public static long GetPrimaryKeyLong(this IAddressable grain)
        {
            var id = grain.GetGrainId();
            return long.TryParse(id.Key.ToString(), System.Globalization.NumberStyles.HexNumber, null, out var key)
                ? key : throw new InvalidOperationException($"Unable to extract integer key from grain id {id}");
        }

        /// <summary>The key of a grain with a GUID.</summary>
        /// <exception cref="InvalidOperationException">Its key is not a GUID.</exception>
        public static Guid GetPrimaryKey(this IAddressable grain)
        {
            var id = grain.GetGrainId();
            return Guid.TryParseExact(id.Key.ToString(), "N", out var key)
                ? key : throw new InvalidOperationException($"Unable to extract GUID key from grain id {id}");
        }

        private static ArgumentException WrongType(IAddressable? grain) =>
            new($"{grain?.GetType().FullName ?? "null"} is neither a grain of this runtime nor a reference to one.", nameof(grain));
    }

    /// <summary>Why an activation ends.</summary>
    public enum DeactivationReasonCode : byte
    {
        /// <summary>Not given.</summary>
        None,

        /// <summary>Its node is stopping.</summary>
        ShuttingDown,

        /// <summary>It failed to start.</summary>
        ActivationFailed,

        /// <summary>The grain directory failed.</summary>
        DirectoryFailure,

        /// <summary>It was idle for long.</summary>
        ActivationIdle,

        /// <summary>It did not answer.</summary>
        ActivationUnresponsive,

        /// <summary>Another activation holds the identity.</summary>
        DuplicateActivation,

        /// <summary>It cannot serve the request's version.</summary>
        IncompatibleRequest,

        /// <summary>A failure escaped from it.</summary>
        ApplicationError,

        /// <summary>It asked for it.</summary>
        ApplicationRequested,

        /// <summary>It moves to another node.</summary>
        Migrating,

        /// <summary>The runtime asked for it.</summary>
        RuntimeRequested,

        /// <summary>Memory is short.</summary>
        HighMemoryPressure,
    }

    /// <summary>Why an activation ends, with words.</summary>
    public readonly struct DeactivationReason(DeactivationReasonCode code, Exception? exception, string text)
    {
        /// <summary>Without a failure.</summary>
        public DeactivationReason(DeactivationReasonCode code, string text)
            : this(code, null, text)
        {
        }

        /// <summary>The words.</summary>
        public string Description { get; } = text;

        /// <summary>The code.</summary>
        public DeactivationReasonCode ReasonCode { get; } = code;

        /// <summary>The failure that led to it, if any.</summary>
        public Exception? Exception { get; } = exception;

        /// <inheritdoc />
        public override string ToString() =>
            Exception is null ? $"{ReasonCode}: {Description}" : $"{ReasonCode}: {Description}. Exception: {Exception}";
    }
}

namespace Orleans.Runtime
{
    /// <summary>Anything that a message can be addressed to.</summary>
    public interface IAddressable;

    /// <summary>An activation as its grain sees it.</summary>
    public interface IGrainContext
    {
        /// <summary>The identity.</summary>
        GrainId GrainId { get; }

        /// <summary>The grain object; null until it is constructed.</summary>
        object? GrainInstance { get; }

        /// <summary>The services of this activation.</summary>
        IServiceProvider ActivationServices { get; }

        /// <summary>Completes when the activation is gone.</summary>
        Task Deactivated { get; }

        /// <summary>Ends the activation once its calls are done.</summary>
        void Deactivate(DeactivationReason deactivationReason, CancellationToken cancellationToken = default);
    }

    /// <summary>The activation that the running code is a turn of.</summary>
    public static class RuntimeContext
    {
        [ThreadStatic]
        private static Activation? _current;

        /// <summary>That activation; null outside of any.</summary>
        public static IGrainContext? Current => _current;

        internal static Activation? Activation
        {
            get => _current;
            set => _current = value;
        }
    }

    /// <summary>A timer of a grain; it ends with the activation.</summary>
    public interface IGrainTimer : IDisposable
    {
        /// <summary>Sets when it is due next and its period; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
        void Change(TimeSpan dueTime, TimeSpan period);
    }

    /// <summary>How a grain timer behaves.</summary>
    public readonly struct GrainTimerCreationOptions()
    {
        /// <summary>With due time and period.</summary>
        [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
        public GrainTimerCreationOptions(TimeSpan dueTime, TimeSpan period)
            : this()
        {
            DueTime = dueTime;
            Period = period;
        }

        /// <summary>Time until the first call back; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
        public required TimeSpan DueTime { get; init; }

        /// <summary>Time from the end of a call back to the next; <see cref="Timeout.InfiniteTimeSpan"/> for a single one.</summary>
        public required TimeSpan Period { get; init; }

        /// <summary>Whether call backs interleave with calls; they do not by default.</summary>
        public bool Interleave { get; init; }

        /// <summary>Whether a call back counts as use, and so keeps an idle activation.</summary>
        public bool KeepAlive { get; init; }
    }
}
