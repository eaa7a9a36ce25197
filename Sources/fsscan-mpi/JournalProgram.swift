// A scan with a journal: the ranks scan the shards of a plan, and the first one keeps their results.
//
//   rank n ── want ──▶ the first rank ── work: a shard ──▶ rank n ── done: its partial result ──▶ the first rank
//
// A shard that was finished is kept, whatever happens afterwards. Its result needs nothing of other shards, which the
// results of lent directories do: tables and lists belong to a whole rank. The price is that a shard is indivisible.

import Bytes
import CLinux
import Entries
import Formats
import Glibc
import LinuxKernel
import ScanEngine
import Snapshots
import Synchronization
import WorkStealing

struct JournalProgram {
    private let link: Link
    private let settings: RankSettings
    private let all = AllProgress()
    private var watch: RankWatch
    /// The shard that is being scanned here.
    private var running: RunningShard?
    /// The counts of the shards finished here.
    private var past = ScanProgress()

    // Of the first rank:
    private var waiting: ArraySlice<Int> = []
    /// The shards that others scan, by rank.
    private var given: [Int: Int] = [:]

    init(_ link: Link, _ settings: RankSettings) {
        (self.link, self.settings) = (link, settings)
        watch = RankWatch(link, all, patience: settings.patience)
    }

    mutating func run() throws -> ExitStatus {
        clinux_install_stop_handler()
        return link.rank == 0 ? try runFirst() : runOther()
    }

    // MARK: The first rank

    private mutating func runFirst() throws -> ExitStatus {
        let begin = RankWatch.now
        let options = settings.scan.scanOptions(
            paths: settings.scan.paths, patterns: try settings.scan.patternLists.flatMap { try $0.patterns() },
            threads: threads)
        let output: OutputFile
        var journal: Journal
        do {
            output = try watch.serving { [settings] in
                try OutputFile(settings.scan.output, mode: settings.scan.mode)
            }
            // The plan of a slow tree takes a while, too.
            journal = try watch.serving { [settings, link] in
                try Journal(
                    settings.journal!, goesOn: settings.resumes, options, shards: Self.shards(link.size),
                    mode: settings.scan.mode)
            }
        } catch {
            for rank in watch.others { link.send(.begin, to: rank) }
            throw error
        }
        for rank in watch.others { link.send(.begin, journal.plan.bytes, to: rank) }
        waiting = journal.missing[...]
        let progress = ProgressDisplay(settings.scan.progress)
        progress.begin(.together({ [all] in all.sum }, readsFiles: options.mime || !options.hash.isEmpty))
        do {
            repeat {
                try takeAll(&journal)
                if clinux_stop_signal() != 0 { waiting = [] }
                if let file = finished() { try journal.keep(file) }
                if running == nil, let shard = waiting.popFirst() { start(shard, of: journal.plan) }
                keepWatch()
                pause()
            } while !(running == nil && waiting.isEmpty && given.isEmpty)
            progress.stop()
            let (seconds, threads) = (Double(RankWatch.now - begin) * 1e-9, threads * link.size)
            let report = try watch.serving { [settings] in
                var report = try journal.report()
                (report.timing.threads, report.timing.elapsedSeconds) = (threads, seconds)
                if !settings.scan.format.tellsAll {
                    for error in report.errors { StandardStreams.complain(error.path, error.message) }
                }
                try RankProgram.write(report, options, settings.scan, to: output)
                return report
            }
            if !watch.lost.isEmpty { link.abort(ExitStatus.late.rawValue) }
            for rank in watch.others { link.send(.stop, to: rank) }
            sayFarewell()
            if let stopped = ExitStatus.stopSignal { return stopped }
            return report.totals.errors > 0 || !report.complete ? .unreadable : .success
        } catch {
            // Others may be scanning.
            link.abort(ExitStatus(reporting: error).rawValue)
        }
    }

    /// Enough that the last ones, which others wait for, are small.
    private static func shards(_ ranks: Int) -> Int { max(32, 16 * ranks) }

    private mutating func takeAll(_ journal: inout Journal) throws {
        while let (word, rank, bytes) = watch.receive() {
            switch word {
            case .alive:
                try Self.read(of: rank) { () throws(BinaryFailure) in try watch.takeState(bytes, of: rank) }
            case .done:
                given[rank] = nil
                // Empty: a signal has stopped it.
                if bytes.isEmpty { continue }
                try journal.keep(try Self.read(of: rank) { () throws(BinaryFailure) in try ShardFile(bytes) })
                give(to: rank)
            case .want: give(to: rank)
            case .begin, .work, .stop, .end, .lists, .lost, .piece, .taken: break
            }
        }
    }

    private mutating func give(to rank: Int) {
        guard let shard = waiting.popFirst() else { return }
        given[rank] = shard
        var out = BinaryWriter()
        out.put(UInt32(shard))
        link.send(.work, out.bytes, to: rank)
    }

    private static func read<Value>(
        of rank: Int, _ read: () throws(BinaryFailure) -> Value
    ) throws(SnapshotFailure) -> Value {
        do throws(BinaryFailure) {
            return try read()
        } catch {
            throw SnapshotFailure(path: nil, "data of rank \(rank) \(error.message)")
        }
    }

    // MARK: The others

    private mutating func runOther() -> ExitStatus {
        do throws(BinaryFailure) {
            guard let plan = try receivePlan() else {
                link.farewell(patience: settings.patience)
                return .success
            }
            link.send(.want, to: 0)
            while true {
                while let (word, _, bytes) = watch.receive() {
                    if word == .work {
                        var input = BinaryReader(bytes)
                        start(Int(try input.number(UInt32.self)), of: plan)
                    }
                    guard word == .stop else { continue }
                    sayFarewell()
                    return .success
                }
                let wasRunning = running != nil
                let file = finished()
                if wasRunning, running == nil { link.send(.done, file?.bytes ?? [], to: 0) }
                keepWatch()
                pause()
            }
        } catch {
            StandardStreams.complain("rank \(link.rank): data of another rank \(error.message)")
            link.abort(ExitStatus.trouble.rawValue)
        }
    }

    /// Nil if there will be no scan.
    private mutating func receivePlan() throws(BinaryFailure) -> ScanPlan? {
        while true {
            guard let (word, _, bytes) = watch.receive(), word == .begin else {
                watch.waitForTheFirst()
                continue
            }
            return bytes.isEmpty ? nil : try ScanPlan(bytes)
        }
    }

    // MARK: Both

    private var threads: Int { settings.scan.threads ?? Scheduler.defaultThreads }

    private mutating func start(_ shard: Int, of plan: ScanPlan) {
        do throws(ScanUnavailable) {
            running = try RunningShard(shard, of: plan, threads: threads, pool: settings.scan.options.pool)
        } catch {
            link.abort(ExitStatus(reporting: error).rawValue)
        }
        guard let running, running.start() else { link.abort(ExitStatus.unavailable.rawValue) }
    }

    /// The result of the shard that was being scanned here; nil if it is not done, or was stopped.
    private mutating func finished() -> ShardFile? {
        guard let shard = running, let outcome = shard.outcome.withLock({ $0 }) else { return nil }
        past.add(shard.scan.progress())
        running = nil
        return outcome.isComplete && clinux_stop_signal() == 0 ? outcome.file : nil
    }

    private mutating func keepWatch() {
        _ = watch.look()
        for rank in watch.keep(Self.state(past, running)) {
            watch.complain(of: rank)
            watch.lose(rank)
            given[rank] = nil
        }
    }

    private static func state(_ past: ScanProgress, _ running: RunningShard?) -> RankState {
        var progress = past
        if let running { progress.add(running.scan.progress()) }
        return RankState(progress, owes: running != nil)
    }

    private mutating func sayFarewell() {
        while !watch.isAnswered { answerTheLast() }
        link.farewell(patience: settings.patience) { answerTheLast() }
    }

    private mutating func answerTheLast() {
        while let (word, rank, _) = watch.receive() {
            if link.rank == 0, word == .alive { link.send(.alive, to: rank) }
        }
        pause()
    }

    private func pause() {
        link.reap()
        clinux_sleep(1_000_000)
    }
}

/// A shard that is being scanned, on a thread of its own: the courier's must not wait.
private final class RunningShard: Sendable {
    let scan: Scan
    let outcome = Mutex<ShardOutcome?>(nil)
    private let shard: Int
    private let plan: ScanPlan

    init(_ shard: Int, of plan: ScanPlan, threads: Int, pool: Int?) throws(ScanUnavailable) {
        (self.shard, self.plan) = (shard, plan)
        var environment = ScanEnvironment()
        environment.isCancelled = { clinux_stop_signal() != 0 }
        scan = try Scan(plan, shard: shard, threads: threads, pool: pool, environment)
    }

    /// - Returns: false if the thread cannot be created.
    func start() -> Bool {
        let thread = Thread.start { [self] in
            let outcome = scan.runShard(shard, of: plan)
            self.outcome.withLock { $0 = outcome }
        }
        guard let thread else { return false }
        pthread_detach(thread)
        return true
    }
}
