// Compares files of one size byte by byte, all at the same time. Files that differ in one piece are not compared with
// each other again.
//
//   offset 0        64 KiB          128 KiB
//   {a b c d} ──▶ {a b d} {c} ──▶ {a d} {b}        c is closed at 64 KiB, b at 128 KiB
//
// At most 16 files are open. A larger set is processed in parts, each compared with the first file of each class.

import CLinux
import LinuxKernel

struct ByteComparison {
    private let size: Int64
    private let reader: DuplicateReader
    /// The number of files compared at the same time.
    private let atATime: Int
    private(set) var bytesRead: Int64 = 0

    /// Sets of equal files, by index; and the files that could not be read.
    struct Outcome {
        var classes: [[Int]] = []
        var failures: [(index: Int, failure: ContentFailure)] = []
    }

    /// - Parameter atATime: 1 to 8; twice as many files are open.
    init(_ size: Int64, _ reader: DuplicateReader, atATime: Int) {
        (self.size, self.reader, self.atATime) = (size, reader, atATime)
    }

    private typealias Member = (index: Int, file: Candidate)

    /// - Parameter isStopped: called for each piece. Once it returns true, the result is meaningless.
    mutating func classes(of members: [(index: Int, file: Candidate)], isStopped: () -> Bool) -> Outcome {
        var outcome = Outcome()
        let files = Dictionary(uniqueKeysWithValues: members.map { ($0.index, $0.file) })
        var rest = members[...]
        while !rest.isEmpty, !isStopped() {
            var news: [Member] = Array(rest.prefix(atATime))
            rest = rest.dropFirst(atATime)
            // The first file represents its class: the others are equal.
            for start in stride(from: 0, to: outcome.classes.count, by: atATime) where !news.isEmpty {
                let known = start..<min(start + atATime, outcome.classes.count)
                let firsts: [Member] = known.map { place in
                    let index = outcome.classes[place][0]
                    return (index, files[index]!)
                }
                let cells = cells(of: firsts + news, &outcome, isStopped)
                for (place, first) in zip(known, firsts) {
                    guard let cell = cells.first(where: { $0.contains(first.index) }) else { continue }
                    let joined = news.map(\.index).filter(cell.contains)
                    outcome.classes[place] += joined
                    news.removeAll { joined.contains($0.index) }
                }
                news.removeAll { member in outcome.failures.contains { $0.index == member.index } }
            }
            outcome.classes += cells(of: news, &outcome, isStopped)
        }
        outcome.classes = outcome.classes.map { $0.sorted() }.sorted { $0[0] < $1[0] }
        return outcome
    }

    private struct Open {
        let index: Int
        let file: OpenFile
        let buffer: UnsafeMutableRawBufferPointer
    }

    private mutating func cells(
        of members: [Member], _ outcome: inout Outcome, _ isStopped: () -> Bool
    ) -> [[Int]] {
        var first: [Open] = []
        for (place, member) in members.enumerated() {
            do throws(ContentFailure) {
                guard let file = try reader.open(member.file) else { throw .call("openat", .stale) }
                try file.confirm(size, member.file.status)
                let start = place * Self.piece
                let buffer = UnsafeMutableRawBufferPointer(rebasing: reader.buffer[start..<start + Self.piece])
                first.append(Open(index: member.index, file: file, buffer: buffer))
            } catch {
                outcome.failures.append((member.index, error))
            }
        }
        var open = [first]
        var alone: [[Int]] = []
        var offset: Int64 = 0
        while offset < size, !isStopped() {
            // A file that differs from all others need not be read further.
            for cell in open where cell.count == 1 { alone.append([cell[0].index]) }
            open.removeAll { $0.count <= 1 }
            if open.isEmpty { break }
            open = open.map { cell in
                cell.filter { one in
                    attempt(one, &outcome) { () throws(ContentFailure) in
                        _ = try one.file.nextData(from: offset)
                    }
                }
            }
            let next = open.joined().map { (try? $0.file.nextData(from: offset)) ?? offset }.min() ?? size
            // A hole in all of them is equal.
            if next > offset {
                offset = next
                continue
            }
            let length = Int(min(Int64(Self.piece), size - offset))
            open = open.flatMap { split($0, at: offset, length, &outcome) }
            offset += Int64(length)
        }
        // A file that changed meanwhile equals nothing.
        let confirmed = open.map { cell in
            cell.filter { one in
                attempt(one, &outcome) { () throws(ContentFailure) in try one.file.reader.confirmUnchanged() }
            }
        }
        for one in first { bytesRead += one.file.bytesRead }
        return confirmed.filter { !$0.isEmpty }.map { $0.map(\.index) } + alone
    }

    private func split(_ cell: [Open], at offset: Int64, _ length: Int, _ outcome: inout Outcome) -> [[Open]] {
        var parts: [[Open]] = []
        for one in cell {
            let bytes = UnsafeMutableRawBufferPointer(rebasing: one.buffer[..<length])
            guard
                attempt(
                    one, &outcome, { () throws(ContentFailure) in try one.file.readExactly(at: offset, into: bytes) })
            else { continue }
            let place = parts.firstIndex { memcmp($0[0].buffer.baseAddress!, bytes.baseAddress!, length) == 0 }
            if let place { parts[place].append(one) } else { parts.append([one]) }
        }
        return parts
    }

    private func attempt(
        _ one: Open, _ outcome: inout Outcome, _ body: () throws(ContentFailure) -> Void
    ) -> Bool {
        do throws(ContentFailure) {
            try body()
            return true
        } catch {
            outcome.failures.append((one.index, error))
            return false
        }
    }

    /// 16 of them are the reader's buffer.
    private static let piece = 64 << 10
}
