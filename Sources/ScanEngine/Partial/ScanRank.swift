// One of several processes that scan a tree together, as its courier sees it: bytes to send, and bytes received.
//
// This code is independent of the transport. All calls come from the courier, which is one thread; the scan runs on
// others.
//
//   work   lender → borrower      groups of directories and slices, each with a ticket      BorrowedGroup
//   done   borrower → lender      the tickets and results of some of them                             a partial result
//   lists  each → the first       at the end: results that need no tree                               a partial result

package import Bytes
import CLinux
package import Entries
import LinuxKernel
import Synchronization
import WorkStealing

package final class ScanRank: Sendable {
    private let scan: Scan
    private let part: ScanPart
    private let lender: ScanLender
    private let scheduler: Scheduler
    private let borrowed: BorrowedQueue
    /// Nil if this process has no PATHs of its own.
    private let paths: PathQueue?
    private let gate = Gate()
    private let begin = clinux_now(CLOCK_MONOTONIC)

    private struct State: Sendable {
        /// By this process's ticket: the lender, and the lender's ticket.
        var debts: [UInt64: (lender: Int, ticket: UInt64)] = [:]
        var nextDebt: UInt64 = 0
        var answers: [(debt: UInt64, completion: Completion)] = []
        /// Whether the only unfinished work is for a process that is lost.
        var isAbandoned = false
    }

    private let state: SharedState

    /// A box, because the queue's closure refers to it before `self` exists.
    private final class SharedState: Sendable { let value = Mutex(State()) }

    /// - Parameters:
    ///   - options: `now` is set: the processes agree on it.
    ///   - hasTrunk: for one process: it begins with the PATHs, and ends when everything is answered.
    package init(
        _ options: ScanOptions, hasTrunk: Bool, _ environment: ScanEnvironment
    ) throws(ScanUnavailable) {
        precondition(options.now != nil, "ages are relative to the same time in all processes")
        var environment = environment
        lender = ScanLender()
        part = ScanPart(holes: nil, hasTrunk: hasTrunk, borrowed: [], lender: lender)
        environment.part = part
        scan = try Scan(options, environment)
        scheduler = scan.makeScheduler()
        // The courier serves the only task, and may come late.
        scheduler.standstillWarning = nil
        let state = SharedState()
        self.state = state
        borrowed = BorrowedQueue(atATime: scan.context.descriptors.borrowedAtATime, on: scheduler) { debt, completion in
            state.value.withLock { $0.answers.append((debt, completion)) }
        }
        paths = hasTrunk ? PathQueue(options.paths, on: scheduler) : nil
        paths?.send { [limit = scan.context.descriptors.pathsAtATime] in $0.start(atATime: limit) }
        // The run continues as long as work may come.
        scheduler.spawn { [gate] in await gate.wait() }
    }

    package var confinement: MIMEConfinement? { scan.mimeConfinement }

    package var readsFiles: Bool { scan.readsFiles }

    /// Scans until `stop()`. Blocks the calling thread, which is one of the workers and not the courier.
    package func run() { scan.run(scheduler) }

    // MARK: Lending

    /// Whether this process is idle and would take work.
    package var isHungry: Bool { scheduler.isHungry }

    /// Starts borrowed work that waits, if there is any. To be called if this process is hungry.
    package func startWaiting() { borrowed.startAnother() }

    /// Whether there is work that no worker has begun.
    package var hasQueuedWork: Bool { scheduler.hasQueuedWork }

    /// - Parameter count: how many directories and slices a borrower would take.
    package func ask(for count: Int) { lender.ask(count) }

    /// No process asks any more.
    package func takeBack() {
        lender.ask(0)
        lender.takeBack()
    }

    /// - Parameter borrowers: how many processes would like some, this one included.
    /// - Returns: a message `work`, or nil if nothing has been offered (yet).
    package func offers(atMost limit: Int, for rank: Int, amongst borrowers: Int) -> (bytes: [UInt8], count: Int)? {
        let groups = lender.takeOffers(atMost: limit, for: rank, amongst: borrowers)
        if groups.isEmpty { return nil }
        return (BorrowedGroup.encode(groups), groups.reduce(0) { $0 + $1.items.count })
    }

    /// - Parameter rank: the lender.
    package func work(_ bytes: [UInt8], from rank: Int) throws(BinaryFailure) -> Int {
        var groups = try BorrowedGroup.decode(bytes, roots: scan.options.paths.count)
        var count = 0
        state.value.withLock { state in
            for group in groups.indices {
                for item in groups[group].items.indices {
                    state.debts[state.nextDebt] = (rank, groups[group].items[item].ticket)
                    groups[group].items[item].ticket = state.nextDebt
                    state.nextDebt += 1
                    count += 1
                }
            }
        }
        borrowed.send { [groups] in $0.add(groups) }
        return count
    }

    /// Messages `done`, one for each lender with new answers.
    package func takeAnswers() -> [(rank: Int, bytes: [UInt8])] {
        let answers = state.value.withLock { state in
            let answers = state.answers.map { answer in
                guard let debt = state.debts.removeValue(forKey: answer.debt) else {
                    preconditionFailure("a borrowed directory was answered twice")
                }
                return (rank: debt.lender, ticket: debt.ticket, completion: answer.completion)
            }
            state.answers = []
            return answers
        }
        return Set(answers.map(\.rank)).sorted().map { rank in
            var encoder = PartialEncoder()
            let own = answers.filter { $0.rank == rank }
            encoder.out.put(count: own.count)
            for answer in own {
                encoder.out.put(answer.ticket)
                encoder.put(answer.completion)
            }
            return (rank, encoder.finish(part.mounts))
        }
    }

    /// A message `done` has arrived.
    package func answer(_ bytes: [UInt8]) throws(BinaryFailure) {
        var decoder = try decoder(bytes, PathInterner(scan.options.paths))
        decoder.call(devices: part.mounts.numbers(decoder.parts))
        for _ in 0..<(try decoder.input.count(ofAtLeast: 100)) {
            let ticket = try decoder.input.number(UInt64.self)
            guard lender.answer(ticket, try decoder.value()) else {
                throw BinaryFailure("answers for work that was not lent")
            }
        }
        try decoder.input.end()
    }

    /// Whether other processes wait for results of this one.
    package var owes: Bool { state.value.withLock { !$0.debts.isEmpty } }

    /// This process will not answer any more: the report lists its borrowed items as unfinished.
    package func giveUp(on rank: Int) { lender.giveUp(on: rank) }

    private func decoder(_ bytes: [UInt8], _ interner: PathInterner) throws(BinaryFailure) -> PartialDecoder {
        try PartialDecoder(
            bytes, paths: interner, digests: scan.context.content?.set ?? DigestSet([]), now: scan.context.now)
    }

    // MARK: The end

    /// For the process with the PATHs: whether everything is answered.
    package var isDone: Bool { paths?.outcome.withLock { $0 != nil } ?? false }

    /// Lets `run()` return when nothing is pending.
    package func stop() { gate.open() }

    /// Ends the pending work early: no process waits for it. The lost process's lender lists it as unfinished.
    package func abandon() {
        if !scan.context.wasStopped { state.value.withLock { $0.isAbandoned = true } }
        scan.cancel()
    }

    package func progress() -> ScanProgress { scan.progress() }

    /// The message `lists`; its outputs get the rest. After `run()` has returned.
    package func lists() -> [UInt8] {
        let workers = scan.context.takeWorkers()
        if state.value.withLock({ $0.isAbandoned }) {
            for worker in workers { worker.unfinished = UnfinishedList() }
        }
        scan.flush(workers)
        var partial = PartialScan(paths: [], answers: [], workers: workers, scan.context)
        for path in lender.unanswered { partial.add(unfinished: path) }
        var encoder = PartialEncoder()
        encoder.out.put(scan.context.wasStopped)
        encoder.out.put(UInt32(min(scan.start.threads, scheduler.statistics.mostThreads)))
        partial.encodeLists(to: &encoder)
        return encoder.finish(part.mounts)
    }

    /// The report, by the process with the PATHs. After `run()` has returned.
    ///
    /// - Parameters:
    ///   - all: the lists of all processes that still answer, this one included.
    ///   - isComplete: false if some do not.
    package func report(_ all: [[UInt8]], start: Timing, isComplete: Bool) throws(BinaryFailure) -> ScanReport {
        guard let outcome = paths?.outcome.withLock({ $0 }) else {
            preconditionFailure("the scan ended before its PATHs were done")
        }
        var report = ScanReport()
        report.totals = outcome.totals
        report.roots = outcome.roots
        report.complete = isComplete
        report.timing = start
        report.timing.threads = 0
        let interner = PathInterner(scan.options.paths)
        var devices = DeviceMap()
        var decoders: [PartialDecoder] = []
        for bytes in all {
            decoders.append(try decoder(bytes, interner))
            devices.add(decoders[decoders.count - 1].parts)
        }
        var lists = ScanLists(scan.context)
        for var decoder in decoders {
            decoder.call(devices: devices.numbers(decoder.parts))
            if try decoder.input.bool() { report.complete = false }
            report.timing.threads += Int(try decoder.input.number(UInt32.self))
            try lists.merge(&decoder)
            try decoder.input.end()
        }
        lists.fill(&report, scan.context)
        let end = clinux_now(CLOCK_MONOTONIC)
        report.timing.elapsedSeconds = Double(end.tv_sec - begin.tv_sec) + Double(end.tv_nsec - begin.tv_nsec) * 1e-9
        return report
    }
}

/// Something a task waits for, opened by a thread outside the pool.
private final class Gate: Sendable {
    private struct State: Sendable {
        var isOpen = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting = continuation }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            return state.waiting.take()
        }
        waiting?.resume()
    }
}

extension MountNotes {
    /// The local numbers for another process's devices: a device found at the same path is the same. On the same
    /// machine all others keep their numbers; otherwise they get one that no kernel assigns.
    func numbers(_ parts: PartialDevices) -> [UInt64] {
        let known = devices
        return parts.devices.map { device in
            if let number = device.paths.lazy.compactMap({ known[$0] }).first { return number }
            let number =
                parts.host == Self.host ? device.number : 1 << 63 | UInt64(known.count) << 32 | device.number
            for path in device.paths { note(number, at: path) }
            return number
        }
    }
}

extension BorrowedGroup {
    static func encode(_ groups: [BorrowedGroup]) -> [UInt8] {
        var out = BinaryWriter()
        out.put(count: groups.count)
        for group in groups {
            out.put(UInt32(group.root))
            out.put(group.inode != nil)
            out.put(group.inode ?? 0)
            out.put(count: group.names.count)
            for name in group.names { out.put(string: name) }
            out.put(count: group.items.count)
            for (ticket, what) in group.items {
                out.put(ticket)
                switch what {
                case .directory(let name):
                    out.put(UInt8(0))
                    out.put(string: name)
                case .slice(let entries):
                    out.put(UInt8(1))
                    out.put(string: entries)
                }
            }
        }
        return out.bytes
    }

    /// - Parameter roots: how many PATHs there are.
    static func decode(_ bytes: [UInt8], roots: Int) throws(BinaryFailure) -> [BorrowedGroup] {
        var input = BinaryReader(bytes)
        var groups: [BorrowedGroup] = []
        for _ in 0..<(try input.count(ofAtLeast: 29)) {
            let root = Int(try input.number(UInt32.self))
            guard root < roots else { throw BinaryFailure("has a PATH too many") }
            let isKnown = try input.bool()
            let inode = try input.number(UInt64.self)
            var names: [[UInt8]] = []
            for _ in 0..<(try input.count(ofAtLeast: 9)) { names.append(try input.fileName()) }
            var group = BorrowedGroup(root: root, names: names, inode: isKnown ? inode : nil, items: [])
            for _ in 0..<(try input.count(ofAtLeast: 17)) {
                let ticket = try input.number(UInt64.self)
                switch try input.number(UInt8.self) {
                case 0: group.items.append((ticket, .directory(try input.fileName())))
                case 1: group.items.append((ticket, .slice(try input.string())))
                default: throw BinaryFailure("has work of unknown kind")
                }
            }
            groups.append(group)
        }
        try input.end()
        return groups
    }
}
