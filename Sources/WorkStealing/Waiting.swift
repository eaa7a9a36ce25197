// The message of a stalled run: all workers sleep, nothing is queued, and tasks have not returned.
//
// That may be correct: a thread outside the pool, a timer for instance, may serve a channel at any time. So the run
// continues to wait, prints only once what it is waiting for, and only if
//
// - exactly the spawned tasks wait, each of them for a channel or a resource. As far as this code can know, they wait
//   for each other, unless a `Task { }` serves them; or
// - something waits for the main thread, which `run()` holds: one of the tasks, or other code in the process. (If
//   libdispatch has given the main actor another thread, this cannot be checked.)
//
// It prints nothing about a spawned task that sleeps, or waits for a child task.

import CLinux
import Synchronization

/// Tracks the tasks that wait for a channel or a resource: their number, and the sum of their addresses. Each worker
/// has the sums of the waits that began on it minus those that ended on it. Both happen on the pool, so the total over
/// the workers is right.
@usableFromInline
struct Waiting: ~Copyable, Sendable {
    // Written by its worker only; read by the worker that explains the stall, when all others sleep: relaxed.
    private let count = Atomic<Int>(0)
    private let tasks = Atomic<UInt>(0)

    @usableFromInline static func began() { note(1) }
    @usableFromInline static func ended() { note(-1) }

    @inline(__always)
    private static func note(_ sign: Int) {
        guard let task = clinux_current_task() else { return }
        Worker.currentReference?._withUnsafeGuaranteedRef { $0.waiting.add(sign, UInt(bitPattern: task)) }
    }

    @inline(__always)
    private func add(_ sign: Int, _ task: UInt) {
        count.store(count.load(ordering: .relaxed) &+ sign, ordering: .relaxed)
        let sum = tasks.load(ordering: .relaxed)
        tasks.store(sign > 0 ? sum &+ task : sum &- task, ordering: .relaxed)
    }

    var now: (count: Int, tasks: UInt) { (count.load(ordering: .relaxed), tasks.load(ordering: .relaxed)) }
}

extension Scheduler {
    /// The message about a run in which no worker has been awake since `announced`; nil if there is none.
    func complaint(_ announced: Idle.Counts) -> String? {
        let waiting = workers.map { $0.waiting.now }.reduce((0, 0)) { ($0.0 + $1.count, $0.1 &+ $1.tasks) }
        let (tasks, identity) = roster.origins
        // Last: no worker was awake while these were read.
        guard idle.now == announced, waitsForTasks else { return nil }
        let places = tasks.prefix(8).map { "\($0.count) spawned at \($0.origin.description)" }.joined(separator: ", ")
        let list = tasks.isEmpty ? "made with `Task { }`" : places + (tasks.count > 8 ? ", …" : "")
        if !tasks.isEmpty, waiting == (tasks.reduce(0) { $0 + $1.count }, identity) {
            return """
                nothing is left to do in a run but to wait for tasks, and all of them wait for a channel or a resource: \
                \(list). Unless a `Task { }` or a thread outside the pool serves them, they wait for each other forever.
                """
        }
        guard holdsMainActor else { return nil }
        switch holdsMainThread ? clinux_main_queue_waits() : -1 {
        case 0: return nil
        case 1:
            return """
                nothing is left to do in a run but to wait for tasks: \(list). Something waits for the main thread. If it \
                is one of them, it waits forever: `run()`, which was called there, holds it until all tasks have \
                returned. Call it on another thread.
                """
        default:
            return """
                nothing is left to do in a run but to wait for tasks: \(list). If one of them waits for the main actor, it \
                waits forever: `run()`, which was called there, holds it until all tasks have returned. Call it on \
                another thread.
                """
        }
    }

    /// Prints it on standard error, once in a run.
    func complain(_ announced: Idle.Counts) {
        guard let complaint = complaint(announced), claimComplaint() else { return }
        let line = Array("WorkStealing: \(complaint)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
