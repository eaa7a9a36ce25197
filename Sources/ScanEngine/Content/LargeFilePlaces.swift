import Synchronization
import WorkStealing

/// How many files may be read in pieces at a time: each keeps a descriptor and digest contexts from message to message.
final class LargeFilePlaces: Sendable {
    private struct State {
        var free: Int
        var waiting: [FileScan] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// - Returns: false if there is none now; `file` will be told `placeIsFree()`.
    func take(for file: FileScan) -> Bool {
        state.withLock { state in
            guard state.free == 0 else {
                state.free -= 1
                return true
            }
            state.waiting.append(file)
            return false
        }
    }

    /// To be called by who has a place, once.
    func giveBack() {
        let next = state.withLock { state in
            let next = state.waiting.popLast()
            if next == nil { state.free += 1 }
            return next
        }
        next?.send { $0.placeIsFree() }
    }
}
