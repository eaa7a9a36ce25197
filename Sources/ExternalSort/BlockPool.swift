import Synchronization

/// Memory that the arenas of several workers use in turn. malloc would keep what one thread has freed apart from what
/// another one needs.
final class BlockPool: Sendable {
    /// `@unchecked Sendable`: nobody else has these addresses.
    private struct Blocks: @unchecked Sendable {
        var free: [UnsafeMutableRawBufferPointer] = []
    }

    private let state = Mutex(Blocks())

    deinit { removeAll() }

    /// Small enough that 1,024 workers with one each stay below the usual memory limit.
    static let blockSize = 32 << 10

    static func allocate() -> UnsafeMutableRawBufferPointer { .allocate(byteCount: blockSize, alignment: 16) }

    func take() -> UnsafeMutableRawBufferPointer { state.withLock { $0.free.popLast() } ?? Self.allocate() }

    func give(_ blocks: [UnsafeMutableRawBufferPointer]) { state.withLock { $0.free += blocks } }

    func removeAll() {
        state.withLock { state in
            for block in state.free { block.deallocate() }
            state.free = []
        }
    }
}
