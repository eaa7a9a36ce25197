// The cost of spawning and running half a million empty actors or tasks.
//
//     SchedulerBench MODE COUNT THREADS
//
// MODE           created COUNT times
// actors         an actor, and one empty message to it, from outside the pool; then the pool runs
// actors-inside  the same from within a message, so that other workers steal while the first still spawns; only the
//                total is meaningful. A scan fans out like this, and so do goroutines at two threads.
// actors-traced  as actors, with a trace that is written to a discarded file: the worst case of `SchedulerTrace`,
//                because each turn is an event and has one message that does nothing
// tasks          an empty async function on this scheduler (`Scheduler.spawn`)
// detached       the same with `Scheduler.spawnDetached`
// waiting        an async function that waits for a value of a channel, all of them at once; then each gets one
// yields         no more than 100 async functions, which yield (`Scheduler.yield`) COUNT times in all
// task-yields    the same with `Task.yield`
// swift-tasks    an empty child task on Swift's default executor
// swift-actors   a default actor and a child task that awaits its empty method, on Swift's default executor
// latency-fixed, latency-surplus, latency-monitor
//                messages that wait in the kernel among messages that compute: see Latency.swift
//
// The default executor decides the number of threads of the two modes on it (the number of cores); THREADS is only
// printed.

import Glibc
import Measuring
import WorkStealing

@main
enum SchedulerBench {
    /// Synchronous: the calling thread becomes worker 0, and must not be one of the default executor's.
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let count = Int(arguments[2]), let threads = Int(arguments[3]),
            (1...1024).contains(threads)
        else {
            fatalError("usage: SchedulerBench MODE COUNT THREADS")
        }
        switch arguments[1] {
        case "actors": try actors("actors", count: count, threads: threads, trace: nil)
        case "actors-traced":
            let trace = TraceFile()
            try actors("actors-traced", count: count, threads: threads, trace: trace.trace)
        case "actors-inside": try actorsInside(count: count, threads: threads)
        case "tasks": try tasks("tasks", count: count, threads: threads) { $0.spawn {} }
        case "detached": try tasks("detached", count: count, threads: threads) { $0.spawnDetached {} }
        case "waiting": try waiting(count: count, threads: threads)
        case "yields": try yields("yields", count: count, threads: threads) { await Scheduler.yield() }
        case "task-yields": try yields("task-yields", count: count, threads: threads) { await Task.yield() }
        case "swift-tasks": onDefaultExecutor { await swiftTasks(count: count, threads: threads) }
        case "swift-actors": onDefaultExecutor { await swiftActors(count: count, threads: threads) }
        case "latency-fixed", "latency-surplus", "latency-monitor":
            try latency(arguments[1], count: count, threads: threads)
        case let other: fatalError("unknown mode: \(other)")
        }
    }

    // MARK: This package's scheduler

    private static func actors(_ name: String, count: Int, threads: Int, trace: SchedulerTrace?) throws {
        let scheduler = Scheduler(threads: threads, trace: trace)
        var measurement = Measurement(name, threads: threads)
        for _ in 0..<count { Empty(on: scheduler).sendConsuming { $0.touch() } }
        measurement.spawnEnded()
        try scheduler.run()
        trace?.finish()
        measurement.end()
        precondition(scheduler.statistics.messages == count, "a message was lost")
    }

    private static func actorsInside(count: Int, threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        var measurement = Measurement("actors-inside", threads: threads)
        Empty(on: scheduler).send { _ in
            for _ in 0..<count { Empty(on: scheduler).sendConsuming { $0.touch() } }
        }
        measurement.spawnEnded()
        try scheduler.run()
        measurement.end()
        precondition(scheduler.statistics.messages == count + 1, "a message was lost")
    }

    private static func tasks(_ name: String, count: Int, threads: Int, spawn: (Scheduler) -> Void) throws {
        let scheduler = Scheduler(threads: threads)
        var measurement = Measurement(name, threads: threads)
        for _ in 0..<count { spawn(scheduler) }
        measurement.spawnEnded()
        try scheduler.run()
        measurement.end()
        precondition(scheduler.statistics.jobs >= count, "a task was lost")
    }

    private static func waiting(count: Int, threads: Int) throws {
        let scheduler = Scheduler(threads: threads)
        let gate = Channel<Void>(capacity: 0)
        var measurement = Measurement("waiting", threads: threads)
        for _ in 0..<count {
            scheduler.spawn {
                let value: Void? = await gate.receive()
                precondition(value != nil, "not served")
            }
        }
        measurement.spawnEnded()
        // From outside: it runs last, when all the others wait.
        scheduler.spawn { for _ in 0..<count { try await gate.send(()) } }
        try scheduler.run()
        measurement.end()
    }

    private static func yields(
        _ name: String, count: Int, threads: Int, _ yield: @escaping @Sendable () async -> Void
    ) throws {
        let scheduler = Scheduler(threads: threads)
        var measurement = Measurement(name, threads: threads)
        for _ in 0..<100 { scheduler.spawn { for _ in 0..<(count / 100) { await yield() } } }
        measurement.spawnEnded()
        try scheduler.run()
        measurement.end()
    }

    // MARK: Swift's default executor

    private static func swiftTasks(count: Int, threads: Int) async {
        var measurement = Measurement("swift-tasks", threads: threads)
        await withDiscardingTaskGroup { group in
            for _ in 0..<count { group.addTask {} }
            measurement.spawnEnded()
        }
        measurement.end()
    }

    private static func swiftActors(count: Int, threads: Int) async {
        var measurement = Measurement("swift-actors", threads: threads)
        await withDiscardingTaskGroup { group in
            for _ in 0..<count {
                let actor = DefaultEmpty()
                group.addTask { await actor.touch() }
            }
            measurement.spawnEnded()
        }
        measurement.end()
    }

    /// Runs `body` on the default executor and ends the process after it. Detached: a task that inherited the main
    /// actor would wait for ever, for nothing serves the main thread's queue here.
    private static func onDefaultExecutor(_ body: @escaping @Sendable () async -> Void) -> Never {
        Task.detached {
            await body()
            exit(0)
        }
        while true { pause() }
    }
}

/// A trace that goes to an unnamed file.
struct TraceFile {
    let trace: SchedulerTrace

    init() {
        guard let file = tmpfile() else { fatalError("no temporary file") }
        let descriptor = fileno(file)
        trace = SchedulerTrace { piece in
            precondition(write(descriptor, piece, piece.count) == piece.count, "the trace cannot be written")
        }
    }
}

/// An actor of this package's scheduler.
actor Empty: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    init(on scheduler: Scheduler) { mailbox = Mailbox(scheduler) }

    func touch() {}
}

/// An actor of Swift's default executor.
actor DefaultEmpty {
    func touch() {}
}
