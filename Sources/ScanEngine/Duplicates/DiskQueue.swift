// Where a disk turns, files are read in the order of their places on it, a few at a time. Elsewhere the order makes no
// difference, and the worker that compares a size reads its files at once.
//
//   SizeClass, SizeClass … ── reads ──▶ DiskQueue: sorted by first extent ── next ──▶ ReadBatch of one file, LargeRead
//                                            ▲                                              │
//                                            └──────────────────── ended ───────────────────┘
//
// Reads arrive during the sweep: those ahead of the head join it, the others wait for the next one. Memory: the files
// that are being compared are limited anyway, see `DuplicateQueue`.

import LinuxKernel
import Synchronization
import WorkStealing

/// Waiting reads. The next one is the first at or behind the place of the last one; after the last place on the disk
/// comes the first.
struct SweepOrder<Read> {
    /// By place, then in the order of arrival.
    private var waiting: [(place: UInt64, read: Read)] = []
    private var head: UInt64 = 0

    init() {}

    mutating func add(_ read: Read, at place: UInt64) {
        waiting.insert((place, read), at: firstIndex { $0 > place })
    }

    mutating func next() -> Read? {
        if waiting.isEmpty { return nil }
        let index = firstIndex { $0 >= head }
        let (place, read) = waiting.remove(at: index == waiting.count ? 0 : index)
        head = place
        return read
    }

    /// The number of places before the first that satisfies a condition, which all later ones satisfy, too.
    private func firstIndex(_ condition: (UInt64) -> Bool) -> Int {
        var (low, high) = (0, waiting.count)
        while low < high {
            let middle = (low + high) / 2
            if condition(waiting[middle].place) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// Starts the reads of one disk.
actor DiskQueue: MailboxActor {
    nonisolated let mailbox: Mailbox
    nonisolated var unownedExecutor: UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private let largeFiles: LimitedResource
    private var order = SweepOrder<Read>()
    private var running = 0

    enum Read: Sendable {
        case small(ReadBatch)
        case large(LargeRead)
    }

    /// The disk itself sorts what it knows, but two large files at a time would make its head go back and forth.
    private static let smallAtATime = 4

    init(_ scheduler: SchedulerID, largeFiles: LimitedResource) {
        mailbox = Mailbox(scheduler)
        self.largeFiles = largeFiles
    }

    func add(_ read: Read, at place: UInt64) {
        order.add(read, at: place)
        start()
    }

    func ended(_ weight: Int) {
        running -= weight
        start()
    }

    private func start() {
        while running < Self.smallAtATime, let read = order.next() {
            switch read {
            case .small(let batch):
                running += 1
                batch.send { $0.run() }
            case .large(let large):
                running += Self.smallAtATime
                large.send(holding: largeFiles) { $0.start(holding: $1) }
            }
        }
    }

    static let small = 1
    static let large = smallAtATime
}

/// The queues of disks that turn.
final class DiskQueues: Sendable {
    /// By device; nil: it does not turn, or that is unknown.
    private let queues = Mutex<[UInt64: DiskQueue?]>([:])
    private let turns: @Sendable (_ device: UInt64) -> Bool

    init(turns: @escaping @Sendable (_ device: UInt64) -> Bool = Kernel.isRotational) { self.turns = turns }

    func queue(ofDevice device: UInt64, _ search: DuplicateSearch) -> DiskQueue? {
        queues.withLock { queues in
            if let known = queues[device] { return known }
            let queue = turns(device) ? DiskQueue(search.scheduler, largeFiles: search.largeFiles) : nil
            queues[device] = .some(queue)
            return queue
        }
    }
}
