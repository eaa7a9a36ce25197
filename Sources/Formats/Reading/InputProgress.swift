import Synchronization

/// How much of a file was read: counted by the thread that reads it, and looked at by a display.
package final class InputProgress: Sendable {
    private let read = Atomic<Int64>(0)
    /// In bytes; 0 if it is unknown.
    private let whole = Atomic<Int64>(0)

    package init() {}

    package var bytesRead: Int64 { read.load(ordering: .relaxed) }
    package var size: Int64? {
        let size = whole.load(ordering: .relaxed)
        return size > 0 ? size : nil
    }

    package func begin(size: Int64) { whole.store(size, ordering: .relaxed) }

    func add(_ count: Int) { read.store(bytesRead &+ Int64(count), ordering: .relaxed) }
}
