import Synchronization

/// The directory or file that a worker is at: for a progress display, for the warning about a file system that does not
/// answer, and for the report of a scan whose workers do not return.
///
/// Set once per directory, and once per file that is read, so a lock costs too little to measure. The name is copied
/// into an array that keeps its memory and its length: an allocation for each file would cost more than all the rest,
/// and to empty an array takes as long as to copy the name.
struct WorkerPlace: ~Copyable, Sendable {
    struct Spot: Sendable {
        var directory: PathNode?
        /// The name, and what is left of longer ones.
        var bytes: [UInt8] = []
        /// The length of the name; 0: the directory itself.
        var length = 0

        mutating func set(_ name: UnsafeRawBufferPointer) {
            length = name.count
            if bytes.count < length {
                bytes = Array(name)
            } else {
                bytes.withUnsafeMutableBytes { $0.copyMemory(from: name) }
            }
        }
    }

    private let spot = Mutex(Spot())

    /// Nil between messages.
    var path: EntryPath? {
        spot.withLock { spot in
            guard let directory = spot.directory else { return nil }
            return EntryPath(directory: directory, name: spot.length == 0 ? nil : Array(spot.bytes[..<spot.length]))
        }
    }

    /// The worker is at a directory from now on, or at a file in it; nil: at none.
    func move(to directory: PathNode?, file name: UnsafeRawBufferPointer? = nil) {
        let left = spot.withLock { spot in
            let left = spot.directory
            spot.directory = directory
            spot.length = 0
            if let name { spot.set(name) }
            return left
        }
        // Outside of the lock: perhaps it is freed now, with those above it.
        _ = consume left
    }

    /// The worker is at its directory again.
    func leaveFile() {
        spot.withLock { $0.length = 0 }
    }
}
