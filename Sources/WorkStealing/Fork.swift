// Fork and join: for computations that need no actors.
//
// Inlinable, so that the compiler specialises it for the client's types. The part that is not generic
// (Worker+Fork.swift) is called with closures that store their results.

public import Synchronization

extension Scheduler {
    /// Runs both functions, perhaps at the same time, and returns both results.
    ///
    /// ```swift
    /// func fibonacci(_ number: Int) -> Int {
    ///     if number < 2 { return number }
    ///     let (one, other) = Scheduler.fork({ fibonacci(number - 1) }, { fibonacci(number - 2) })
    ///     return one + other
    /// }
    /// let result = try scheduler.run { fibonacci(30) }
    /// ```
    ///
    /// Call it on a worker: in a message, a task on the pool, the body of `run(_:)`, or another fork. The calling
    /// worker runs `first`, and then `second`, unless an idle worker has taken `second`. Without a thief it costs about
    /// ten nanoseconds and no allocation. Anywhere else it runs the functions one after the other.
    ///
    /// The compiler checks what the two share: `second` is `@Sendable`, so it can capture no variable that `first`
    /// changes. `first` stays on the calling thread, and may use everything that the caller may, including its actor's
    /// state.
    ///
    /// Waiting does not suspend, so forks need no `async`. A waiting worker runs other forks meanwhile, on its own
    /// stack, so hold no lock across a fork. The task context (task-local values, `Task.isCancelled`) may be another
    /// task's: use `isForkCancelled`.
    ///
    /// - Throws: the error of `first`, else that of `second`. If `first` throws before a thief has begun `second`,
    ///   `second` does not run.
    @inlinable
    public static func fork<First, Second: Sendable, Failure: Error>(
        _ first: () throws(Failure) -> First, _ second: @Sendable () throws(Failure) -> Second
    ) throws(Failure) -> (First, Second) {
        var one: Result<First, Failure>?
        var other: Result<Second, Failure>?
        forkAndJoin(
            {
                do throws(Failure) {
                    one = .success(try first())
                    return true
                } catch {
                    one = .failure(error)
                    return false
                }
            },
            { do throws(Failure) { other = .success(try second()) } catch { other = .failure(error) } })
        // The order matters: there is no second result if the first function has thrown.
        let result = try one.unsafelyUnwrapped.get()
        return (result, try other.unsafelyUnwrapped.get())
    }

    /// Calls `body` with each number, in no particular order, several at a time.
    ///
    /// ```swift
    /// Scheduler.parallelFor(0..<files.count) { digest(files[$0]) }
    /// ```
    ///
    /// The range is halved until its parts have `grain` numbers or fewer; everything else is as with `fork(_:_:)`.
    ///
    /// - Parameters:
    ///   - range: may be empty.
    ///   - grain: the least number of calls per part. Nil: chosen so that each worker gets about sixteen parts.
    ///   - body: `@Sendable`, so that the compiler refuses variables that its calls would share.
    /// - Throws: the first error that `body` threw. Calls that have not begun then do not begin.
    @inlinable
    public static func parallelFor<Failure: Error>(
        _ range: Range<Int>, grain: Int? = nil, _ body: @Sendable (Int) throws(Failure) -> Void
    ) throws(Failure) {
        let failure = FirstFailure<Failure>.ifNeeded
        split(range, grain: grain ?? automaticGrain(range.count)) { part in
            for number in part {
                if failure?.isNoted == true { return }
                do throws(Failure) { try body(number) } catch { failure?.note(error) }
            }
        }
        if let error = failure?.error { throw error }
    }

    /// Calls `body` with each element, which it may change in place, several at a time.
    ///
    /// ```swift
    /// Scheduler.parallelFor(changing: &pixels) { row, pixel in pixel = shade(row, pixel) }
    /// ```
    ///
    /// - Parameters:
    ///   - elements: each belongs to one call.
    ///   - grain: as in the other `parallelFor`.
    ///   - body: gets the index and the element.
    /// - Throws: the first error that `body` threw. Calls that have not begun then do not begin; changes made so far
    ///   remain.
    @inlinable
    public static func parallelFor<Element: Sendable, Failure: Error>(
        changing elements: inout [Element], grain: Int? = nil,
        _ body: @Sendable (Int, inout Element) throws(Failure) -> Void
    ) throws(Failure) {
        try elements.withUnsafeMutableBufferPointer { buffer throws(Failure) in
            // Sound: no two calls get the same index.
            nonisolated(unsafe) let elements = buffer
            try parallelFor(0..<elements.count, grain: grain) { index throws(Failure) in
                try body(index, &elements[index])
            }
        }
    }

    /// Combines the results of `transform`, in order, so `combine` need only be associative.
    ///
    /// ```swift
    /// let bytes = Scheduler.reduce(0..<files.count, from: 0, combining: +) { size(of: files[$0]) }
    /// ```
    ///
    /// - Parameters:
    ///   - range: if it is empty, the result is `initial`.
    ///   - initial: combined with the rest, once.
    ///   - grain: as in `parallelFor(_:grain:_:)`.
    ///   - combine: gets two neighbours. Their choice depends on the grain, and so may the sum of floating-point
    ///     numbers.
    ///   - transform: called once for each number.
    /// - Throws: the first error that `transform` threw. Calls that have not begun then do not begin.
    @inlinable
    public static func reduce<Value: Sendable, Failure: Error>(
        _ range: Range<Int>, from initial: Value, grain: Int? = nil,
        combining combine: @Sendable (Value, Value) -> Value,
        _ transform: @Sendable (Int) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        if range.isEmpty { return initial }
        let failure = FirstFailure<Failure>.ifNeeded
        let sum = sum(of: range, grain ?? automaticGrain(range.count), failure, combine, transform)
        if let error = failure?.error { throw error }
        return combine(initial, sum.unsafelyUnwrapped)
    }

    /// - Returns: nil if an error was noted.
    @inlinable
    static func sum<Value: Sendable, Failure: Error>(
        of range: Range<Int>, _ grain: Int, _ failure: FirstFailure<Failure>?,
        _ combine: @Sendable (Value, Value) -> Value, _ transform: @Sendable (Int) throws(Failure) -> Value
    ) -> Value? {
        if range.count <= grain {
            var sum: Value?
            for number in range {
                if failure?.isNoted == true { return nil }
                do throws(Failure) {
                    let value = try transform(number)
                    sum = if let before = sum { combine(before, value) } else { value }
                } catch {
                    failure?.note(error)
                    return nil
                }
            }
            return sum
        }
        let middle = range.lowerBound + range.count / 2
        var (left, right): (Value?, Value?)
        forkAndJoin(
            {
                left = sum(of: range.lowerBound..<middle, grain, failure, combine, transform)
                return left != nil
            },
            { right = sum(of: middle..<range.upperBound, grain, failure, combine, transform) })
        guard let left, let right else { return nil }
        return combine(left, right)
    }

    /// Whether the result is no longer wanted: the run was cancelled, or the task that made the outermost fork. Outside
    /// a fork, whether the calling task was cancelled.
    ///
    /// A fork ends only when its functions return, so a long function should check now and then:
    ///
    /// ```swift
    /// try Scheduler.parallelFor(0..<1000) { number in
    ///     if Scheduler.isForkCancelled { throw CancellationError() }
    ///     compute(number)
    /// }
    /// ```
    public static var isForkCancelled: Bool {
        guard let worker = Worker.currentReference else { return Task.isCancelled }
        return worker._withUnsafeGuaranteedRef { worker in
            if worker.scheduler.isCancelled { return true }
            guard worker.forks.isForking else { return Task.isCancelled }
            guard let task = UnsafeRawPointer(bitPattern: worker.forks.currentOrigin & ~1) else { return false }
            // The task waits for the fork that contains the caller.
            return unsafeBitCast(task, to: UnsafeCurrentTask.self).isCancelled
        }
    }

    // MARK: What is not generic

    /// Runs both, `second` perhaps on another worker, or not at all if `first` returned false before `second` began.
    @usableFromInline
    static func forkAndJoin(_ first: () -> Bool, _ second: () -> Void) {
        guard let worker = Worker.currentReference else {
            if first() { second() }
            return
        }
        worker._withUnsafeGuaranteedRef { $0.fork(first, second) }
    }

    /// Calls `body` with parts of `range`.
    @usableFromInline
    static func split(_ range: Range<Int>, grain: Int, _ body: (Range<Int>) -> Void) {
        if range.count <= grain { return body(range) }
        let middle = range.lowerBound + range.count / 2
        forkAndJoin(
            {
                split(range.lowerBound..<middle, grain: grain, body)
                return true
            },
            { split(middle..<range.upperBound, grain: grain, body) })
    }

    @usableFromInline
    static func automaticGrain(_ count: Int) -> Int {
        let threads = Worker.currentReference?._withUnsafeGuaranteedRef { $0.scheduler.threads } ?? 1
        return threads == 1 ? count : max(1, count / (16 * threads))
    }
}

/// The first error of several calls.
@usableFromInline
final class FirstFailure<Failure: Error>: Sendable {
    /// Set after the error; relaxed: a hint to begin no further calls.
    @usableFromInline let noted = Atomic<Bool>(false)
    @usableFromInline let first = Locked<Failure?>(nil)

    @inlinable init() {}

    /// Nil if nothing is thrown, which the compiler knows.
    @inlinable static var ifNeeded: FirstFailure? { Failure.self == Never.self ? nil : FirstFailure() }

    @inlinable var isNoted: Bool { noted.load(ordering: .relaxed) }
    @inlinable var error: Failure? { first.withLock { $0 } }

    @inlinable
    func note(_ error: Failure) {
        first.withLock { if $0 == nil { $0 = error } }
        noted.store(true, ordering: .relaxed)
    }
}
