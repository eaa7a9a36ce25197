import Glibc
import LinuxKernel
import Synchronization

/// Calls `work` on another thread and, until that has returned, `meanwhile` again and again on this one, which is the
/// only one that may call MPI. Sorting, writing to a slow disk or waiting for the reader of a pipe may take longer than
/// others wait for a rank that does not answer.
func onAnotherThread<Value>(_ work: () -> Value, meanwhile: () -> Void) -> Value {
    withoutActuallyEscaping(work) { work in
        let handed = Handed(work)
        guard let thread = Thread.start({ handed.run() }) else { return work() }
        while !handed.isDone { meanwhile() }
        pthread_join(thread, nil)
        return handed.value!
    }
}

/// `@unchecked Sendable`: one other thread calls the closure, whose captures nobody uses meanwhile, because the caller
/// of `onAnotherThread` waits; `value` is read after that thread was joined.
private final class Handed<Value>: @unchecked Sendable {
    private let work: () -> Value
    private(set) var value: Value?
    private let done = Atomic<Bool>(false)

    init(_ work: @escaping () -> Value) { self.work = work }

    func run() {
        value = work()
        done.store(true, ordering: .releasing)
    }

    var isDone: Bool { done.load(ordering: .acquiring) }
}
