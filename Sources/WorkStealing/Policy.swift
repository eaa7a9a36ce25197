/// Where this scheduler differs from the one of the Cython+ articles, as switches: so that each difference can be
/// measured, which `make bench-scheduler` does. Not for anything else: the defaults are the ones that were found best.
@_spi(Ablation)
public struct SchedulingPolicy: Sendable {
    /// A worker takes the oldest of its own queue, and not the newest: breadth first.
    public var takesOldest = false
    /// What a worker sends is queued with a worker chosen at random, and not with itself.
    public var postsAtRandom = false
    /// An idle worker looks round every millisecond, and is not woken.
    public var polls = false

    /// A runnable that is alone in its queue wakes somebody, and is stolen, like any other: there is no sentry (`Idle`).
    public var wakesForEach = false

    /// The scheduler as it is.
    public init() {}
}

/// How soon an actor that has nothing to do yet gets its turn for a message.
public enum MessagePriority: Sendable {
    /// Newest first on the worker that sent it, as everything that belongs together.
    case normal
    /// Before whatever is queued anywhere with `normal` priority, in the order of sending, by the worker that is free
    /// first. Made for few messages: all workers share one queue of them.
    case high
}
