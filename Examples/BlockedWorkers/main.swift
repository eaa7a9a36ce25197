// One active thread per core: messages that sleep in the kernel, messages that compute, and one that runs until it is
// asked to end.
//
//     BlockedWorkers [N [MAXIMUM]]
//
// A fixed pool of N threads stands still while they sleep, and an endless message takes one of them for good. With
// `maximumThreads` a monitor sees that fewer than N threads run although work is queued, and starts others in their
// place. N is the number of running threads, not of all threads. When blocked threads come back, the surplus rests.

import Foundation
import Synchronization
import WorkStealing

/// Receives one message of one kind.
actor Job: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    private let tally: Tally

    init(on scheduler: Scheduler, _ tally: Tally) {
        mailbox = Mailbox(scheduler)
        self.tally = tally
    }

    /// Blocks its worker, like a cold disk or a server that does not answer.
    func sleep() {
        usleep(20_000)
        tally.ended()
    }

    func compute() {
        var state: UInt64 = 1
        for _ in 0..<3_000_000 { state = state &* 6_364_136_223_846_793_005 &+ 1 }
        tally.ended(with: state)
    }

    /// Computes until all the others have ended. Without another worker that is for ever.
    func neverEnd() {
        while !tally.othersHaveEnded {}
        tally.ended()
    }
}

/// Counts the messages that have ended.
final class Tally: Sendable {
    private let count = Atomic<Int>(0)
    private let sum = Atomic<UInt64>(0)
    private let total: Int

    /// - Parameter total: the number of messages, the endless one included.
    init(total: Int) { self.total = total }

    func ended(with result: UInt64 = 0) {
        sum.add(result & 0xFF, ordering: .relaxed)
        count.add(1, ordering: .relaxed)
    }

    var ran: Int { count.load(ordering: .relaxed) }
    var othersHaveEnded: Bool { ran == total - 1 }
}

/// Processor time of the whole process, in seconds.
func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func show(_ columns: String...) {
    let widths = [16, 6, 14, 9]
    print(zip(columns, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined() + columns[4])
}

let arguments = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
let threads = arguments.first ?? 2
let maximum = arguments.dropFirst().first ?? 64
guard threads >= 1, maximum > threads else { fatalError("usage: BlockedWorkers [N [MAXIMUM]], MAXIMUM above N") }
let (sleeping, computing) = (150, 150)
let total = sleeping + computing + 1

show("pool", "ran", "most threads", "seconds", "processors used ÷ \(threads)")
for most in [threads, maximum] {
    // In a fixed pool of one thread, nothing could ever tell the endless message to end.
    if most == 1 { continue }
    let scheduler = Scheduler(threads: threads, maximumThreads: most)
    let tally = Tally(total: total)
    Job(on: scheduler, tally).send { $0.neverEnd() }
    for _ in 0..<sleeping { Job(on: scheduler, tally).send { $0.sleep() } }
    for _ in 0..<computing { Job(on: scheduler, tally).send { $0.compute() } }

    let (began, processor) = (ContinuousClock.now, processorTime())
    try scheduler.run()
    let elapsed = (ContinuousClock.now - began) / .seconds(1)
    let used = (processorTime() - processor) / elapsed / Double(threads)

    let statistics = scheduler.statistics
    precondition(tally.ran == total, "every message has run, once")
    precondition(statistics.mostThreads <= most, "never more threads than allowed")
    precondition(
        (statistics.sparesReleased > 0) == (most > threads), "spares go on where there are some, and nowhere else")
    show(
        most > threads ? "with a monitor" : "fixed", "\(tally.ran)", "\(statistics.mostThreads)",
        String(format: "%.2f", elapsed), String(format: "%.2f", used))
}
