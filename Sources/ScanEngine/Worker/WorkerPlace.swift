import Synchronization

/// The directory or file that a worker is at: for a progress display, for the warning about a file system that does not
/// answer, and for the report of a scan whose workers do not return.
///
/// Set once per directory, and once per file that is read, so a lock costs too little to measure. The name is copied
/// into an array that keeps its memory: an allocation for each file would cost more than all the rest.
struct WorkerPlace: ~Copyable, Sendable {
    struct Spot: Sendable {
        var directory: PathNode?
        /// Empty: the directory itself.
        var name: [UInt8] = []
    }

    private let spot = Mutex(Spot())

    /// Nil between messages.
    var path: EntryPath? {
        spot.withLock { spot in
            guard let directory = spot.directory else { return nil }
            return EntryPath(directory: directory, name: spot.name.isEmpty ? nil : spot.name)
        }
    }

    /// The worker is at a directory from now on, or at a file in it; nil: at none.
    func move(to directory: PathNode?, file name: UnsafeRawBufferPointer? = nil) {
        let left = spot.withLock { spot in
            let left = spot.directory
            spot.directory = directory
            if !spot.name.isEmpty { spot.name.removeAll(keepingCapacity: true) }
            if let name { spot.name.append(contentsOf: name) }
            return left
        }
        // Outside of the lock: perhaps it is freed now, with those above it.
        _ = consume left
    }

    /// The worker is at its directory again.
    func leaveFile() {
        spot.withLock { spot in if !spot.name.isEmpty { spot.name.removeAll(keepingCapacity: true) } }
    }
}
