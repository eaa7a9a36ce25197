// The tasks of a run that have begun and not returned, so that `cancel()` reaches them, and a stalled run can name
// them.
//
//   a seat's `task`:   0 ──enter──▶ task ──leave──▶ 0
//                                   │  ▲
//                            visit  ▼  │  retains the task, or reads where it was spawned
//                                 task | 1           (a leaving task, and another visitor, wait for that)
//
// No lock: a seat comes from a list that belongs to one worker, and goes back to the list of the worker on which it is
// left.

import Glibc
import Synchronization

/// Every task that `Scheduler.spawn` started, from its first step to its last.
///
/// A task enters after it was counted as pending, and leaves before it is subtracted. `cancel()` sets the scheduler's
/// flag and then visits the roster; a task enters and then reads the flag. All four steps are sequentially consistent,
/// so at least one of the two sees the other, and the task is cancelled.
final class Roster: Sendable {
    /// Where the program spawned a task.
    struct Origin: Hashable, Sendable {
        let file: StaticString
        let line: UInt

        static func == (one: Origin, other: Origin) -> Bool {
            one.line == other.line && one.description == other.description
        }

        func hash(into hasher: inout Hasher) { hasher.combine(line) }

        var description: String { "\(file):\(line)" }
    }

    /// Belongs to the task from `enter` to `leave`; except for `task`, no other thread touches it unless `task` is
    /// marked.
    fileprivate struct Place: ~Copyable {
        /// 0: free.
        let task = SteppedAtomic<UInt>(0)
        var origin = Origin(file: "", line: 0)
        /// Of a free seat: the next of its list, and the length of the list from here on.
        var next: Seat?
        var length = 0
    }

    /// `@unchecked Sendable`: the roster frees no place before it is freed itself; `Place` says which thread may touch
    /// which part.
    struct Seat: @unchecked Sendable {
        fileprivate let place: UnsafeMutablePointer<Place>
        fileprivate var identity: UInt { UInt(bitPattern: place) }
    }

    /// The free seats of one worker, which alone uses them. (Atomic, because that costs less than the exclusivity check
    /// of a property.)
    struct FreeSeats: ~Copyable, Sendable {
        private let head = Atomic<UInt>(0)

        fileprivate var list: Seat? {
            get {
                UnsafeMutablePointer<Place>(bitPattern: head.load(ordering: .relaxed)).map { Seat(place: $0) }
            }
            nonmutating set { head.store(newValue.map(\.identity) ?? 0, ordering: .relaxed) }
        }
    }

    private struct Stock: Sendable {
        var blocks: [Seat] = []
        /// Lists of free seats that belong to no worker.
        var lists: [Seat] = []
    }

    private let stock = Locked(Stock())
    /// Seats created at once; a worker with twice as many gives them away.
    private let blockLength: Int

    /// - Parameter blockLength: tests use fewer.
    init(blockLength: Int = 64) { self.blockLength = blockLength }

    deinit {
        stock.withLock { stock in
            for block in stock.blocks {
                block.place.deinitialize(count: blockLength)
                block.place.deallocate()
            }
        }
    }

    private func withStock<Result: Sendable>(_ body: (inout Stock) -> Result) -> Result {
        interleavingPoint(.write, UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
        return stock.withLock(body)
    }

    private static let mark: UInt = 1

    /// For tests: how many seats there are.
    var capacity: Int { withStock { $0.blocks.count } * blockLength }

    // MARK: Tasks

    /// Enters a task, which lives at least until it has left.
    ///
    /// - Parameter free: the calling worker's; nil outside the pool.
    @inline(__always)
    func enter(_ task: UInt, _ origin: Origin, _ free: borrowing FreeSeats) -> Seat {
        let seat = free.list ?? takeList()
        free.list = seat.place.pointee.next
        sit(task, origin, seat)
        return seat
    }

    func enterOutside(_ task: UInt, _ origin: Origin) -> Seat {
        let seat = takeList()
        if let rest = seat.place.pointee.next { withStock { $0.lists.append(rest) } }
        sit(task, origin, seat)
        return seat
    }

    @inline(__always)
    private func sit(_ task: UInt, _ origin: Origin, _ seat: Seat) {
        seat.place.pointee.origin = origin
        seat.place.pointee.task.store(task, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func leave(_ task: UInt, _ seat: Seat, _ free: borrowing FreeSeats) {
        rise(task, seat)
        let list = free.list
        let length = (list?.place.pointee.length ?? 0) + 1
        seat.place.pointee.next = list
        seat.place.pointee.length = length
        free.list = seat
        // Otherwise a worker on which tasks only end would hoard the seats that others create.
        if length == 2 * blockLength { giveAway(free) }
    }

    func leaveOutside(_ task: UInt, _ seat: Seat) {
        rise(task, seat)
        seat.place.pointee.next = nil
        seat.place.pointee.length = 1
        withStock { $0.lists.append(seat) }
    }

    @inline(__always)
    private func rise(_ task: UInt, _ seat: Seat) {
        while true {
            // The visitor's work is finished: acquire.
            let step = seat.place.pointee.task.compareExchange(
                expected: task, desired: 0, ordering: .acquiringAndReleasing)
            if step.exchanged { return }
            interleavingSpin()
            sched_yield()
        }
    }

    /// All except the first `blockLength`: with none or all of them left, the next task that comes and goes would bring
    /// it here again.
    @inline(never)
    private func giveAway(_ free: borrowing FreeSeats) {
        guard var seat = free.list else { return }
        for length in (1...blockLength).reversed() {
            seat.place.pointee.length = length
            guard let next = seat.place.pointee.next else { return }
            if length == 1 {
                seat.place.pointee.next = nil
                withStock { $0.lists.append(next) }
            }
            seat = next
        }
    }

    @inline(never)
    private func takeList() -> Seat {
        if let list = withStock({ $0.lists.popLast() }) { return list }
        let block = UnsafeMutablePointer<Place>.allocate(capacity: blockLength)
        var list: Seat?
        for index in (0..<blockLength).reversed() {
            (block + index).initialize(to: Place(next: list, length: blockLength - index))
            list = Seat(place: block + index)
        }
        let seat = Seat(place: block)
        withStock { $0.blocks.append(seat) }
        return seat
    }

    // MARK: Visitors

    /// Calls `body` for each task that has entered. The task cannot leave meanwhile, so `body` must be short.
    private func visit(_ body: (UInt, Origin) -> Void) {
        for block in withStock({ $0.blocks }) {
            for index in 0..<blockLength { visit(Seat(place: block.place + index), body) }
        }
    }

    private func visit(_ seat: Seat, _ body: (UInt, Origin) -> Void) {
        while true {
            let task = seat.place.pointee.task.load(ordering: .sequentiallyConsistent)
            if task == 0 { return }
            if task & Self.mark != 0 {
                // Another visitor is there; it does not do this visitor's work.
                waitForVisitor(seat)
                continue
            }
            let step = seat.place.pointee.task.compareExchange(
                expected: task, desired: task | Self.mark, ordering: .acquiringAndReleasing)
            // Otherwise another visitor has come, or the task has left.
            guard step.exchanged else { continue }
            body(task, seat.place.pointee.origin)
            return seat.place.pointee.task.store(task, ordering: .releasing)
        }
    }

    private func waitForVisitor(_ seat: Seat) {
        #if INTERLEAVING
        // Not marked as spinning: the leaving task is, and two spinners would alternate forever without the visitor.
        interleavingPoint(.read, seat.place.pointee.task.identity) {
            seat.place.pointee.task.plain.load(ordering: .relaxed) & Self.mark == 0
        }
        #endif
        sched_yield()
    }

    /// Every task that has entered, retained for the caller, and no longer held in the roster: a task may do anything
    /// when it is cancelled.
    ///
    /// A task that leaves meanwhile is not visited: the next task in its seat then sees the scheduler's flag.
    func retainAll() -> [Unmanaged<AnyObject>] {
        var tasks: [Unmanaged<AnyObject>] = []
        visit { task, _ in
            // A task is an object.
            tasks.append(Unmanaged<AnyObject>.fromOpaque(UnsafeRawPointer(bitPattern: task).unsafelyUnwrapped).retain())
        }
        return tasks
    }

    /// Where the tasks were spawned, with the number at each place, largest first; and the sum of the tasks' addresses.
    var origins: (places: [(origin: Origin, count: Int)], identity: UInt) {
        var (counts, identity) = ([Origin: Int](), 0 as UInt)
        visit { task, origin in
            counts[origin, default: 0] += 1
            identity &+= task
        }
        let places = counts.map { (origin: $0.key, count: $0.value) }
        return (places.sorted { ($0.count, $1.origin.description) > ($1.count, $0.origin.description) }, identity)
    }
}
