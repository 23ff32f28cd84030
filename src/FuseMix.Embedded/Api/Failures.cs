namespace Orleans.Runtime
{
    /// <summary>A failure of the runtime.</summary>
    [GenerateSerializer]
    public class OrleansException : Exception
    {
        /// <summary>Without words.</summary>
        public OrleansException()
            : base("Unexpected error.")
        {
        }

        /// <summary>With words.</summary>
        public OrleansException(string message)
            : base(message)
        {
        }

        /// <summary>With words and a cause.</summary>
        public OrleansException(string message, Exception innerException)
            : base(message, innerException)
        {
        }
    }

    /// <summary>A message was not taken.</summary>
    [GenerateSerializer]
    public class OrleansMessageRejectionException : OrleansException
    {
        internal OrleansMessageRejectionException(string message)
            : base(message)
        {
        }

        internal OrleansMessageRejectionException(string message, Exception innerException)
            : base(message, innerException)
        {
        }
    }

    /// <summary>The node that had the call is gone; the call's outcome is unknown.</summary>
    [GenerateSerializer]
    public sealed class SiloUnavailableException : OrleansMessageRejectionException
    {
        /// <summary>Without words.</summary>
        public SiloUnavailableException()
            : base("Silo unavailable")
        {
        }

        /// <summary>With words.</summary>
        public SiloUnavailableException(string msg)
            : base(msg)
        {
        }

        /// <summary>With words and a cause.</summary>
        public SiloUnavailableException(string message, Exception innerException)
            : base(message, innerException)
        {
        }
    }

    /// <summary>The configuration is wrong.</summary>
    [GenerateSerializer]
    public sealed class OrleansConfigurationException(string message) : Exception(message);

    /// <summary>The grain no longer has the enumerator: it was deactivated, or nobody asked for long.</summary>
    [GenerateSerializer]
    public sealed class EnumerationAbortedException(string message) : Exception(message);
}

namespace Orleans.Serialization
{
    /// <summary>A value cannot travel in a message.</summary>
    [GenerateSerializer]
    public class SerializerException(string message) : Exception(message);

    /// <summary>A value cannot travel in a message: its type is not marked, or a member of it has no number.</summary>
    [GenerateSerializer]
    public sealed class CodecNotFoundException(string message) : SerializerException(message);

    /// <summary>Which exceptions cross calls as themselves, beside those with <see cref="GenerateSerializerAttribute"/>.</summary>
    public sealed class ExceptionSerializationOptions
    {
        /// <summary>Those whose namespace starts with one of these.</summary>
        public HashSet<string> SupportedNamespacePrefixes { get; } = new(StringComparer.Ordinal) { "Microsoft", "System", "Azure" };

        /// <summary>Those that this says yes to.</summary>
        public Func<Type, bool> SupportedExceptionTypeFilter { get; set; } = _ => false;
    }
}
