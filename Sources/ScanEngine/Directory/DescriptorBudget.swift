// How the scan lives with few descriptors.
//
// A directory keeps its descriptor while children wait to be opened relative to it: with depth-first order that is about
// one for each level and worker. When descriptors run short (their numbers tell: the kernel gives out the lowest that is
// free), directories that keep one are put on a list, and the oldest, highest in the tree, gives its up for a new one.
//
// A descriptor that was given up is made again
//   - from below: when a directory closes its own, and the nearest one above that is still needed has none, it is opened
//     through `..`. A walk that comes back up a long chain finds every level that way, so that the chain costs linear
//     time;
//   - else from above: from the nearest ancestor that has one, down by name.
// Each step is checked against the device and inode that the directory had when it was first opened: a directory that
// was moved away meanwhile is not mistaken for another.
//
// What cannot be given up is bounded, and the limit on open files decides how much of it there may be:
//   - a descriptor for each PATH that is being scanned, until it is complete;
//   - three for each worker: an ancestor, a step and the next step on the way to a directory; or a directory, and
//     something in it that is being read;
//   - one for each helper that asks libmagic, and one more while it is started;
//   - one for each large file that is read in pieces, and for each file that is kept open until libmagic tells its type.

import CLinux
import Synchronization

/// Decides how much is open at a time, and which directories keep their descriptors.
struct DescriptorBudget: ~Copyable, Sendable {
    /// Descriptors from this number on mean that the limit is near.
    private let pressure: Int32
    /// Directories whose descriptors have this number or a higher one are listed as keepers.
    private let listed: Int32
    /// As many as there are descriptors for: under a limit of 16, a scan with 8 workers would wait for itself.
    let workers: Int
    /// How many PATHs may be scanned at a time: each keeps a descriptor to its end.
    let pathsAtATime: Int
    /// How many files may be read in pieces at a time.
    let largeFilesAtATime: Int
    /// How many files may be kept open until their type is told: those of a slice for each worker, if it can be.
    let openFilesAtATime: Int
    /// In how many directories and slices files may be looked into at a time: all of these files can be kept open, as far
    /// as the helpers are busy then. A file for which there is no room is opened, and read, up to three times.
    let directoriesAtATime: Int
    /// How many helpers may ask libmagic at a time.
    let helpersAtATime: Int

    /// Not private: the compiler (6.3) cannot lay out, from another file, a mutex around a type that it may not see.
    struct Keepers {
        /// Directories that keep a descriptor, oldest first; some have given it up or closed it since.
        var list: [Directory] = []
        /// When the list is this long, those that keep nothing any more are taken off.
        var purgeLength = 256
    }

    private let keepers = Mutex(Keepers())
    private let givenUp = Atomic<Bool>(false)
    /// How often since the last progress, over all workers, nothing could be opened for want of descriptors. Relaxed: it decides only when
    /// to give up, and a few times more or less do not matter.
    private let failuresSinceProgress = Atomic<Int>(0)

    /// Whether any descriptor has been given up so far. Relaxed: it only saves looking for what may be restored, and who
    /// misses it leaves a directory to be opened from above.
    var hasGivenUp: Bool { givenUp.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - limit: the soft limit on open files, already raised as far as it goes.
    ///   - open: how many of them are open already.
    ///   - workers: how many are wanted.
    ///   - helpers: how many are wanted.
    ///   - filesPerSlice: how many files of a slice may be kept open.
    init(limit: Int, open: Int, workers wanted: Int, helpers: Int = 0, filesPerSlice: Int = 16) {
        let all = max(limit - open, 4)
        helpersAtATime = max(min(helpers, 1), min(helpers, all / 8))
        let free = max(all - (helpers > 0 ? helpersAtATime + 1 : 0), 4)
        workers = max(1, min(wanted, (free - 3) / Self.perWorker))
        let spare = free - workers * Self.perWorker
        pathsAtATime = max(1, min(workers * 2, spare / 4))
        largeFilesAtATime = max(1, min(workers * 2, spare / 4))
        openFilesAtATime = max(1, min(workers * filesPerSlice, spare / 4))
        directoriesAtATime = min(workers, max(1, helpersAtATime, openFilesAtATime / filesPerSlice))
        pressure = Int32(clamping: limit - min(workers * Self.perWorker + 8, limit / 2))
        listed = limit < 256 ? 0 : pressure / 2
    }

    private static let perWorker = 3

    /// To be called when a directory that others will need has got a descriptor. Gives others' up if it has to be.
    func keep(_ directory: Directory, _ number: Int32) {
        // Everything below a PATH is reached from the PATH's own descriptor in the end, so that one stays.
        guard number >= listed, directory.node.level > 0 else { return }
        var superseded: [Directory] = []
        keepers.withLock { keepers in
            keepers.list.append(directory)
            if keepers.list.count >= keepers.purgeLength {
                // Let go outside of the lock.
                superseded = keepers.list
                keepers.list.removeAll { !$0.descriptor.isPresent }
                keepers.purgeLength = max(256, keepers.list.count * 2)
            }
        }
        superseded.removeAll()
        if number >= pressure { _ = giveUpOldest() }
    }

    /// To be asked by who could open nothing because all descriptors are in use, by other workers or by other processes:
    /// whether to try again behind other work. Where there are none for long, each open is tried once.
    func mayTryAgain() -> Bool {
        failuresSinceProgress.wrappingAdd(1, ordering: .relaxed).newValue < Self.failuresLimit
    }

    /// To be called when something was opened for the first time, or a slice has come to its end: what happens only so often
    /// in a scan. Not when a directory was opened once more: two actors who take each other's directories would go on for
    /// ever.
    func noteProgress() {
        if failuresSinceProgress.load(ordering: .relaxed) != 0 { failuresSinceProgress.store(0, ordering: .relaxed) }
    }

    /// About a second.
    private static let failuresLimit = 100_000

    /// Closes the descriptor that was kept longest and that nobody is using.
    ///
    /// - Returns: false if there is none.
    func giveUpOldest() -> Bool {
        givenUp.store(true, ordering: .relaxed)
        return keepers.withLock { keepers in
            for index in keepers.list.indices {
                guard let descriptor = keepers.list[index].descriptor.take() else { continue }
                _ = consume descriptor
                // Those in front that are in use at this moment stay: they are the next to give theirs up.
                let used = keepers.list[..<index].filter { $0.descriptor.isPresent }
                keepers.list.replaceSubrange(...index, with: used)
                return true
            }
            return false
        }
    }
}
