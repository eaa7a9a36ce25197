// The thread that calls MPI: it carries work from busy ranks to idle ones, and the results back.
//
//   want ──▶ a rank at random    it offers its oldest unstarted work, or says that there is none: then another rank is
//                                asked, after a pause that doubles from 50 µs to 5 ms
//   done ──▶ the lender
//
// A rank asks when its workers have begun the last that was queued, because an answer takes a while: a worker of the
// lender must come to its next directory, and the borrower must open what it gets, name by name.
//
// The first rank stops all when its PATHs are done, that is, when everything lent is answered. MPI has no blocking wait
// for this, so the courier polls: every 200 µs while its rank or another one waits for work, else every millisecond
// (2.7 % of a core).

import Bytes
import CLinux
import Entries
import ScanEngine

struct Courier {
    private let link: Link
    private let scan: ScanRank
    private var watch: RankWatch
    /// Of entries for an output of the first rank, if there is one.
    private var pieces: PieceTraffic?

    private var asked: Int?
    private var pause = Self.shortestPause
    private var nextAsk: Int64 = 0
    /// Ranks that want work, and since when.
    private var hungry: [(rank: Int, since: Int64)] = []
    private(set) var lent = 0
    private(set) var borrowed = 0
    /// How long this rank had nothing to do, in nanoseconds.
    private(set) var idle: Int64 = 0
    private var random: UInt64
    /// The lists received so far, by rank.
    private var lists: [Int: [UInt8]] = [:]
    /// Whether the report is written.
    private var hasEnded = false

    /// In nanoseconds.
    private static let shortestPause: Int64 = 50_000
    private static let longestPause: Int64 = 5_000_000
    /// How long the workers have to offer something. They do so at their next directory, which takes long on a slow file
    /// system: with 3 ms, ranks got almost nothing where a directory took 30.
    private static let offerTime: Int64 = 1_000_000_000
    /// The same if nothing is queued that they could offer.
    private static let offerTimeOfNothing: Int64 = 3_000_000
    /// The most that one rank gets at a time.
    private static let mostAtATime = 64

    init(_ link: Link, _ scan: ScanRank, _ watch: RankWatch, _ pieces: PieceTraffic?) {
        (self.link, self.scan, self.watch, self.pieces) = (link, scan, watch, pieces)
        random = UInt64(link.rank) &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    /// Runs until the first rank says that everything is answered.
    ///
    /// - Returns: false if an output of the first rank cannot be written.
    mutating func run() throws(BinaryFailure) -> Bool {
        while true {
            var hasStopped = try takeAll()
            if link.rank == 0, scan.isDone {
                for rank in watch.others { link.send(.stop, to: rank) }
                hasStopped = true
            }
            lend()
            carryPieces()
            if pieces?.hasFailed == true { return false }
            for (rank, bytes) in scan.takeAnswers() where !watch.lost.contains(rank) {
                link.send(.done, bytes, to: rank)
            }
            if hasStopped {
                refuseAll()
                break
            }
            let isHungry = scan.isHungry
            if isHungry { scan.startWaiting() }
            if !scan.hasQueuedWork { ask() }
            let passed = watch.look()
            if isHungry { idle += passed }
            keepWatch()
            link.reap()
            clinux_sleep(isHungry || asked != nil || !hungry.isEmpty ? 200_000 : 1_000_000)
        }
        // A rank lists what it has after its last entries.
        if link.rank > 0 { pieces?.end() }
        // What is left was borrowed from a rank that is lost.
        if !watch.lost.isEmpty { scan.abandon() }
        scan.stop()
        return true
    }

    /// Exchanges the results that need no tree, after the scan.
    ///
    /// - Returns: for the first rank the lists of all that still answer.
    mutating func exchange(_ own: [UInt8]) throws(BinaryFailure) -> [[UInt8]] {
        if link.rank > 0 {
            while pieces?.isDone == false {
                try answerTheLast()
                keepWatch()
            }
            link.send(.lists, own, to: 0)
            return []
        }
        lists[0] = own
        while let rank = watch.others.first(where: { lists[$0] == nil }) {
            try answerTheLast()
            if watch.isSilent(rank) { giveUp(on: rank) }
        }
        return watch.others.reduce(into: [own]) { $0.append(lists[$1]!) }
    }

    /// Calls `work`, which may take long, and answers the others meanwhile.
    mutating func serving<Value>(_ work: () throws(BinaryFailure) -> Value) throws(BinaryFailure) -> Value {
        var failure: BinaryFailure?
        let value = try onAnotherThread(work) {
            do throws(BinaryFailure) { try answerTheLast() } catch { failure = error }
            if link.rank > 0 { keepWatch() }
        }
        if let failure { throw failure }
        return value
    }

    /// Returns when the report is written, and all ranks can leave.
    ///
    /// A rank may have asked before it knew that everything is done. So no rank leaves before its own questions and
    /// those of the others are answered.
    mutating func sayFarewell() throws(BinaryFailure) {
        if link.rank == 0 {
            for rank in watch.others { link.send(.end, to: rank) }
            hasEnded = true
        }
        while !hasEnded || asked != nil || !watch.isAnswered {
            try answerTheLast()
            if !hasEnded { keepWatch() }
            // A rank that hangs now has answered everything: the report is written, and complete.
            if link.rank == 0, let rank = asked, watch.isSilent(rank) { link.abort(ExitStatus.late.rawValue) }
        }
        var failure: BinaryFailure?
        link.farewell(patience: watch.patience) {
            do throws(BinaryFailure) { try answerTheLast() } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private mutating func answerTheLast() throws(BinaryFailure) {
        _ = try takeAll()
        refuseAll()
        carryPieces()
        link.reap()
        watch.look()
        clinux_sleep(200_000)
    }

    private mutating func carryPieces() {
        pieces?.carry(link)
        if pieces?.isBehind == true { watch.excuse() }
    }

    /// - Returns: whether the first rank says that everything is answered.
    private mutating func takeAll() throws(BinaryFailure) -> Bool {
        var hasStopped = false
        while let (word, rank, bytes) = watch.receive() {
            if word == .stop { hasStopped = true }
            try take(word, rank, bytes)
        }
        return hasStopped
    }

    private mutating func take(_ word: Word, _ rank: Int, _ bytes: [UInt8]) throws(BinaryFailure) {
        switch word {
        case .want:
            if hungry.isEmpty { scan.ask(for: Self.mostAtATime) }
            hungry.append((rank, RankWatch.now))
        case .work:
            asked = nil
            if bytes.isEmpty {
                nextAsk = RankWatch.now + pause
                pause = min(2 * pause, Self.longestPause)
            } else {
                pause = Self.shortestPause
                borrowed += try scan.work(bytes, from: rank)
            }
        case .done: try scan.answer(bytes)
        case .lists: lists[rank] = bytes
        case .piece, .taken: try pieces?.take(bytes, from: rank)
        case .alive: try watch.takeState(bytes, of: rank)
        case .lost:
            var input = BinaryReader(bytes)
            forget(Int(try input.number(UInt32.self)))
        case .end: hasEnded = true
        case .begin, .stop: break
        }
    }

    // MARK: Ranks that do not answer

    private mutating func keepWatch() {
        for rank in watch.keep(RankState(scan.progress(), owes: scan.owes)) { giveUp(on: rank) }
    }

    private mutating func giveUp(on rank: Int) {
        watch.complain(of: rank)
        forget(rank)
        var out = BinaryWriter()
        out.put(UInt32(rank))
        for other in watch.others { link.send(.lost, out.bytes, to: other) }
    }

    private mutating func forget(_ rank: Int) {
        watch.lose(rank)
        hungry.removeAll { $0.rank == rank }
        if asked == rank { asked = nil }
        scan.giveUp(on: rank)
    }

    var hasLostRanks: Bool { !watch.lost.isEmpty }

    // MARK: Lending

    private mutating func lend() {
        // A worker may have offered more than was asked for.
        var hasLent = false
        while let first = hungry.first,
            let (bytes, count) = scan.offers(atMost: Self.mostAtATime, for: first.rank, amongst: hungry.count)
        {
            hungry.removeFirst()
            hasLent = true
            lent += count
            link.send(.work, bytes, to: first.rank)
        }
        guard let first = hungry.first else { return scan.takeBack() }
        if hasLent {
            scan.ask(for: Self.mostAtATime)
        } else if scan.isHungry
            || RankWatch.now - first.since > (scan.hasQueuedWork ? Self.offerTime : Self.offerTimeOfNothing)
        {
            refuseAll()
        }
    }

    private mutating func refuseAll() {
        for (rank, _) in hungry { link.send(.work, to: rank) }
        hungry = []
        scan.takeBack()
    }

    // MARK: Asking

    private mutating func ask() {
        guard asked == nil, RankWatch.now >= nextAsk else { return }
        let others = watch.others
        if others.isEmpty { return }
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let rank = others[Int(random % UInt64(others.count))]
        asked = rank
        link.send(.want, to: rank)
    }
}
