// Scanning with few descriptors.
//
// A directory keeps its descriptor while children wait to be opened relative to it: with depth-first order about one
// per level and worker. When descriptors run short (visible from their numbers: the kernel assigns the lowest free
// one), directories that keep one are put on a list, and the oldest, highest in the tree, gives its descriptor up for a
// new one.
//
// A descriptor that was given up is reopened
//   - from below: when a directory closes its own, and the nearest one above that is still needed has none, that one is
//     opened through `..`. A walk that comes back up a long chain finds every level that way, so the chain costs linear
//     time;
//   - else from above: from the nearest ancestor that has one, down by name.
// Each step is checked against the device and inode that the directory had when it was first opened, so a directory
// that was moved away meanwhile is not mistaken for another.
//
// Descriptors that cannot be given up are bounded; the limit on open files decides how many there may be:
//   - one for each PATH that is being scanned, until it is complete, and one for each directory in which another rank's
//     work is being done;
//   - three for each worker: an ancestor, a step and the next step on the way to a directory; or a directory, and an
//     entry of it that is being read;
//   - one for each libmagic helper, and one more while it is started;
//   - one for each large file that is read in pieces, and for each file that is kept open until libmagic determines its
//     type.

import CLinux
import Synchronization

/// Decides how much is open at a time, and which directories keep their descriptors.
struct DescriptorBudget: ~Copyable, Sendable {
    /// Descriptors from this number on mean that the limit is near.
    private let pressure: Int32
    /// Directories whose descriptors have this number or a higher one are listed as keepers.
    private let listed: Int32
    /// Limited by descriptors: under a limit of 16, a scan with 8 workers would deadlock.
    let workers: Int
    /// How many PATHs may be scanned at a time: each keeps a descriptor to its end.
    let pathsAtATime: Int
    /// In how many directories work of other ranks may be done at a time: each keeps a descriptor until that is
    /// answered. Many, because the answer may wait for a rank to which a part of it was lent on.
    let borrowedAtATime: Int
    /// How many files may be read in pieces at a time.
    let largeFilesAtATime: Int
    /// How many files may be kept open until their type is known: those of a slice for each worker, if possible.
    let openFilesAtATime: Int
    /// In how many directories and slices files may be read at a time: all of these files can be kept open, as long as
    /// the helpers are busy. A file without room is opened, and read, up to three times.
    let directoriesAtATime: Int
    /// How many libmagic helpers there may be.
    let helpersAtATime: Int

    /// Not private: the compiler (6.3) cannot lay out, from another file, a mutex around a type that is not visible
    /// there.
    struct Keepers {
        /// Directories that keep a descriptor, oldest first; some have given it up or closed it since.
        var list: [Directory] = []
        /// The length at which directories without a descriptor are removed from the list.
        var purgeLength = 256
    }

    private let keepers = Mutex(Keepers())
    private let givenUp = Atomic<Bool>(false)
    /// How often since the last progress, over all workers, an open failed for lack of descriptors. Relaxed: it only
    /// decides when to give up, and the exact number does not matter.
    private let failuresSinceProgress = Atomic<Int>(0)

    /// Whether any descriptor has been given up so far. Relaxed: it only avoids searches for directories to restore; a
    /// worker that misses it leaves a directory to be opened from above.
    var hasGivenUp: Bool { givenUp.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - limit: the soft limit on open files, already raised as far as possible.
    ///   - open: how many of them are already open.
    ///   - workers: the requested number.
    ///   - helpers: the requested number.
    ///   - filesPerSlice: how many files of a slice may be kept open.
    init(limit: Int, open: Int, workers wanted: Int, helpers: Int = 0, filesPerSlice: Int = 16) {
        let all = max(limit - open, 4)
        helpersAtATime = max(min(helpers, 1), min(helpers, all / 8))
        let free = max(all - (helpers > 0 ? helpersAtATime + 1 : 0), 4)
        workers = max(1, min(wanted, (free - 3) / Self.perWorker))
        let spare = free - workers * Self.perWorker
        pathsAtATime = max(1, min(workers * 2, spare / 4))
        borrowedAtATime = max(1, spare / 4)
        largeFilesAtATime = max(1, min(workers * 2, spare / 4))
        openFilesAtATime = max(1, min(workers * filesPerSlice, spare / 4))
        directoriesAtATime = min(workers, max(1, helpersAtATime, openFilesAtATime / filesPerSlice))
        pressure = Int32(clamping: limit - min(workers * Self.perWorker + 8, limit / 2))
        listed = limit < 256 ? 0 : pressure / 2
    }

    private static let perWorker = 3

    /// Call it when a directory that others will need has got a descriptor. Gives up others' descriptors if necessary.
    func keep(_ directory: Directory, _ number: Int32) {
        // Everything below a PATH is ultimately reached from the PATH's own descriptor, so that one stays.
        guard number >= listed, directory.node.level > 0 else { return }
        var superseded: [Directory] = []
        keepers.withLock { keepers in
            keepers.list.append(directory)
            if keepers.list.count >= keepers.purgeLength {
                // Released outside the lock.
                superseded = keepers.list
                keepers.list.removeAll { !$0.descriptor.isPresent }
                keepers.purgeLength = max(256, keepers.list.count * 2)
            }
        }
        superseded.removeAll()
        if number >= pressure { _ = giveUpOldest() }
    }

    /// Called after an open has failed because all descriptors are in use, by other workers or by other processes:
    /// whether to try again behind other work. If there are none for long, each open is tried once.
    func mayTryAgain() -> Bool {
        failuresSinceProgress.wrappingAdd(1, ordering: .relaxed).newValue < Self.failuresLimit
    }

    /// Call it when something was opened for the first time, or a slice has ended: events that happen a limited number
    /// of times in a scan. Not when a directory was reopened: two actors that take each other's descriptors would
    /// continue forever.
    func noteProgress() {
        if failuresSinceProgress.load(ordering: .relaxed) != 0 { failuresSinceProgress.store(0, ordering: .relaxed) }
    }

    /// About a second.
    private static let failuresLimit = 100_000

    /// Closes the descriptor that was kept longest and is not in use.
    ///
    /// - Returns: false if there is none.
    func giveUpOldest() -> Bool {
        givenUp.store(true, ordering: .relaxed)
        return keepers.withLock { keepers in
            for index in keepers.list.indices {
                guard let descriptor = keepers.list[index].descriptor.take() else { continue }
                _ = consume descriptor
                // Those in front that are in use right now stay: they are the next candidates.
                let used = keepers.list[..<index].filter { $0.descriptor.isPresent }
                keepers.list.replaceSubrange(...index, with: used)
                return true
            }
            return false
        }
    }
}
