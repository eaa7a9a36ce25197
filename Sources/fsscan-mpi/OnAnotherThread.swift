import Glibc
import LinuxKernel
import Synchronization

/// Calls `work` on another thread and, until that has returned, `meanwhile` again and again on this one, which is the
/// only one that may call MPI. Sorting, writing to a slow disk or waiting for the reader of a pipe may take longer than
/// others wait for a rank that does not answer.
func onAnotherThread<Value, Failure: Error>(
    _ work: () throws(Failure) -> Value, meanwhile: () -> Void
) throws(Failure) -> Value {
    let outcome = withoutActuallyEscaping(work) { work in
        let handed = Handed(work)
        guard let thread = Thread.start({ handed.run() }) else { return Result(catching: work) }
        while !handed.isDone { meanwhile() }
        pthread_join(thread, nil)
        return handed.outcome!
    }
    return try outcome.get()
}

/// `@unchecked Sendable`: one other thread calls the closure, whose captures nobody uses meanwhile, because the caller
/// of `onAnotherThread` waits; `outcome` is read after that thread was joined.
private final class Handed<Value, Failure: Error>: @unchecked Sendable {
    private let work: () throws(Failure) -> Value
    private(set) var outcome: Result<Value, Failure>?
    private let done = Atomic<Bool>(false)

    init(_ work: @escaping () throws(Failure) -> Value) { self.work = work }

    func run() {
        outcome = Result(catching: work)
        done.store(true, ordering: .releasing)
    }

    var isDone: Bool { done.load(ordering: .acquiring) }
}
