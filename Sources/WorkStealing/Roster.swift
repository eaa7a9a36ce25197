// The tasks of a run that have begun and not returned: so that `cancel()` reaches them, and a run that stands still can name them.

import Synchronization

/// Every task that `Scheduler.spawn` started, from its first step to its last.
///
/// A task enters after it was counted as pending, and leaves before it is taken from that count. `cancel()` sets the
/// scheduler's flag and then visits the roster; a task enters and then looks at the flag. Both go through the lock of
/// the task's shard, so that at least one of them cancels the task.
struct Roster: Sendable {
    /// Where a task stands. Its own, until it leaves.
    struct Seat: Sendable {
        fileprivate let shard: Int
        fileprivate let index: Int
    }

    /// Where the program has spawned a task.
    struct Origin: Hashable, Sendable {
        let file: StaticString
        let line: UInt

        static func == (one: Origin, other: Origin) -> Bool {
            one.line == other.line && one.description == other.description
        }

        func hash(into hasher: inout Hasher) { hasher.combine(line) }

        var description: String { "\(file):\(line)" }
    }

    /// `@unchecked Sendable`: used under the shard's lock. A task that has a seat has not returned, and so lives.
    private struct Seats: @unchecked Sendable {
        var tasks: [(task: Unmanaged<AnyObject>, origin: Origin)?] = []
        var free: [Int] = []
    }

    private final class Shard: Sendable {
        let seats = Locked(Seats())
    }

    /// A worker enters its tasks into one of these, so that workers seldom meet.
    private let shards = (0..<16).map { _ in Shard() }

    /// Enters the calling task.
    func enter(_ origin: Origin, worker: Int) -> Seat {
        // A task is an object, to which `UnsafeCurrentTask` is one reference that is not counted.
        let task = withUnsafeCurrentTask { unsafeBitCast($0, to: Unmanaged<AnyObject>.self) }
        let shard = worker % shards.count
        let index = shards[shard].seats.withLock { seats in
            if let index = seats.free.popLast() {
                seats.tasks[index] = (task, origin)
                return index
            }
            seats.tasks.append((task, origin))
            return seats.tasks.count - 1
        }
        return Seat(shard: shard, index: index)
    }

    func leave(_ seat: Seat) {
        shards[seat.shard].seats.withLock { seats in
            seats.tasks[seat.index] = nil
            seats.free.append(seat.index)
        }
    }

    /// Cancels every task that has entered. Not under a lock: what a task does when it is cancelled may be anything.
    func cancelAll() {
        for shard in shards {
            let tasks = shard.seats.withLock { seats in
                Retained(tasks: seats.tasks.compactMap { $0?.task.retain() })
            }
            for task in tasks.tasks {
                unsafeBitCast(task, to: UnsafeCurrentTask.self).cancel()
                task.release()
            }
        }
    }

    /// `@unchecked Sendable`: tasks may be cancelled by anyone.
    private struct Retained: @unchecked Sendable {
        let tasks: [Unmanaged<AnyObject>]
    }

    /// Where the tasks were spawned, and how many at each place, the most first.
    var origins: [(origin: Origin, count: Int)] {
        var counts: [Origin: Int] = [:]
        for shard in shards {
            let origins = shard.seats.withLock { $0.tasks.compactMap { $0?.origin } }
            for origin in origins { counts[origin, default: 0] += 1 }
        }
        return counts.map { ($0.key, $0.value) }.sorted { ($0.1, $1.0.description) > ($1.1, $0.0.description) }
    }
}
