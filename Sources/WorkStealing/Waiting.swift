// What a run says when it stands still: everybody sleeps, nothing is queued, and tasks have not returned.
//
// It may be right so: a thread outside of the pool may serve a channel at any time, and a timer is one. So the run goes on
// waiting, and only says once what it is waiting for, and only if that looks wrong:
//
// - every task waits for a channel or a resource, that is, for one of the others; or
// - `run()` holds the main actor, for which one of the tasks may wait. (That one does, the runtime does not tell.)

import CLinux
import Synchronization

/// Counts tasks that wait for a channel or a resource, by the worker that they began to wait on. A task begins and ends its wait on
/// the same pool, so that the sum over its workers is right, if not that of each.
@usableFromInline
enum Waiting {
    @usableFromInline static func began() { Worker.current?.tasksWaiting.wrappingAdd(1, ordering: .relaxed) }
    @usableFromInline static func ended() { Worker.current?.tasksWaiting.wrappingSubtract(1, ordering: .relaxed) }
}

extension Scheduler {
    /// What is to be said of a run in which nobody has been awake since `announced`; nil if there is nothing.
    func complaint(_ announced: Idle.Counts) -> String? {
        guard idle.now == announced, pendingTasks > 0 else { return nil }
        let tasks = roster.origins
        let places = tasks.prefix(8).map { "\($0.count) spawned at \($0.origin.description)" }.joined(separator: ", ")
        let list = places + (tasks.count > 8 ? ", …" : "")
        let waiting = workers.reduce(0) { $0 + $1.tasksWaiting.load(ordering: .relaxed) }
        if waiting > 0, waiting >= tasks.reduce(0, { $0 + $1.count }) {
            return """
                nothing is left to do in a run but to wait for tasks, and all of them wait for a channel or a resource: \(list). \
                Unless a thread outside of the pool serves them, they wait for each other for ever.
                """
        }
        guard holdsMainActor else { return nil }
        return """
            nothing is left to do in a run but to wait for tasks: \(list). If one of them waits for the main actor, it does so \
            for ever: `run()`, which was called there, holds it until all tasks have returned. Call it on another thread.
            """
    }

    /// Says it on standard error, once in a run.
    func complain(_ announced: Idle.Counts) {
        guard let complaint = complaint(announced), claimComplaint() else { return }
        let line = Array("WorkStealing: \(complaint)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }
}
