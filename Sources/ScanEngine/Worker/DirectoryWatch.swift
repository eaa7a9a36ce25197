// A display of a tree during its scan gets events about directories only:
//
//   worker ── met, added, done ──▶ DirectoryStream (a buffer of its own) ◀── takes all, ten times a second ── reader
//
// A worker takes the lock of its own stream for some nanoseconds, once or twice per directory; the reader takes it to
// exchange the buffer for an empty one. Entries that are not directories cost nothing, except names of inodes with
// several.
//
// On a busy machine a worker may lose its processor while it has the lock, and a reader that waits for it does not
// answer keys (65 ms at three threads for each processor). So the reader leaves out a stream that is locked, and takes
// its events the next time.
//
// Streams are emptied one after another, so an event may be read before an earlier one of another worker: a child
// before its parent, the total of a directory before a part of it. The reader must cope with that: numbers are assigned
// in the order in which directories are found (a parent's is less than its children's), and a total is final.

package import LinuxKernel
import Synchronization

/// Sums of a directory, with everything below it.
package struct DirectorySums: Equatable, Sendable {
    package var apparentBytes: Int64 = 0
    package var diskBytes: Int64 = 0
    package var entries: Int64 = 0
    package var errors: Int64 = 0

    package init(apparentBytes: Int64 = 0, diskBytes: Int64 = 0, entries: Int64 = 0, errors: Int64 = 0) {
        (self.apparentBytes, self.diskBytes, self.entries, self.errors) = (apparentBytes, diskBytes, entries, errors)
    }

    package init(_ totals: Totals) {
        self.init(
            apparentBytes: totals.apparentBytes, diskBytes: totals.diskBytes, entries: totals.entries,
            errors: totals.errors)
    }

    /// Wraps around, so that any addition can be undone.
    package static func &+ (left: DirectorySums, right: DirectorySums) -> DirectorySums {
        DirectorySums(
            apparentBytes: left.apparentBytes &+ right.apparentBytes, diskBytes: left.diskBytes &+ right.diskBytes,
            entries: left.entries &+ right.entries, errors: left.errors &+ right.errors)
    }

    package static func &- (left: DirectorySums, right: DirectorySums) -> DirectorySums {
        DirectorySums(
            apparentBytes: left.apparentBytes &- right.apparentBytes, diskBytes: left.diskBytes &- right.diskBytes,
            entries: left.entries &- right.entries, errors: left.errors &- right.errors)
    }
}

/// One worker's events about directories.
package struct DirectoryEvents: Sendable {
    /// A directory was found in another one. Its name is the next `nameLength` bytes of `names`.
    package struct Met: Sendable {
        package let number: UInt32
        package let parent: UInt32
        package let nameLength: Int
    }

    package struct Counted: Sendable {
        package let number: UInt32
        package let what: What
        package let sums: DirectorySums
        /// Seconds since 1970; `Int64.min` if nothing is known.
        package let newest: Int64
    }

    package enum What: Sendable {
        /// Entries of the directory itself: they add up until it is done.
        case added
        /// The directory itself, which is on another device than the one above.
        case addedMount
        /// The final sums, with everything below.
        case done
        /// The name is not a directory (any more).
        case gone
        /// A pattern excluded one of its entries.
        case excluded
    }

    /// A name of an inode with several names.
    package struct Linked: Sendable {
        /// The number of the directory that contains it.
        package let number: UInt32
        package let identity: DeviceInode
        package let apparentBytes: Int64
        package let diskBytes: Int64
    }

    package private(set) var met: [Met] = []
    package private(set) var names: [UInt8] = []
    package private(set) var counted: [Counted] = []
    package private(set) var linked: [Linked] = []

    package init() {}

    package mutating func add(number: UInt32, parent: UInt32, name: some Collection<UInt8>) {
        met.append(Met(number: number, parent: parent, nameLength: name.count))
        names.append(contentsOf: name)
    }

    package mutating func add(number: UInt32, _ what: What, _ sums: DirectorySums, newest: Int64 = .min) {
        counted.append(Counted(number: number, what: what, sums: sums, newest: newest))
    }

    package mutating func add(_ link: Linked) { linked.append(link) }

    package mutating func append(_ other: DirectoryEvents) {
        met += other.met
        names += other.names
        counted += other.counted
        linked += other.linked
    }

    package mutating func removeAll() {
        met.removeAll(keepingCapacity: true)
        names.removeAll(keepingCapacity: true)
        counted.removeAll(keepingCapacity: true)
        linked.removeAll(keepingCapacity: true)
    }
}

/// Collects the events of a scan for one reader.
package final class DirectoryWatch: Sendable {
    /// The numbers of the PATHs.
    let roots: [UInt32]
    private let next: Atomic<UInt32>
    private let streams = Mutex<[DirectoryStream]>([])

    /// - Parameters:
    ///   - roots: the numbers that the reader has assigned to the PATHs.
    ///   - next: greater than all numbers in use.
    package init(roots: [UInt32], next: UInt32) {
        self.roots = roots
        self.next = Atomic(next)
    }

    /// Hands over the events, one worker after the other.
    ///
    /// - Parameters:
    ///   - spare: its memory is reused.
    ///   - all: the scan is over, and nothing may be left out.
    package func take(_ spare: inout DirectoryEvents, all: Bool, _ body: (borrowing DirectoryEvents) -> Void) {
        let streams = streams.withLock { $0 }
        for stream in streams {
            spare.removeAll()
            if stream.exchange(&spare, waits: all) { body(spare) }
        }
    }

    func makeStream() -> DirectoryStream {
        let stream = DirectoryStream(self)
        streams.withLock { $0.append(stream) }
        return stream
    }

    fileprivate func number() -> UInt32 {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        precondition(number < UInt32.max, "a tree that is shown has fewer than 2^32 directories")
        return number
    }
}

/// One worker's connection to a `DirectoryWatch`.
final class DirectoryStream: Sendable {
    private let watch: DirectoryWatch
    let events = Mutex(DirectoryEvents())

    fileprivate init(_ watch: DirectoryWatch) { self.watch = watch }

    /// - Returns: false if the worker has the lock, and `waits` is false.
    fileprivate func exchange(_ other: inout DirectoryEvents, waits: Bool) -> Bool {
        if waits {
            events.withLock { swap(&$0, &other) }
            return true
        }
        return events.withLockIfAvailable { swap(&$0, &other) } != nil
    }

    /// - Returns: the number of the new directory.
    func meet(_ name: UnsafeRawBufferPointer, in parent: PathNode) -> UInt32 {
        let number = watch.number()
        events.withLock { $0.add(number: number, parent: parent.number, name: name) }
        return number
    }

    func count(
        _ what: DirectoryEvents.What, _ node: PathNode, _ sums: DirectorySums = DirectorySums(), newest: Int64 = .min
    ) {
        events.withLock { $0.add(number: node.number, what, sums, newest: newest) }
    }

    /// A name of an inode with several names.
    func link(_ status: borrowing FileStatus, _ kind: EntryKind, in node: PathNode) {
        let link = DirectoryEvents.Linked(
            number: node.number, identity: status.identity,
            apparentBytes: kind == .file || kind == .symlink ? status.size : 0, diskBytes: status.diskBytes)
        events.withLock { $0.add(link) }
    }
}
