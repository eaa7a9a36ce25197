import CLinux
import Synchronization

/// Encoded entries of one rank, for an output that the first rank writes.
struct Piece: Sendable {
    /// Which output of the first rank.
    enum Output: UInt8, Sendable { case records, saved }

    var output: Output
    /// The rank that has seen the entries.
    var rank: Int
    var bytes: [UInt8]
}

/// Pieces between the courier and other threads. Polled, as the courier polls MPI.
final class PieceQueue: Sendable {
    private struct State: Sendable {
        var pieces: [Piece] = []
        var bytes = 0
        var isEnding = false
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: in bytes: a full queue blocks those who put more into it.
    init(limit: Int) { self.limit = limit }

    func put(_ piece: Piece) {
        while true {
            let isTaken = state.withLock { state in
                if state.bytes >= limit, !state.isEnding { return false }
                state.pieces.append(piece)
                state.bytes += piece.bytes.count
                return true
            }
            if isTaken { return }
            clinux_sleep(500_000)
        }
    }

    /// In the order in which they were put.
    func takeAll() -> [Piece] {
        state.withLock { state in
            defer { (state.pieces, state.bytes) = ([], 0) }
            return state.pieces
        }
    }

    /// The scan has ended: what comes now is little, and nobody waits.
    func end() { state.withLock { $0.isEnding = true } }

    var hasEnded: Bool { state.withLock { $0.isEnding && $0.pieces.isEmpty } }
}
