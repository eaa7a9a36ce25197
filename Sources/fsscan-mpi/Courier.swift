// The thread that calls MPI: it carries work from busy ranks to idle ones, and the results back.
//
//   want ──▶ a rank at random    it offers its oldest unstarted work, or says that there is none: then another rank is
//                                asked, after a pause that doubles from 50 µs to 5 ms
//   done ──▶ the lender
//
// The first rank stops all when its PATHs are done, that is, when everything lent is answered. MPI has no blocking wait
// for this, so the courier polls: every 200 µs while its rank is hungry, else every millisecond (2.7 % of a core).

import Bytes
import CLinux
import Entries
import ScanEngine

struct Courier {
    private let link: Link
    private let scan: ScanRank

    private var asked: Int?
    private var pause = Self.shortestPause
    private var nextAsk: Int64 = 0
    /// Ranks that want work, and until when they wait for it.
    private var hungry: [(rank: Int, until: Int64)] = []
    private(set) var lent = 0
    private(set) var borrowed = 0
    private var random: UInt64
    /// The ranks' lists received so far.
    private var lists: [[UInt8]] = []

    /// In nanoseconds.
    private static let shortestPause: Int64 = 50_000
    private static let longestPause: Int64 = 5_000_000
    /// How long a worker has to offer something: it does so at its next directory.
    private static let patience: Int64 = 3_000_000
    /// The most that one rank gets at a time.
    private static let mostAtATime = 64

    init(_ link: Link, _ scan: ScanRank) {
        (self.link, self.scan) = (link, scan)
        random = UInt64(link.rank) &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    /// Runs until the first rank says that everything is answered.
    mutating func run() throws(BinaryFailure) {
        while true {
            var hasStopped = false
            while let (word, rank, bytes) = link.receive() {
                if word == .stop { hasStopped = true }
                try take(word, rank, bytes)
            }
            if link.rank == 0, scan.isDone {
                for rank in 1..<max(1, link.size) { link.send(.stop, to: rank) }
                hasStopped = true
            }
            lend()
            for (rank, bytes) in scan.takeAnswers() { link.send(.done, bytes, to: rank) }
            if hasStopped {
                refuseAll()
                break
            }
            let isHungry = scan.isHungry
            if isHungry { ask() }
            link.reap()
            clinux_sleep(isHungry || !hungry.isEmpty ? 200_000 : 1_000_000)
        }
        scan.stop()
    }

    /// Exchanges the results that need no tree, after the scan.
    ///
    /// - Returns: for the first rank the lists of all.
    mutating func exchangeLists() throws(BinaryFailure) -> [[UInt8]] {
        let own = scan.lists()
        if link.rank > 0 {
            link.send(.lists, own, to: 0)
            return []
        }
        lists.append(own)
        while lists.count < link.size { try answerTheLast() }
        return lists
    }

    /// A rank may have asked before it knew that everything is done. So no rank leaves before its own question and
    /// those of the others are answered.
    mutating func sayFarewell() throws(BinaryFailure) {
        while asked != nil { try answerTheLast() }
        link.farewell {
            while let (word, rank, _) = link.receive() { if word == .want { link.send(.work, to: rank) } }
            link.reap()
            clinux_sleep(100_000)
        }
    }

    private mutating func answerTheLast() throws(BinaryFailure) {
        while let (word, rank, bytes) = link.receive() { try take(word, rank, bytes) }
        refuseAll()
        link.reap()
        clinux_sleep(200_000)
    }

    private mutating func take(_ word: Word, _ rank: Int, _ bytes: [UInt8]) throws(BinaryFailure) {
        switch word {
        case .want:
            if hungry.isEmpty { scan.ask(for: Self.mostAtATime) }
            hungry.append((rank, Self.now + Self.patience))
        case .work:
            asked = nil
            if bytes.isEmpty {
                nextAsk = Self.now + pause
                pause = min(2 * pause, Self.longestPause)
            } else {
                pause = Self.shortestPause
                borrowed += try scan.work(bytes, from: rank)
            }
        case .done: try scan.answer(bytes)
        case .lists: lists.append(bytes)
        case .begin, .stop: break
        }
    }

    // MARK: Lending

    private mutating func lend() {
        // A worker may have offered more than was asked for.
        guard let first = hungry.first else { return scan.takeBack() }
        if let (bytes, count) = scan.offers(atMost: Self.mostAtATime) {
            hungry.removeFirst()
            lent += count
            link.send(.work, bytes, to: first.rank)
            if !hungry.isEmpty { scan.ask(for: Self.mostAtATime) }
        } else if scan.isHungry || Self.now > first.until {
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
        guard link.size > 1, asked == nil, Self.now >= nextAsk else { return }
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let other = Int(random % UInt64(link.size - 1))
        let rank = other < link.rank ? other : other + 1
        asked = rank
        link.send(.want, to: rank)
    }

    private static var now: Int64 {
        let now = clinux_now(CLOCK_MONOTONIC)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }
}
