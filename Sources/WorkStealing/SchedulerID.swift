import Synchronization

/// Names a scheduler without counting references to it.
///
/// Every mailbox holds one. Messages sent by a worker of the scheduler, nearly all, compare it with the worker's own;
/// messages from outside look up the scheduler here.
package struct SchedulerID: Equatable, Sendable {
    /// Half a word, so that a mailbox has room for its own number beside it.
    let number: Int32

    /// Unretained: `release()`, at the start of the scheduler's `deinit`, removes the entry under the lock, and
    /// `withScheduler` holds the lock while it uses the entry. A weak reference would do the same, but gives the object
    /// a side table that every later retain and release has to go through.
    ///
    /// Never shrinks: a number is never reused, so a mailbox cannot find the wrong scheduler.
    private static let table = Mutex<[Entry]>([])

    /// `@unchecked Sendable`: used under the lock only.
    private struct Entry: @unchecked Sendable {
        var scheduler: Unmanaged<Scheduler>?
    }

    #if INTERLEAVING
    /// Identifies the table in tests. No object has that address.
    private static let tableIdentity: UInt = 3
    #endif

    static func reserve() -> SchedulerID {
        table.withLock { entries in
            entries.append(Entry(scheduler: nil))
            return SchedulerID(number: Int32(entries.count - 1))
        }
    }

    func bind(to scheduler: Scheduler) {
        let entry = Entry(scheduler: Unmanaged.passUnretained(scheduler))
        Self.table.withLock { $0[Int(number)] = entry }
    }

    func release() {
        Self.table.withLock { $0[Int(number)].scheduler = nil }
    }

    /// - Returns: false if the scheduler no longer exists; then `body` is not called.
    func withScheduler(_ body: (Scheduler) -> Void) -> Bool {
        #if INTERLEAVING
        Conductor.current?.lock(Self.tableIdentity, from: #function, line: #line)
        defer { Conductor.current?.unlock(Self.tableIdentity) }
        #endif
        return Self.table.withLock { entries in
            guard let scheduler = entries[Int(number)].scheduler else { return false }
            scheduler._withUnsafeGuaranteedRef(body)
            return true
        }
    }
}
