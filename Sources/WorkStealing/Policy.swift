/// The differences between this scheduler and the one of the Cython+ articles, as switches, so that `make
/// bench-scheduler` can measure each. For nothing else: the defaults are the best values found.
@_spi(Ablation)
public struct SchedulingPolicy: Sendable {
    /// A worker takes the oldest runnable of its own queue instead of the newest: breadth first.
    public var takesOldest = false
    /// A message goes to the queue of a random worker instead of the sender's.
    public var postsAtRandom = false
    /// An idle worker looks for work every millisecond instead of being woken.
    public var polls = false

    /// A single runnable in a queue wakes a worker, and is stolen, like any other: there is no sentry (`Idle`).
    public var wakesForEach = false
    /// A worker takes a lock at each visit to its own queue, as thieves do (`BiasedRing`).
    public var locksQueues = false

    /// The scheduler as it is.
    public init() {}
}

/// How soon an idle actor gets its turn for a message.
public enum MessagePriority: Sendable {
    /// Newest first, on the worker that sent it: related work stays together.
    case normal
    /// Before everything queued with `normal` priority, in the order of sending, by the first free worker. For few
    /// messages: all workers share one queue of them.
    case high
}
