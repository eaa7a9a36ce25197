// What the workers do, for the timeline of ui.perfetto.dev or chrome://tracing.
//
//   worker ── Tracer: its events as JSON text ── pieces of 64 KiB ──▶ SchedulerTrace: a lock ──▶ the writer of the file
//
// Without a trace a worker checks once per turn whether it has a tracer. With one, a turn costs four clock readings
// (two of them system calls, for the processor time) and about 120 bytes.

import CLinux
import Synchronization

/// A timeline of runs in the Trace Event Format, which Chrome and Perfetto read: a track for each worker, with
///
/// - a slice for each turn of an actor, named after the actor's type, with the number of messages delivered, and one
///   for each step of an `async` function (`task step`) and each part of a fork that another worker took (`fork`);
/// - inside it a slice `off-CPU` if the worker was blocked in the kernel, or waited for a processor, for 20 µs or more
///   of the turn. Its length is the sum over the turn; its place at the beginning means nothing;
/// - a slice `parked` while the worker sleeps, `in reserve` while it rests because enough others run;
/// - an instant `steal` for each successful visit to another worker.
///
/// ```swift
/// let trace = SchedulerTrace { file.write($0) }
/// try Scheduler(threads: 4, trace: trace).run()
/// trace.finish()
/// ```
public final class SchedulerTrace: Sendable {
    private let write: @Sendable ([UInt8]) -> Void
    private let isOpen = Mutex(false)

    /// - Parameter write: gets the pieces of the file in order, from one thread at a time, on any worker; may block.
    public init(write: @escaping @Sendable ([UInt8]) -> Void) { self.write = write }

    /// Ends the file. Call it once, after the last run of the scheduler.
    public func finish() {
        append([])
        write(Array("\n]}\n".utf8))
    }

    /// - Parameter events: each after a comma.
    fileprivate func append(_ events: [UInt8]) {
        isOpen.withLock { isOpen in
            if !isOpen {
                let process = #"{"ph":"M","pid":1,"name":"process_name","args":{"name":"work stealing"}}"#
                write(Array((#"{"displayTimeUnit":"ns","traceEvents":["# + "\n" + process).utf8))
                isOpen = true
            }
            if !events.isEmpty { write(events) }
        }
    }
}

/// A worker's part of a trace. Used by its worker alone.
struct Tracer {
    private let trace: SchedulerTrace
    private let track: Int
    private var events: [UInt8] = []
    private var names: [ObjectIdentifier: String] = [:]

    private static let pieceSize = 1 << 16
    /// The least time off the processor in a turn that is shown, in nanoseconds: less is noise.
    private static let shortestBlock: Int64 = 20_000

    init(_ trace: SchedulerTrace, track: Int) {
        self.trace = trace
        self.track = track
        begin("M", name: "thread_name")
        events.append(contentsOf: #","args":{"name":"worker \#(track)"}}"#.utf8)
    }

    /// The start of an event, by both clocks, in nanoseconds.
    struct Moment {
        fileprivate let wall = Tracer.now(CLOCK_MONOTONIC)
        fileprivate let processor = Tracer.now(CLOCK_THREAD_CPUTIME_ID)
    }

    /// - Parameter actor: nil for a fork, and for a step of an `async` function that belongs to no mailbox actor.
    mutating func turnEnded(of actor: AnyClass?, isFork: Bool, began: Moment, messages: Int) {
        let end = Moment()
        let (length, busy) = (end.wall - began.wall, end.processor - began.processor)
        slice(actor.map { name(of: $0) } ?? (isFork ? "fork" : "task step"), from: began.wall, length)
        if actor != nil { events.append(contentsOf: #","args":{"messages":\#(messages)}"#.utf8) }
        endEvent()
        if length - busy >= Self.shortestBlock {
            slice("off-CPU", from: began.wall, length - busy)
            endEvent()
        }
    }

    mutating func sleepEnded(_ name: String, began: Moment) {
        slice(name, from: began.wall, Self.now(CLOCK_MONOTONIC) - began.wall)
        endEvent()
    }

    mutating func stole(_ amount: Int, from victim: Int) {
        begin("i", name: "steal")
        member("ts", Self.now(CLOCK_MONOTONIC))
        events.append(contentsOf: #","s":"t","args":{"from":\#(victim),"taken":\#(amount)}"#.utf8)
        endEvent()
    }

    /// Call it when a run has ended.
    mutating func flush() {
        trace.append(events)
        events.removeAll(keepingCapacity: true)
    }

    // MARK: Text

    private mutating func name(of type: AnyClass) -> String {
        if let name = names[ObjectIdentifier(type)] { return name }
        // A Swift name needs no escaping in JSON, unless it stands in backticks.
        let name = String(describing: type).filter { $0 != "\"" && $0 != "\\" && $0 >= " " }
        names[ObjectIdentifier(type)] = name
        return name
    }

    private mutating func slice(_ name: String, from start: Int64, _ length: Int64) {
        begin("X", name: name)
        member("ts", start)
        member("dur", length)
    }

    private mutating func begin(_ phase: String, name: String) {
        events.append(contentsOf: ",\n{\"ph\":\"\(phase)\",\"pid\":1,\"tid\":\(track),\"name\":\"\(name)\"".utf8)
    }

    private mutating func endEvent() {
        events.append(UInt8(ascii: "}"))
        if events.count >= Self.pieceSize { flush() }
    }

    /// Nanoseconds, written as microseconds with three decimals.
    private mutating func member(_ key: String, _ nanoseconds: Int64) {
        let fraction = String(1000 + nanoseconds % 1000).dropFirst()
        events.append(contentsOf: ",\"\(key)\":\(nanoseconds / 1000).\(fraction)".utf8)
    }

    private static func now(_ clock: clockid_t) -> Int64 {
        let time = clinux_now(clock)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
