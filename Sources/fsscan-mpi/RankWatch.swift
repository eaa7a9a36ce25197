// Which ranks still answer.
//
//   rank n ── alive: its counts ──▶ the first rank        every second
//          ◀── alive ──
//          ◀── lost: a rank ──                            nobody waits for that one any more, nor listens to it
//
// The first rank gives up on a rank that has been silent for the time of --patience. It also gives up on all ranks that
// owe results if no rank has counted anything for that time: a file system that hangs stops the workers of its machine,
// and not the courier. Other ranks end the job if the first one is silent.
//
// A rank does so from its start, when it waits for the beginning of the scan, until the first one says that the report
// is written. After that all leave soon: Link.swift.

import Bytes
import CLinux
import Glibc
import ScanEngine

/// What a rank says about itself.
struct RankState: Sendable {
    var host: [UInt8] = []
    var progress = ScanProgress()
    /// Whether others wait for its results.
    var owes = false

    init(_ progress: ScanProgress, owes: Bool) {
        var name = [UInt8](repeating: 0, count: 256)
        name.withUnsafeMutableBytes { name in
            _ = gethostname(name.baseAddress!.assumingMemoryBound(to: CChar.self), name.count - 1)
        }
        (host, self.progress, self.owes) = (Array(name.prefix { $0 != 0 }), progress, owes)
    }

    init(_ bytes: [UInt8]) throws(BinaryFailure) {
        var input = BinaryReader(bytes)
        host = try input.string()
        progress.entries = try input.number()
        progress.diskBytes = try input.number()
        progress.bytesRead = try input.number()
        progress.errors = try input.number()
        let path = try input.string()
        if !path.isEmpty { progress.path = path }
        owes = try input.bool()
        try input.end()
    }

    var bytes: [UInt8] {
        var out = BinaryWriter()
        out.put(string: host)
        for count in [progress.entries, progress.diskBytes, progress.bytesRead, progress.errors] { out.put(count) }
        out.put(string: progress.path ?? [])
        out.put(owes)
        return out.bytes
    }
}

/// The time that passes while this process runs: nobody was silent while a whole job was suspended (Slurm does that).
struct RunningClock {
    /// Nanoseconds up to the last look.
    private(set) var time: Int64 = 0
    private var last = RankWatch.now

    /// A gap longer than this is one of this process.
    private static let longestGap: Int64 = 100_000_000

    /// Call it often.
    ///
    /// - Returns: the time since the last call.
    @discardableResult
    mutating func look() -> Int64 {
        let now = RankWatch.now
        let gap = min(now - last, Self.longestGap)
        last = now
        time += gap
        return gap
    }
}

struct RankWatch {
    private let link: Link
    private let all: AllProgress
    let patience: Int64
    private var running = RunningClock()
    private var clock: Int64 { running.time }
    private var nextWord: Int64 = 0
    /// How many words of this rank the first one has not answered yet.
    private var unanswered = 0
    /// When each rank was heard last.
    private var heard: [Int64]
    private var states: [Int: RankState] = [:]
    private(set) var lost: Set<Int> = []
    private var counted: Int64 = -1
    private var lastCounted: Int64 = 0

    /// - Parameters:
    ///   - all: gets the progress of all ranks, in the first.
    ///   - patience: in nanoseconds.
    init(_ link: Link, _ all: AllProgress, patience: Int64) {
        (self.link, self.all) = (link, all)
        self.patience = patience
        heard = Array(repeating: 0, count: link.size)
    }

    /// Call it often.
    ///
    /// - Returns: the time since the last call.
    @discardableResult
    mutating func look() -> Int64 { running.look() }

    /// All that still answer, except this one.
    var others: [Int] { (0..<link.size).filter { $0 != link.rank && !lost.contains($0) } }

    /// The next message of a rank that is not lost, if there is one.
    mutating func receive() -> (word: Word, rank: Int, bytes: [UInt8])? {
        while let message = link.receive() {
            if !lost.contains(message.rank) {
                hear(message.rank)
                if link.rank > 0, message.word == .alive { unanswered -= 1 }
                return message
            }
            // It may come back, and must not take the first rank for the silent one.
            if link.rank == 0, message.word == .alive { link.send(.alive, to: message.rank) }
        }
        return nil
    }

    mutating func hear(_ rank: Int) { heard[rank] = clock }

    /// Notes and answers what another rank says about itself.
    mutating func takeState(_ bytes: [UInt8], of rank: Int) throws(BinaryFailure) {
        // The first rank's answer has no state.
        if link.rank > 0 { return }
        note(try RankState(bytes), of: rank)
        link.send(.alive, to: rank)
    }

    // MARK: Before and after the scan

    /// In the first rank: calls `work`, which may take long, and answers the others meanwhile.
    mutating func serving<Value>(_ work: () throws -> Value) throws -> Value {
        try onAnotherThread(work) {
            while let (word, rank, _) = receive() { if word == .alive { link.send(.alive, to: rank) } }
            link.reap()
            look()
            clinux_sleep(1_000_000)
        }
    }

    /// In another rank: to be called again and again, when it has no messages and waits for the first rank.
    mutating func waitForTheFirst() {
        look()
        _ = keep(RankState(ScanProgress(), owes: false))
        link.reap()
        clinux_sleep(200_000)
    }

    // MARK: During the scan

    /// Tells the first rank this one's state from time to time. Ends the job if the first rank is silent.
    ///
    /// - Returns: for the first rank, the ranks to give up on.
    mutating func keep(_ state: @autoclosure () -> RankState) -> [Int] {
        if clock >= nextWord {
            nextWord = clock + min(1_000_000_000, patience / 4)
            if link.rank == 0 {
                note(state(), of: 0)
                all.set(states.values.map(\.progress))
            } else {
                link.send(.alive, state().bytes, to: 0)
                unanswered += 1
            }
        }
        if link.rank == 0 { return late() }
        if isSilent(0) {
            StandardStreams.complain("rank \(link.rank): rank 0 does not answer: there is no report")
            link.abort(ExitStatus.late.rawValue)
        }
        return []
    }

    private mutating func note(_ state: RankState, of rank: Int) {
        states[rank] = state
        // Counts of ranks that are lost do not change.
        let sum = states.values.reduce(0) { $0 &+ $1.progress.entries &+ $1.progress.bytesRead &+ $1.progress.errors }
        if sum != counted { (counted, lastCounted) = (sum, clock) }
    }

    /// All ranks may have to wait for the first one's output: none of them is to blame.
    mutating func excuse() {
        lastCounted = clock
        for rank in heard.indices { heard[rank] = clock }
    }

    /// Whether the first rank has answered every word of this one.
    var isAnswered: Bool { unanswered == 0 }

    mutating func lose(_ rank: Int) { lost.insert(rank) }

    func isSilent(_ rank: Int) -> Bool { clock - heard[rank] > patience }

    private mutating func late() -> [Int] {
        if clock - lastCounted > patience {
            let debtors = others.filter { states[$0]?.owes == true }
            if !debtors.isEmpty { return debtors }
            // Nobody else has work: it is this rank that hangs. Said once in each such time.
            lastCounted = clock
            StandardStreams.complain("rank 0 makes no progress and must write the report: the job waits")
        }
        return others.filter(isSilent)
    }

    /// Reports that the others continue without this rank.
    func complain(of rank: Int) {
        let host = states[rank].map { " on \(String(decoding: $0.host, as: UTF8.self))" } ?? ""
        let what = isSilent(rank) ? "does not answer" : "makes no progress"
        StandardStreams.complain("rank \(rank)\(host) \(what): its work is left out, and the report is incomplete")
    }

    static var now: Int64 {
        let now = clinux_now(CLOCK_MONOTONIC)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}
