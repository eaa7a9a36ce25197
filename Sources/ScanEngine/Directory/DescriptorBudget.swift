// How the scan lives with few descriptors.
//
// A directory keeps its descriptor while children wait to be opened relative to it: with depth-first order that is about
// one for each level and worker. When descriptors run short (their numbers tell: the kernel gives out the lowest that is
// free), directories that keep one are put on a list, and the oldest, highest in the tree, gives its up for a new one.
//
// A descriptor that was given up is made again
//   - from below: when a directory closes its own and its parent's is gone but still needed, it opens `..` first. A walk
//     that comes back up a long chain finds every level that way, so that the chain costs linear time;
//   - else from above: from the nearest ancestor that has one, down by name.
// Each step is checked against the device and inode that the directory had when it was first opened: a directory that
// was moved away meanwhile is not mistaken for another.

import CLinux
import Synchronization

/// Decides which directories keep their descriptors.
struct DescriptorBudget: ~Copyable, Sendable {
    /// Descriptors from this number on mean that the limit is near.
    private let pressure: Int32
    /// How many PATHs may be scanned at a time: each keeps a descriptor to its end.
    let pathsAtATime: Int
    /// Directories that keep a descriptor with a high number, oldest first; some have given it up or closed it since.
    private let keepers = Mutex<[Directory]>([])
    /// How long the list may grow before those that no longer keep anything are taken off.
    private let purgeLength: Int

    /// - Parameters:
    ///   - limit: the soft limit on open files, already raised as far as it goes.
    ///   - workers: each needs a few descriptors of its own: the directory being opened, one on the way to be restored,
    ///     a file being read.
    init(limit: Int, workers: Int) {
        let reserve = min(workers * 3 + 8, limit / 2)
        pathsAtATime = max(1, min(workers * 2, limit / 8))
        pressure = Int32(clamping: max(limit - reserve, 0))
        purgeLength = min(max(limit, 64), 4096) * 2
    }

    /// To be called when a directory that others will need has got a descriptor. Gives others' up if it has to be.
    func keep(_ directory: Directory, _ number: Int32) {
        // Everything below a PATH is reached from the PATH's own descriptor in the end, so that one stays.
        guard number >= pressure / 2, directory.node.level > 0 else { return }
        var superseded: [Directory] = []
        keepers.withLock { keepers in
            keepers.append(directory)
            if keepers.count > purgeLength {
                // Let go outside of the lock.
                superseded = keepers
                keepers.removeAll { !$0.descriptor.isPresent }
            }
        }
        superseded.removeAll()
        if number >= pressure { _ = giveUpOldest() }
    }

    /// Closes the descriptor that was kept longest and that nobody is using.
    ///
    /// - Returns: false if there is none.
    func giveUpOldest() -> Bool {
        keepers.withLock { keepers in
            for index in keepers.indices {
                if let descriptor = keepers[index].descriptor.take() {
                    _ = consume descriptor
                    keepers.removeSubrange(...index)
                    return true
                }
            }
            return false
        }
    }
}
