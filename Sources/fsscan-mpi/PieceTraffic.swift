// The entries of all ranks, on their way to the outputs that the first one writes.
//
//   worker ──▶ PieceQueue ──▶ courier ── piece ──▶ courier of the first rank ──▶ PieceQueue ──▶ PieceWriter ──▶ output
//                                     ◀── taken: so many bytes are written ──
//
// A rank may have sent `window` bytes more than the first one has written. Then its queue fills up, and its workers wait,
// as those of the first rank do. So neither side keeps more in memory, however slow the output is.

import Bytes
import CLinux
import Entries
import Glibc
import LinuxKernel
import Synchronization

/// The courier's part.
struct PieceTraffic {
    private let queue: PieceQueue
    /// Of the first rank.
    private let writer: PieceWriter?
    private let window: Int
    private var waiting: ArraySlice<Piece> = []
    /// Bytes that have been sent and are not known to be written.
    private var underway = 0

    /// The most that waits in the first rank, for a moderate number of ranks.
    private static let mostWaiting = 64 << 20

    /// - Parameter writer: for the first rank.
    init(_ queue: PieceQueue, _ writer: PieceWriter?, ranks: Int) {
        (self.queue, self.writer) = (queue, writer)
        window = max(256 << 10, min(2 << 20, Self.mostWaiting / max(1, ranks)))
    }

    /// Call it often.
    mutating func carry(_ link: Link) {
        if let writer {
            for (rank, bytes) in writer.takeWritten() {
                var out = BinaryWriter()
                out.put(count: bytes)
                link.send(.taken, out.bytes, to: rank)
            }
            return
        }
        while underway < window {
            if waiting.isEmpty { waiting = queue.takeAll()[...] }
            guard let piece = waiting.popFirst() else { return }
            underway += piece.bytes.count
            link.send(.piece, [piece.output.rawValue] + piece.bytes, to: 0)
        }
    }

    /// A message `piece` or `taken` has arrived.
    mutating func take(_ bytes: [UInt8], from rank: Int) throws(BinaryFailure) {
        var input = BinaryReader(bytes)
        if writer == nil {
            underway -= Int(try input.number(UInt64.self))
        } else {
            guard let output = Piece.Output(rawValue: try input.number(UInt8.self)) else {
                throw BinaryFailure("has entries for an unknown output")
            }
            queue.put(Piece(output: output, rank: rank, bytes: Array(bytes.dropFirst())))
        }
    }

    /// Whether an output of the first rank takes so long that other ranks may have to wait for it.
    var isBehind: Bool { writer?.isBehind ?? false }

    /// Whether an output of the first rank cannot be written.
    var hasFailed: Bool { writer?.hasFailed ?? false }

    /// Whether everything has been sent, after the scan.
    var isDone: Bool { writer != nil || waiting.isEmpty && queue.hasEnded }

    /// The scan has ended.
    func end() { queue.end() }
}

/// Writes the pieces of other ranks into the outputs of the first one, on a thread of its own: the courier's must not
/// wait for a disk, or for the reader of a pipe.
final class PieceWriter: Sendable {
    private let queue: PieceQueue
    private let outputs: [Piece.Output: any MergingOutput]
    private struct State: Sendable {
        /// By rank, in bytes.
        var written: [Int: Int] = [:]
        /// When the writing of a piece began.
        var began: Int64?
        var isDamaged = false
        var hasEnded = false
    }
    private let state = Mutex(State())

    init(_ queue: PieceQueue, _ outputs: [Piece.Output: any MergingOutput]) {
        (self.queue, self.outputs) = (queue, outputs)
    }

    /// - Returns: false if the thread cannot be created.
    func start() -> Bool {
        guard let thread = Thread.start({ [self] in run() }) else { return false }
        pthread_detach(thread)
        return true
    }

    private func run() {
        let streams = outputs.mapValues { $0.makeMergingStream() }
        while !queue.hasEnded {
            let pieces = queue.takeAll()
            for piece in pieces {
                state.withLock { $0.began = RankWatch.now }
                let isWhole = piece.bytes.withUnsafeBytes { streams[piece.output]?.take($0) ?? false }
                state.withLock { state in
                    state.written[piece.rank, default: 0] += piece.bytes.count
                    if !isWhole { state.isDamaged = true }
                    state.began = nil
                }
            }
            if pieces.isEmpty { clinux_sleep(1_000_000) }
        }
        for stream in streams.values { stream.flush() }
        state.withLock { $0.hasEnded = true }
    }

    /// How many bytes of which rank have been written since the last call.
    fileprivate func takeWritten() -> [Int: Int] {
        state.withLock { state in
            defer { state.written = [:] }
            return state.written
        }
    }

    /// Whether it has been writing one piece for a second.
    fileprivate var isBehind: Bool {
        guard let began = state.withLock({ $0.began }) else { return false }
        return RankWatch.now - began > 1_000_000_000
    }

    /// Returns when everything is in the outputs. After the last piece.
    ///
    /// - Throws: if a piece was not what its output expects.
    func finish() throws(BinaryFailure) {
        queue.end()
        while !state.withLock({ $0.hasEnded }) { clinux_sleep(1_000_000) }
        if state.withLock({ $0.isDamaged }) { throw BinaryFailure("has entries that cannot be read") }
    }

    /// Whether an output cannot be written.
    var hasFailed: Bool { outputs.values.contains { $0.failed } }
}
